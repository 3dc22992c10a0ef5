import JSONTools

/// What a project allows although it looks like a secret, from `.baton/secrets-allow`.
///
/// A line is a path, in which `*` stands for any characters, or `sha256:` with at least twelve digits of the digest of an
/// allowed text, so that the text itself needn't be written down again. Empty lines and those that begin with `#` don't count.
struct SecretAllowList: Sendable, Hashable {
    static let path = ".baton/secrets-allow"
    private static let minimumDigits = 12

    private var patterns: [PathPattern] = []
    private var digests: [String] = []
    /// Lines that can't be understood.
    private(set) var faults: [Int] = []

    init(_ text: String = "") {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let entry = line.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
            guard let first = entry.first, first != "#" else { continue }
            let text = String(entry)
            if text.hasPrefix("sha256:") {
                let digits = text.dropFirst(7).lowercased()
                if digits.count >= Self.minimumDigits, digits.allSatisfy(\.isHexDigit) {
                    digests.append(digits)
                } else {
                    faults.append(index + 1)
                }
            } else {
                patterns.append(PathPattern(text))
            }
        }
    }

    /// Whether everything in a file is allowed.
    func allows(path: String) -> Bool { patterns.contains { $0.matches(path) } }

    /// Whether a text is allowed wherever it stands.
    func allows(text: String) -> Bool {
        guard !digests.isEmpty else { return false }
        let digest = Self.digest(of: text)
        return digests.contains(where: digest.hasPrefix)
    }

    /// What an entry for a text begins with.
    static func entry(for text: String) -> String { "sha256:" + digest(of: text).prefix(minimumDigits) }

    private static func digest(of text: String) -> String { SHA256Digest.hex(of: Array(text.utf8)) }
}
