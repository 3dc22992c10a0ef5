/// Takes secrets out of what leaves a process: wherever a value stands, in any of the forms of ``SecretForms``, it is
/// replaced by `[secret NAME]`.
///
/// Of matches that overlap the first counts, of those that begin together the longest. A secret that was cut, encrypted,
/// compressed or written in a form of its own is not found.
///
/// All values are looked for at once, by the pairs of bytes at the ends of windows as wide as the shortest (Wu and Manber,
/// "A fast algorithm for multi-pattern searching", 1994), so that most bytes are never looked at.
public struct Redactor: Sendable {
    /// A shorter value can't be told from other text and is not looked for, in bytes.
    public static let minimumBytes = 8

    /// Something to look for.
    private struct Needle: Sendable {
        var bytes: [UInt8]
        var replacement: [UInt8]
    }

    /// The longest first, so that the first that matches is the longest.
    private let needles: [Needle]
    /// By the pair of bytes at the end of a needle's first ``width`` bytes.
    private let byPair: [UInt16: [Int]]
    /// By a pair of bytes at the end of a window: how far the window may move on.
    private let shifts: [UInt8]
    /// By first byte, the longest first.
    private let byFirst: [[Int]]
    /// How wide the window is: as the shortest needle, at most 64.
    private let width: Int
    /// Length of the longest needle.
    let longest: Int

    /// A redactor that finds nothing.
    public static let none = Redactor([])

    /// A redactor.
    ///
    /// - Parameter secrets: Names and values; values shorter than ``minimumBytes`` are left out.
    public init(_ secrets: some Sequence<(name: String, value: String)>) {
        var names: [[UInt8]: String] = [:]
        for secret in secrets where secret.value.utf8.count >= Self.minimumBytes {
            for form in SecretForms.all(of: secret.value) where names[form] == nil { names[form] = secret.name }
        }
        needles = names.map { Needle(bytes: $0, replacement: Array("[secret \($1)]".utf8)) }
            .sorted { ($1.bytes.count, $0.bytes.lexicographic) < ($0.bytes.count, $1.bytes.lexicographic) }
        longest = needles.first?.bytes.count ?? 0
        width = min(needles.last?.bytes.count ?? 2, 64)
        var byPair: [UInt16: [Int]] = [:]
        var byFirst = [[Int]](repeating: [], count: needles.isEmpty ? 0 : 256)
        var shifts = [UInt8](repeating: UInt8(width - 1), count: needles.isEmpty ? 0 : 1 << 16)
        for (index, needle) in needles.enumerated() {
            byFirst[Int(needle.bytes[0])].append(index)
            for end in 1..<width {
                let pair = Self.pair(needle.bytes[end - 1], needle.bytes[end])
                shifts[Int(pair)] = min(shifts[Int(pair)], UInt8(width - 1 - end))
            }
            byPair[Self.pair(needle.bytes[width - 2], needle.bytes[width - 1]), default: []].append(index)
        }
        self.byPair = byPair
        self.byFirst = byFirst
        self.shifts = shifts
    }

    /// Whether there is nothing to look for.
    public var isEmpty: Bool { needles.isEmpty }

    /// Bytes without secrets.
    public func redact(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= width, !isEmpty else { return bytes }
        return bytes.withUnsafeBufferPointer { replaced($0) } ?? bytes
    }

    /// A text without secrets.
    public func redact(_ text: String) -> String {
        guard text.utf8.count >= width, !isEmpty else { return text }
        var text = text
        return text.withUTF8 { replaced($0).map { String(decoding: $0, as: UTF8.self) } } ?? text
    }

    /// Whether some bytes hold a secret.
    public func finds(in bytes: [UInt8]) -> Bool {
        guard bytes.count >= width, !isEmpty else { return false }
        return bytes.withUnsafeBufferPointer { match(in: $0, from: 0) } != nil
    }

    /// Where the next secret is.
    struct Match {
        var start: Int
        var end: Int
        var replacement: [UInt8]
    }

    /// The first match that begins at `start` or later; of those that begin together the longest.
    func match(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Match? {
        guard !isEmpty else { return nil }
        return shifts.withUnsafeBufferPointer { shifts in
            var end = start + width - 1
            while end < bytes.count {
                let pair = Self.pair(bytes[end - 1], bytes[end])
                let shift = Int(shifts[Int(pair)])
                if shift > 0 {
                    end += shift
                    continue
                }
                let begin = end - width + 1
                for index in byPair[pair] ?? [] {
                    let needle = needles[index]
                    if begin + needle.bytes.count <= bytes.count, Self.isEqual(bytes, begin, needle.bytes) {
                        return Match(start: begin, end: begin + needle.bytes.count, replacement: needle.replacement)
                    }
                }
                end += 1
            }
            return nil
        }
    }

    /// Where the longest end of some bytes begins that could be the beginning of a secret; their count if none could.
    func openEnd(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        for start in max(0, bytes.count - longest + 1)..<max(bytes.count, 1) where start < bytes.count {
            let count = bytes.count - start
            for index in byFirst[Int(bytes[start])] {
                if needles[index].bytes.count <= count { break }
                if Self.isEqual(bytes, start, needles[index].bytes[..<count]) { return start }
            }
        }
        return bytes.count
    }

    /// The bytes without secrets; nil if they hold none.
    private func replaced(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard var match = match(in: bytes, from: 0) else { return nil }
        var result: [UInt8] = []
        var copied = 0
        while true {
            result += bytes[copied..<match.start]
            result += match.replacement
            copied = match.end
            guard let next = self.match(in: bytes, from: copied) else { break }
            match = next
        }
        result += bytes[copied...]
        return result
    }

    private static func pair(_ first: UInt8, _ second: UInt8) -> UInt16 { UInt16(first) << 8 | UInt16(second) }

    private static func isEqual(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ needle: some RandomAccessCollection<UInt8>
    ) -> Bool {
        var position = start
        for byte in needle {
            guard bytes[position] == byte else { return false }
            position += 1
        }
        return true
    }
}

extension Redactor {
    /// A value without secrets, in keys as well as in texts.
    public func redact(_ value: JSONValue) -> JSONValue { holds(value) ? rewritten(value) : value }

    /// An object without secrets.
    public func redact(_ object: JSONObject) -> JSONObject {
        guard holds(.object(object)), case .object(let result) = rewritten(.object(object)) else { return object }
        return result
    }

    private func holds(_ value: JSONValue) -> Bool {
        guard !isEmpty else { return false }
        return switch value {
        case .null, .bool, .integer, .number: false
        case .string(let text): holds(text)
        case .array(let elements): elements.contains(where: holds)
        case .object(let object): object.contains { holds($0.key) || holds($0.value) }
        }
    }

    private func holds(_ text: String) -> Bool {
        guard text.utf8.count >= width else { return false }
        var text = text
        return text.withUTF8 { match(in: $0, from: 0) } != nil
    }

    private func rewritten(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool, .integer, .number: value
        case .string(let text): .string(redact(text))
        case .array(let elements): .array(elements.map(rewritten))
        case .object(let object):
            .object(JSONObject(object.map { (key: redact($0.key), value: rewritten($0.value)) }))
        }
    }
}

extension [UInt8] {
    /// Ordered as bytes, for an order that doesn't change from run to run.
    fileprivate var lexicographic: Lexicographic { Lexicographic(bytes: self) }
}

private struct Lexicographic: Comparable {
    var bytes: [UInt8]

    static func < (one: Lexicographic, other: Lexicographic) -> Bool {
        one.bytes.lexicographicallyPrecedes(other.bytes)
    }
}
