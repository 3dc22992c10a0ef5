extension JSONValue {
    /// The compact JSON text as UTF-8, members in their order.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The one text that all equal values share, for hashing: members sorted by the bytes of their keys, no white
    /// space, and whole numbers that fit 64 bits written as integers.
    public func canonicalBytes() -> [UInt8] {
        var writer = JSONWriter()
        writeCanonical(to: &writer)
        return writer.bytes
    }

    /// The text for people: two spaces a level, ending without a newline.
    public func prettyPrinted() -> String {
        var bytes: [UInt8] = []
        writePretty(to: &bytes, indentation: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func writeCanonical(to writer: inout JSONWriter) {
        switch self {
        case .null, .bool, .integer, .string: writer.value(self)
        case .number(let number):
            if let integer = Int64(exactly: number) { writer.value(integer) } else { writer.value(number) }
        case .array(let elements):
            writer.beginArray()
            for element in elements { element.writeCanonical(to: &writer) }
            writer.endArray()
        case .object(let object):
            writer.beginObject()
            for entry in object.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                writer.key(entry.key)
                entry.value.writeCanonical(to: &writer)
            }
            writer.endObject()
        }
    }

    private func writePretty(to bytes: inout [UInt8], indentation: Int) {
        func newLine(_ level: Int) {
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            bytes.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                element.writePretty(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            bytes.append(UInt8(ascii: "{"))
            for (position, entry) in object.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                bytes.append(contentsOf: JSONValue.string(entry.key).encoded())
                bytes.append(contentsOf: [UInt8(ascii: ":"), UInt8(ascii: " ")])
                entry.value.writePretty(to: &bytes, indentation: indentation + 1)
            }
            newLine(indentation)
            bytes.append(UInt8(ascii: "}"))
        case .null, .bool, .integer, .number, .string, .array, .object:
            bytes.append(contentsOf: encoded())
        }
    }
}
