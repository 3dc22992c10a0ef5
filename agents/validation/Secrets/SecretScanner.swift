/// A text that looks like a secret.
struct SecretCandidate: Sendable, Hashable {
    /// What kind of secret, such as `aws-access-key`.
    var rule: String
    var text: String
    /// Whether it is a secret by its form or its name; otherwise only by its randomness.
    var isCertain: Bool
}

/// Finds what looks like a secret in a line of text: by the issuer's format, by a name beside it, or by its randomness.
struct SecretScanner: Sendable {
    /// A longer line is looked at up to here, in bytes.
    static let maxLineBytes = 16_384
    /// A value beside a telling name needs so many bits a character (Shannon), and this length.
    static let namedEntropy = 3.0
    static let namedLength = 10
    /// A value without a name needs more.
    static let namelessEntropy = 4.5
    static let namelessLengths = 40...200

    private static let names = [
        "password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "api-key", "access_key",
        "accesskey",
        "private_key", "privatekey", "credential",
    ]
    private static let placeholders = [
        "example", "changeme", "change-me", "change_me", "your", "xxxx", "placeholder", "dummy", "sample", "redacted",
        "process.env", "todo", "abcdefgh", "01234567", "12345678", "****", "secret", "password", "insert", "replace",
    ]

    private let byFirstByte: [UInt8: [SecretPattern]]

    init() { byFirstByte = Dictionary(grouping: SecretPattern.known) { $0.prefix.first ?? 0 } }

    /// The candidates in a line, in order; a text is reported once.
    func scan(_ line: some Collection<UInt8>) -> [SecretCandidate] {
        let line = Array(line.prefix(Self.maxLineBytes))
        var found: [SecretCandidate] = []
        func add(_ rule: String, _ bytes: some Sequence<UInt8>, certain: Bool = true) {
            let text = String(decoding: Array(bytes), as: UTF8.self)
            guard !found.contains(where: { $0.text.contains(text) || text.contains($0.text) }) else { return }
            found.append(SecretCandidate(rule: rule, text: text, isCertain: certain))
        }
        var index = 0
        while index < line.count {
            if index > 0, line[index - 1].isLetterOrDigit || line[index - 1] == UInt8(ascii: "_") {
                index += 1
                continue
            }
            if let (rule, end) = knownToken(line, at: index) {
                add(rule, line[index..<end])
                index = end
            } else {
                index += 1
            }
        }
        if Self.isPrivateKey(line) { add("private-key", line) }
        if let password = Self.urlPassword(line) { add("url-password", password) }
        for (value, name) in Self.values(line) {
            if let name, Self.isNamedSecret(value, name: name) {
                add("named-value", value)
            } else if Self.isRandom(value) {
                add("high-entropy", value, certain: false)
            }
        }
        return found
    }

    private func knownToken(_ line: [UInt8], at index: Int) -> (rule: String, end: Int)? {
        for pattern in byFirstByte[line[index]] ?? [] {
            guard let end = pattern.match(line, at: index) else { continue }
            let text = String(decoding: line[index..<end], as: UTF8.self)
            // A token of two parts at least; and no issuer's own example.
            if pattern.rule == "json-web-token", !text.contains(".eyJ") { continue }
            if text.hasSuffix("EXAMPLE") || Self.entropy(Array(line[index..<end])) < 2.5 { continue }
            return (pattern.rule, end)
        }
        return nil
    }

    // MARK: Forms

    private static func isPrivateKey(_ line: [UInt8]) -> Bool {
        let text = String(decoding: line, as: UTF8.self)
        guard let begin = text.firstRange(of: "-----BEGIN ") else { return false }
        return text[begin.upperBound...].prefix(40).contains("PRIVATE KEY-----")
    }

    /// The password of `scheme://user:password@host`.
    private static func urlPassword(_ line: [UInt8]) -> [UInt8]? {
        let text = String(decoding: line, as: UTF8.self)
        var rest = text[...]
        while let scheme = rest.firstRange(of: "://") {
            rest = rest[scheme.upperBound...]
            let authority = rest.prefix { !$0.isWhitespace && !"/?#\"'`<>".contains($0) }
            guard let at = authority.lastIndex(of: "@"), let colon = authority.firstIndex(of: ":"), colon < at else {
                continue
            }
            let password = authority[authority.index(after: colon)..<at]
            if password.utf8.count >= 6, !isPlaceholder(String(password)) { return Array(password.utf8) }
        }
        return nil
    }

    /// The quoted values of a line, each with the name before it if there is one; and `NAME=value` without quotes.
    private static func values(_ line: [UInt8]) -> [(value: ArraySlice<UInt8>, name: String?)] {
        var values: [(ArraySlice<UInt8>, String?)] = []
        var index = 0
        while index < line.count {
            let quote = line[index]
            guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") || quote == UInt8(ascii: "`") else {
                index += 1
                continue
            }
            guard let end = line[(index + 1)...].firstIndex(of: quote) else { break }
            values.append((line[(index + 1)..<end], name(before: index, in: line)))
            // What ends one text may begin the next: the quotes of JSON keys and values alternate.
            index = end + 1
        }
        if values.isEmpty, let sign = line.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }) {
            let value = line[(sign + 1)...].drop { $0 == 0x20 }.prefix { $0 > 0x20 }
            // A setting, as in .env and YAML files; with brackets or a semicolon it is code.
            let isCode = value.contains { "(){}[];,<>".utf8.contains($0) }
            let isWhole = value.endIndex == line.endIndex || line[value.endIndex...].allSatisfy { $0 <= 0x20 }
            if isWhole, !isCode { values.append((value, name(before: sign + 1, in: line))) }
        }
        return values
    }

    /// The name that stands before a value: `name = "`, `name: "`, `"name": "`.
    private static func name(before index: Int, in line: [UInt8]) -> String? {
        var end = index
        func skip(_ matches: (UInt8) -> Bool) { while end > 0, matches(line[end - 1]) { end -= 1 } }
        skip { $0 == 0x20 }
        guard end > 0, line[end - 1] == UInt8(ascii: "=") || line[end - 1] == UInt8(ascii: ":") else { return nil }
        skip { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }
        skip { $0 == 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "]") }
        let start = line[..<end].lastIndex { byte in
            !(byte.isLetterOrDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "."))
        }
        let name = line[(start.map { $0 + 1 } ?? 0)..<end]
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    // MARK: Judgement

    private static func isNamedSecret(_ value: ArraySlice<UInt8>, name: String) -> Bool {
        let name = name.lowercased()
        guard names.contains(where: name.contains), value.count >= namedLength,
            value.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !isPlaceholder(String(decoding: value, as: UTF8.self))
        else { return false }
        // Words joined by signs are names of things: error codes, paths, keys of a translation.
        let hasDigit = value.contains { (0x30...0x39).contains($0) }
        let hasSign = value.contains { !$0.isLetterOrDigit && !"_-./:".utf8.contains($0) }
        return (hasDigit || hasSign) && entropy(Array(value)) >= namedEntropy
    }

    private static func isRandom(_ value: ArraySlice<UInt8>) -> Bool {
        guard namelessLengths.contains(value.count),
            value.allSatisfy({ $0.isLetterOrDigit || "+/=_-".utf8.contains($0) }),
            value.count(where: { (0x30...0x39).contains($0) }) >= 3,
            value.contains(where: { (0x41...0x5A).contains($0) }), value.contains(where: { (0x61...0x7A).contains($0) })
        else { return false }
        let text = String(decoding: value, as: UTF8.self)
        // Digests of subresource integrity and lock files are no secrets.
        guard !["sha1-", "sha256-", "sha384-", "sha512-"].contains(where: text.hasPrefix), !isPlaceholder(text) else {
            return false
        }
        return entropy(Array(value)) >= namelessEntropy
    }

    private static func isPlaceholder(_ value: String) -> Bool {
        let value = value.lowercased()
        if value.contains("${") || value.contains("{{") || value.contains("<%") || value.hasPrefix("<")
            || value.hasPrefix("$")
        {
            return true
        }
        return placeholders.contains(where: value.contains)
    }

    /// Shannon entropy in bits a character.
    static func entropy(_ bytes: [UInt8]) -> Double {
        guard !bytes.isEmpty else { return 0 }
        var counts = [Int](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        let total = Double(bytes.count)
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * share.binaryLogarithm
        }
    }
}

extension Double {
    /// The logarithm to the base 2 of a positive number, without a math library.
    var binaryLogarithm: Double {
        // significand in 1..<2: four steps of the bisection would do for entropies; twenty give six digits.
        var result = Double(exponent)
        var rest = significand
        var step = 0.5
        for _ in 0..<20 {
            rest *= rest
            if rest >= 2 {
                rest /= 2
                result += step
            }
            step /= 2
        }
        return result
    }
}
