import JSONTools

/// Turns JSON text into values with places.
///
/// The text is checked by the JSON parser first; what is here only finds where each value begins, and may therefore
/// take the grammar for granted.
struct JSONPlaces {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    private var column = 1

    /// Reads a text.
    ///
    /// - Throws: the first fault; JSON that is broken cannot be read any further.
    static func read(_ text: String, fileName: String) throws(DefinitionErrors) -> SourceNode {
        let bytes = Array(text.utf8)
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            let position = SourcePosition(line: error.line, column: error.column)
            let fault = DefinitionFault(
                position: position, pointer: error.pointer, message: "this is not JSON: \(error.message)")
            throw DefinitionErrors(fileName: fileName, faults: [fault])
        }
        var places = JSONPlaces(bytes: bytes)
        return places.node(value)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func node(_ value: JSONValue) -> SourceNode {
        skipSpace()
        let position = SourcePosition(line: line, column: column)
        switch value {
        case .null, .bool, .integer, .number, .string:
            skipScalar()
            return SourceNode(position: position, content: .scalar(value))
        case .array(let values):
            advance()
            let elements = values.map { element in
                let node = node(element)
                skipSeparator()
                return node
            }
            closeContainer()
            return SourceNode(position: position, content: .sequence(elements))
        case .object(let object):
            advance()
            let members = object.map { key, value in
                skipSpace()
                let position = SourcePosition(line: line, column: column)
                skipScalar()
                skipSeparator()
                let node = node(value)
                skipSeparator()
                return SourceMember(key: key, position: position, value: node)
            }
            closeContainer()
            return SourceNode(position: position, content: .mapping(members))
        }
    }

    private mutating func advance() {
        guard offset < bytes.count else { return }
        if bytes[offset] == 0x0a {
            line += 1
            column = 1
        } else if bytes[offset] & 0xc0 != 0x80 {
            column += 1
        }
        offset += 1
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { advance() }
    }

    /// Skips a `,` or `:`.
    private mutating func skipSeparator() {
        skipSpace()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ",") || bytes[offset] == UInt8(ascii: ":") { advance() }
    }

    /// Skips the bracket that ends a container; it may be empty.
    private mutating func closeContainer() {
        skipSpace()
        advance()
    }

    private mutating func skipScalar() {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            let ends = Array(",:]} \t\r\n".utf8)
            while offset < bytes.count, !ends.contains(bytes[offset]) { advance() }
            return
        }
        advance()
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "\"") {
            if bytes[offset] == UInt8(ascii: "\\") { advance() }
            advance()
        }
        advance()
    }
}
