import JSONTools

/// A part of a message that is an object on the wire.
protocol WireObject {
    /// Reads the fields; the error's pointer is relative to this object.
    init(fields: inout FieldReader) throws(ProtocolError)
    /// Writes one object.
    func write(to writer: inout JSONWriter)
}

extension WireObject {
    init(wire value: JSONValue) throws(ProtocolError) {
        var fields = try FieldReader(value)
        try self.init(fields: &fields)
    }

    init(wire bytes: [UInt8]) throws(ProtocolError) {
        var fields = try FieldReader.parse(bytes)
        try self.init(fields: &fields)
    }

    func wireBytes(capacity: Int) -> [UInt8] {
        var writer = JSONWriter(capacity: capacity)
        write(to: &writer)
        return writer.bytes
    }
}
