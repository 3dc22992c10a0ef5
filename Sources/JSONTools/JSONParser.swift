/// A recursive-descent parser of RFC 8259 over bytes that are lent to each call.
///
/// Within the parser an error is a ``Fault``: code, offset, message, and the path gathered while the calls return; line
/// and column are counted only when there is something to report.
struct JSONParser {
    struct Fault: Error {
        var code: JSONError.Code
        var offset: Int
        var message: String
        /// Reference tokens from the innermost outwards.
        var path: [String] = []

        func enclosed(in token: String) -> Fault {
            var copy = self
            copy.path.append(token)
            return copy
        }
    }

    let limits: JSONLimits
    var position = 0

    static func parse(_ bytes: borrowing Span<UInt8>, limits: JSONLimits) throws(JSONError) -> JSONValue {
        var parser = JSONParser(limits: limits)
        do {
            return try parser.document(bytes)
        } catch {
            throw JSONError(error, in: bytes)
        }
    }

    private mutating func document(_ bytes: borrowing Span<UInt8>) throws(Fault) -> JSONValue {
        guard bytes.count <= limits.maxBytes else {
            throw Fault(
                code: .tooLarge, offset: limits.maxBytes,
                message: "the document has \(bytes.count) bytes, at most \(limits.maxBytes) are accepted")
        }
        skipSpace(bytes)
        let result = try value(bytes, depth: 0)
        skipSpace(bytes)
        guard position == bytes.count else {
            throw fault(bytes, "found \(found(bytes)) after the end of the document")
        }
        return result
    }

    mutating func value(_ bytes: borrowing Span<UInt8>, depth: Int) throws(Fault) -> JSONValue {
        guard position < bytes.count else { throw fault(bytes, "the text ends where a value is expected") }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try string(bytes))
        case UInt8(ascii: "{"): return .object(try object(bytes, depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(bytes, depth: depth + 1))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(bytes)
        case UInt8(ascii: "t"): return try word("true", .bool(true), bytes)
        case UInt8(ascii: "f"): return try word("false", .bool(false), bytes)
        case UInt8(ascii: "n"): return try word("null", .null, bytes)
        default: throw fault(bytes, "found \(found(bytes)) where a value is expected")
        }
    }

    private mutating func object(_ bytes: borrowing Span<UInt8>, depth: Int) throws(Fault) -> JSONObject {
        try checkDepth(depth)
        position += 1
        var object = JSONObject()
        skipSpace(bytes)
        if accept(UInt8(ascii: "}"), bytes) { return object }
        // A message has about twenty members at its top and few below.
        object.reserveCapacity(depth == 1 ? 24 : 4)
        while true {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw fault(bytes, "found \(found(bytes)) where a member's name in double quotes is expected")
            }
            let start = position
            let key = try string(bytes)
            skipSpace(bytes)
            guard accept(UInt8(ascii: ":"), bytes) else {
                throw fault(bytes, "found \(found(bytes)) where the colon after a member's name is expected")
                    .enclosed(in: key)
            }
            skipSpace(bytes)
            let member: JSONValue
            do {
                member = try value(bytes, depth: depth)
            } catch {
                throw error.enclosed(in: key)
            }
            guard object.appendNew(key, member) else {
                throw Fault(
                    code: .duplicateKey, offset: start, message: "the member \"\(key)\" is given twice in one object",
                    path: [key])
            }
            skipSpace(bytes)
            if accept(UInt8(ascii: ","), bytes) {
                skipSpace(bytes)
            } else if accept(UInt8(ascii: "}"), bytes) {
                return object
            } else {
                throw fault(bytes, "found \(found(bytes)) where a comma or the object's closing brace is expected")
            }
        }
    }

    private mutating func array(_ bytes: borrowing Span<UInt8>, depth: Int) throws(Fault) -> [JSONValue] {
        try checkDepth(depth)
        position += 1
        var elements: [JSONValue] = []
        skipSpace(bytes)
        if accept(UInt8(ascii: "]"), bytes) { return elements }
        while true {
            do {
                elements.append(try value(bytes, depth: depth))
            } catch {
                throw error.enclosed(in: String(elements.count))
            }
            skipSpace(bytes)
            if accept(UInt8(ascii: ","), bytes) {
                skipSpace(bytes)
            } else if accept(UInt8(ascii: "]"), bytes) {
                return elements
            } else {
                throw fault(bytes, "found \(found(bytes)) where a comma or the array's closing bracket is expected")
            }
        }
    }

    private mutating func word(
        _ word: StaticString, _ value: JSONValue, _ bytes: borrowing Span<UInt8>
    ) throws(Fault) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard bytes.count - position >= length else { throw fault(bytes, "expected \(word)") }
        let start = position
        let matches = word.withUTF8Buffer { letters in
            for offset in 0..<length where bytes[start + offset] != letters[offset] { return false }
            return true
        }
        guard matches else { throw fault(bytes, "expected \(word)") }
        position += length
        return value
    }

    private func checkDepth(_ depth: Int) throws(Fault) {
        guard depth <= limits.depth else {
            throw Fault(
                code: .tooDeep, offset: position,
                message: "arrays and objects are nested deeper than the \(limits.depth) levels that are accepted")
        }
    }
}

extension JSONParser {
    @inline(__always)
    mutating func skipSpace(_ bytes: borrowing Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    @inline(__always)
    mutating func accept(_ byte: UInt8, _ bytes: borrowing Span<UInt8>) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    func fault(_ bytes: borrowing Span<UInt8>, _ message: String) -> Fault {
        Fault(code: .invalidJSON, offset: position, message: message)
    }

    /// What stands at the present position, for messages.
    func found(_ bytes: borrowing Span<UInt8>) -> String {
        guard position < bytes.count else { return "the end of the text" }
        let byte = bytes[position]
        if byte > 0x20, byte < 0x7F { return "'\(Character(UnicodeScalar(byte)))'" }
        return "the byte 0x\(String(byte, radix: 16, uppercase: true))"
    }
}

extension JSONError {
    init(_ fault: JSONParser.Fault, in bytes: borrowing Span<UInt8>) {
        var line = 1
        var column = 1
        for offset in 0..<min(fault.offset, bytes.count) {
            if bytes[offset] == 0x0A {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        self.init(
            code: fault.code, offset: fault.offset, line: line, column: column,
            pointer: JSONPointer(tokens: fault.path.reversed()), message: fault.message)
    }
}

extension JSONValue {
    /// Parses one JSON document.
    ///
    /// Text is cleaned once, here: NUL and lone surrogates become U+FFFD. A member that is given twice is an error.
    /// - Parameters:
    ///   - bytes: the document as UTF-8, without byte order mark.
    ///   - limits: what is refused for its size or depth.
    /// - Throws: ``JSONError`` with byte offset, line, column and pointer.
    public init(parsing bytes: borrowing Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONParser.parse(bytes, limits: limits)
    }

    /// Parses one JSON document; see ``init(parsing:limits:)-(Span<UInt8>,_)``.
    public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONParser.parse(bytes.span, limits: limits)
    }

    /// Parses one JSON document from any bytes, which are copied first.
    public init(parsing bytes: some Collection<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONParser.parse(Array(bytes).span, limits: limits)
    }

    /// Parses one JSON document from text.
    public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try JSONParser.parse(Array(text.utf8).span, limits: limits)
    }
}
