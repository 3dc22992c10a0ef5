public import JSONTools
internal import Yams

/// A value of a YAML or JSON document that knows its line.
public struct LocatedValue: Sendable, Hashable {
    /// What kind of value it is.
    public enum Content: Sendable, Hashable {
        /// Nothing.
        case null
        /// True or false.
        case bool(Bool)
        /// Any number.
        case number(Double)
        /// A text.
        case text(String)
        /// A list.
        case list([LocatedValue])
        /// Members in the order of the document.
        case object([Member])
    }

    /// A member of an object.
    public struct Member: Sendable, Hashable {
        /// Its name.
        public var key: String
        /// Its value.
        public var value: LocatedValue
        /// The line of its name, from 1.
        public var line: Int
    }

    /// Why a document can't be read.
    public struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
        /// In words, with the line where it is known.
        public var description: String
    }

    /// Largest document, in bytes, and its most values and levels.
    public static let maxBytes = 4 << 20
    static let maxValues = 300_000
    static let maxDepth = 100

    /// The value.
    public var content: Content
    /// Where it begins, from 1.
    public var line: Int

    /// Reads a document.
    ///
    /// - Parameter text: YAML, of which JSON is a part; no anchors and aliases, by which a small text can be large.
    public init(parsing text: String) throws(ParsingError) {
        guard text.utf8.count <= Self.maxBytes else {
            throw ParsingError(description: "larger than \(Self.maxBytes) bytes")
        }
        if let alias = YAMLAlias.first(in: text) {
            throw ParsingError(description: "line \(alias.line): the alias *\(alias.name) is not supported")
        }
        if let line = Self.tooDeep(text) {
            throw ParsingError(description: "line \(line): nested more than \(Self.maxDepth) levels deep")
        }
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch { throw ParsingError(description: "\(error)") }
        guard let node else { throw ParsingError(description: "the document is empty") }
        var count = 0
        self = try Self.value(node, depth: 0, &count)
    }

    /// A member of an object; nil when there is none, or this is no object.
    public subscript(key: String) -> LocatedValue? { member(key)?.value }

    /// A member with its line.
    public func member(_ key: String) -> Member? { members.first { $0.key == key } }

    /// The members of an object; none of anything else.
    public var members: [Member] { if case .object(let members) = content { members } else { [] } }

    /// The elements of a list; none of anything else.
    public var list: [LocatedValue] { if case .list(let values) = content { values } else { [] } }

    /// The text; nil of anything else.
    public var text: String? { if case .text(let text) = content { text } else { nil } }

    /// The flag; nil of anything else.
    public var bool: Bool? { if case .bool(let flag) = content { flag } else { nil } }

    /// The number; nil of anything else.
    public var number: Double? { if case .number(let number) = content { number } else { nil } }

    private init(_ content: Content, line: Int) {
        self.content = content
        self.line = line
    }

    private static func value(_ node: Node, depth: Int, _ count: inout Int) throws(ParsingError) -> LocatedValue {
        let line = node.mark?.line ?? 0
        count += 1
        guard depth < maxDepth, count <= maxValues else {
            throw ParsingError(description: "line \(line): too many values, or nested too deep")
        }
        switch node {
        case .scalar(let scalar):
            return LocatedValue(Self.content(of: node, scalar), line: line)
        case .sequence(let sequence):
            var values: [LocatedValue] = []
            for element in sequence { values.append(try value(element, depth: depth + 1, &count)) }
            return LocatedValue(.list(values), line: line)
        case .mapping(let mapping):
            var members: [Member] = []
            for (key, element) in mapping {
                // A status is a number in YAML, and a text in JSON.
                guard let name = key.scalar?.string else {
                    throw ParsingError(description: "line \(key.mark?.line ?? line): a key is not a text")
                }
                members.append(
                    Member(
                        key: name, value: try value(element, depth: depth + 1, &count), line: key.mark?.line ?? line))
            }
            return LocatedValue(.object(members), line: line)
        case .alias:
            throw ParsingError(description: "line \(line): aliases are not supported")
        }
    }

    private static func content(of node: Node, _ scalar: Node.Scalar) -> Content {
        if scalar.style == .doubleQuoted || scalar.style == .singleQuoted { return .text(scalar.string) }
        if node.null != nil { return .null }
        if let flag = node.bool { return .bool(flag) }
        if let number = node.float, number.isFinite { return .number(number) }
        return .text(scalar.string)
    }

    /// The first line on which brackets, or the dashes of lists in lists, go deeper than allowed: the parser calls itself
    /// for each.
    private static func tooDeep(_ text: String) -> Int? {
        var depth = 0
        var line = 1
        var dashes = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            case UInt8(ascii: "-"), UInt8(ascii: "?"): dashes += 1
            case 0x0A:
                line += 1
                dashes = 0
            case 0x20: break
            default: dashes = 0
            }
            if depth > maxDepth || dashes > maxDepth { return line }
        }
        return nil
    }
}

extension LocatedValue {
    /// The value without its lines.
    public var json: JSONValue {
        switch content {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let number): Int64(exactly: number).map { .integer($0) } ?? .number(number)
        case .text(let text): .string(text)
        case .list(let values): .array(values.map(\.json))
        case .object(let members): .object(JSONObject(members.map { ($0.key, $0.value.json) }))
        }
    }
}
