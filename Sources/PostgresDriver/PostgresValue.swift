/// A type that a value of a result can be read as.
public protocol PostgresValue: Sendable {
    /// What to say in an error about the types that are accepted.
    static var expectation: String { get }

    /// Whether values of the type with this object identifier can be read.
    static func accepts(oid: UInt32) -> Bool

    /// Reads a value in binary format.
    ///
    /// - Returns: nil if the type isn't accepted, or the bytes aren't what they should be.
    init?(wire: UnsafeRawBufferPointer, oid: UInt32)
}

extension UnsafeRawBufferPointer {
    /// The big-endian number at a position that the caller has checked.
    func bigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// The integer of an `int2`, `int4` or `int8`.
    fileprivate func integer(oid: UInt32) -> Int64? {
        switch (PostgresType(oid: oid), count) {
        case (.int8, 8): bigEndian(Int64.self, at: 0)
        case (.int4, 4): Int64(bigEndian(Int32.self, at: 0))
        case (.int2, 2): Int64(bigEndian(Int16.self, at: 0))
        default: nil
        }
    }
}

/// Reads `int8`, and without loss `int4` and `int2`.
extension Int64: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "int8, int4 or int2" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool {
        [PostgresType.int8, .int4, .int2].contains(PostgresType(oid: oid))
    }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard let value = wire.integer(oid: oid) else { return nil }
        self = value
    }
}

/// Reads `int4`, and without loss `int2`.
extension Int32: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "int4 or int2" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool { [PostgresType.int4, .int2].contains(PostgresType(oid: oid)) }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid), let value = wire.integer(oid: oid) else { return nil }
        self.init(exactly: value)
    }
}

/// Reads `int2`.
extension Int16: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "int2" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool { PostgresType(oid: oid) == .int2 }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid), let value = wire.integer(oid: oid) else { return nil }
        self.init(exactly: value)
    }
}

/// Reads `float8` and `float4`.
extension Double: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "float8 or float4" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool {
        [PostgresType.float8, .float4].contains(PostgresType(oid: oid))
    }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        switch (PostgresType(oid: oid), wire.count) {
        case (.float8, 8): self.init(bitPattern: wire.bigEndian(UInt64.self, at: 0))
        case (.float4, 4): self.init(Float(bitPattern: wire.bigEndian(UInt32.self, at: 0)))
        default: return nil
        }
    }
}

/// Reads `bool`.
extension Bool: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "bool" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool { PostgresType(oid: oid) == .bool }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid), wire.count == 1 else { return nil }
        self = wire[0] != 0
    }
}

/// Reads `text`, `varchar`, `bpchar`, `name`, `json` and `jsonb`.
extension String: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "text" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool {
        [PostgresType.text, .varchar, .bpchar, .name, .json, .jsonb, .unknown].contains(PostgresType(oid: oid))
    }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid) else { return nil }
        self.init(decoding: wire.withoutJSONVersion(oid: oid), as: UTF8.self)
    }
}

extension UnsafeRawBufferPointer {
    /// The text of a `jsonb` stands behind one byte, the version of the format.
    fileprivate func withoutJSONVersion(oid: UInt32) -> UnsafeRawBufferPointer {
        guard PostgresType(oid: oid) == .jsonb, !isEmpty else { return self }
        return UnsafeRawBufferPointer(rebasing: dropFirst())
    }
}

/// Reads `bytea`, and the UTF-8 of what a `String` can read.
extension Array: PostgresValue where Element == UInt8 {
    /// See ``PostgresValue``.
    public static var expectation: String { "bytea or text" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool {
        PostgresType(oid: oid) == .bytea || String.accepts(oid: oid)
    }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid) else { return nil }
        self.init(wire.withoutJSONVersion(oid: oid))
    }
}

/// Reads `uuid`.
extension PostgresUUID: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "uuid" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool { PostgresType(oid: oid) == .uuid }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid), wire.count == 16 else { return nil }
        self.init(high: wire.bigEndian(UInt64.self, at: 0), low: wire.bigEndian(UInt64.self, at: 8))
    }
}

/// Reads `timestamptz`.
extension PostgresTimestamp: PostgresValue {
    /// See ``PostgresValue``.
    public static var expectation: String { "timestamptz" }
    /// See ``PostgresValue``.
    public static func accepts(oid: UInt32) -> Bool { PostgresType(oid: oid) == .timestamptz }
    /// See ``PostgresValue``.
    public init?(wire: UnsafeRawBufferPointer, oid: UInt32) {
        guard Self.accepts(oid: oid), wire.count == 8 else { return nil }
        self.init(wire: wire.bigEndian(Int64.self, at: 0))
    }
}

extension PostgresRow {
    /// An `int8`, `int4` or `int2`.
    public func int8(_ column: Int) throws(PostgresError) -> Int64 { try value(column) }
    /// An `int4` or `int2`.
    public func int4(_ column: Int) throws(PostgresError) -> Int32 { try value(column) }
    /// An `int2`.
    public func int2(_ column: Int) throws(PostgresError) -> Int16 { try value(column) }
    /// A `float8` or `float4`.
    public func float8(_ column: Int) throws(PostgresError) -> Double { try value(column) }
    /// A `bool`.
    public func bool(_ column: Int) throws(PostgresError) -> Bool { try value(column) }
    /// A `text` or the like.
    public func text(_ column: Int) throws(PostgresError) -> String { try value(column) }
    /// A `bytea`, or the UTF-8 of a text.
    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { try value(column) }
    /// A `uuid`.
    public func uuid(_ column: Int) throws(PostgresError) -> PostgresUUID { try value(column) }
    /// A `timestamptz`.
    public func timestamp(_ column: Int) throws(PostgresError) -> PostgresTimestamp { try value(column) }
}
