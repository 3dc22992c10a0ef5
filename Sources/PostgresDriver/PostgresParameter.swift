/// The value of a parameter. All travel in PostgreSQL's binary format with their type named.
///
/// Arrays exist in two forms: of values, and of values that may be NULL.
public enum PostgresParameter: Sendable, Hashable {
    /// NULL of a type.
    case null(NullType)
    /// `int2`
    case int2(Int16)
    /// `int4`
    case int4(Int32)
    /// `int8`
    case int8(Int64)
    /// `float8`
    case float8(Double)
    /// `bool`
    case bool(Bool)
    /// `text`; the server refuses U+0000 with SQLSTATE 22021.
    case text(String)
    /// `text` whose UTF-8 is at hand as bytes, for instance encoded JSON.
    case utf8([UInt8])
    /// `bytea`
    case bytes([UInt8])
    /// `uuid`
    case uuid(PostgresUUID)
    /// `timestamptz`
    case timestamp(PostgresTimestamp)

    /// `int2[]`
    case int2Array([Int16])
    /// `int4[]`
    case int4Array([Int32])
    /// `int8[]`
    case int8Array([Int64])
    /// `float8[]`
    case float8Array([Double])
    /// `bool[]`
    case boolArray([Bool])
    /// `text[]`
    case textArray([String])
    /// `text[]` whose UTF-8 is at hand as bytes.
    case utf8Array([[UInt8]])
    /// `bytea[]`
    case bytesArray([[UInt8]])
    /// `uuid[]`
    case uuidArray([PostgresUUID])
    /// `timestamptz[]`
    case timestampArray([PostgresTimestamp])

    /// `int2[]` with NULLs
    case nullableInt2Array([Int16?])
    /// `int4[]` with NULLs
    case nullableInt4Array([Int32?])
    /// `int8[]` with NULLs
    case nullableInt8Array([Int64?])
    /// `float8[]` with NULLs
    case nullableFloat8Array([Double?])
    /// `bool[]` with NULLs
    case nullableBoolArray([Bool?])
    /// `text[]` with NULLs
    case nullableTextArray([String?])
    /// `text[]` with NULLs whose UTF-8 is at hand as bytes.
    case nullableUTF8Array([[UInt8]?])
    /// `bytea[]` with NULLs
    case nullableBytesArray([[UInt8]?])
    /// `uuid[]` with NULLs
    case nullableUUIDArray([PostgresUUID?])
    /// `timestamptz[]` with NULLs
    case nullableTimestampArray([PostgresTimestamp?])

    /// The type that a NULL has.
    public enum NullType: Sendable, Hashable {
        /// A scalar type.
        case int2, int4, int8, float8, bool, text, bytes, uuid, timestamp
        /// An array type.
        case int2Array, int4Array, int8Array, float8Array, boolArray, textArray, bytesArray, uuidArray, timestampArray
    }

    /// The value, or NULL of type `int8`.
    public static func int8(_ value: Int64?) -> PostgresParameter { value.map { .int8($0) } ?? .null(.int8) }
    /// The value, or NULL of type `int4`.
    public static func int4(_ value: Int32?) -> PostgresParameter { value.map { .int4($0) } ?? .null(.int4) }
    /// The value, or NULL of type `int2`.
    public static func int2(_ value: Int16?) -> PostgresParameter { value.map { .int2($0) } ?? .null(.int2) }
    /// The value, or NULL of type `float8`.
    public static func float8(_ value: Double?) -> PostgresParameter { value.map { .float8($0) } ?? .null(.float8) }
    /// The value, or NULL of type `bool`.
    public static func bool(_ value: Bool?) -> PostgresParameter { value.map { .bool($0) } ?? .null(.bool) }
    /// The value, or NULL of type `text`.
    public static func text(_ value: String?) -> PostgresParameter { value.map { .text($0) } ?? .null(.text) }
    /// The value, or NULL of type `bytea`.
    public static func bytes(_ value: [UInt8]?) -> PostgresParameter { value.map { .bytes($0) } ?? .null(.bytes) }
    /// The value, or NULL of type `uuid`.
    public static func uuid(_ value: PostgresUUID?) -> PostgresParameter { value.map { .uuid($0) } ?? .null(.uuid) }
    /// The value, or NULL of type `timestamptz`.
    public static func timestamp(_ value: PostgresTimestamp?) -> PostgresParameter {
        value.map { .timestamp($0) } ?? .null(.timestamp)
    }
}

extension PostgresParameter.NullType {
    var type: PostgresType {
        switch self {
        case .int2: .int2
        case .int4: .int4
        case .int8: .int8
        case .float8: .float8
        case .bool: .bool
        case .text: .text
        case .bytes: .bytea
        case .uuid: .uuid
        case .timestamp: .timestamptz
        case .int2Array: PostgresType.int2.array
        case .int4Array: PostgresType.int4.array
        case .int8Array: PostgresType.int8.array
        case .float8Array: PostgresType.float8.array
        case .boolArray: PostgresType.bool.array
        case .textArray: PostgresType.text.array
        case .bytesArray: PostgresType.bytea.array
        case .uuidArray: PostgresType.uuid.array
        case .timestampArray: PostgresType.timestamptz.array
        }
    }
}

extension PostgresParameter {
    /// The type as which it is sent.
    var type: PostgresType {
        switch self {
        case .null(let null): null.type
        case .int2: .int2
        case .int4: .int4
        case .int8: .int8
        case .float8: .float8
        case .bool: .bool
        case .text, .utf8: .text
        case .bytes: .bytea
        case .uuid: .uuid
        case .timestamp: .timestamptz
        case .int2Array, .nullableInt2Array: PostgresType.int2.array
        case .int4Array, .nullableInt4Array: PostgresType.int4.array
        case .int8Array, .nullableInt8Array: PostgresType.int8.array
        case .float8Array, .nullableFloat8Array: PostgresType.float8.array
        case .boolArray, .nullableBoolArray: PostgresType.bool.array
        case .textArray, .utf8Array, .nullableTextArray, .nullableUTF8Array: PostgresType.text.array
        case .bytesArray, .nullableBytesArray: PostgresType.bytea.array
        case .uuidArray, .nullableUUIDArray: PostgresType.uuid.array
        case .timestampArray, .nullableTimestampArray: PostgresType.timestamptz.array
        }
    }

    /// The number of bytes that it takes, or nil if a timestamp is out of range.
    var encodedSize: Int? {
        switch self {
        case .null: 0
        case .int2: 2
        case .int4: 4
        case .int8, .float8: 8
        case .bool: 1
        case .text(let value): value.utf8.count
        case .utf8(let value), .bytes(let value): value.count
        case .uuid: 16
        case .timestamp(let value): value.wire == nil ? nil : 8
        case .int2Array(let values): Self.arraySize(values.count, of: 2)
        case .int4Array(let values): Self.arraySize(values.count, of: 4)
        case .int8Array(let values): Self.arraySize(values.count, of: 8)
        case .float8Array(let values): Self.arraySize(values.count, of: 8)
        case .boolArray(let values): Self.arraySize(values.count, of: 1)
        case .textArray(let values):
            values.reduce(Self.arraySize(values.count, of: 0)) { $0 + $1.utf8.count }
        case .utf8Array(let values), .bytesArray(let values):
            values.reduce(Self.arraySize(values.count, of: 0)) { $0 + $1.count }
        case .uuidArray(let values): Self.arraySize(values.count, of: 16)
        case .timestampArray(let values):
            values.allSatisfy { $0.wire != nil } ? Self.arraySize(values.count, of: 8) : nil
        case .nullableInt2Array(let values): Self.arraySize(values.count, of: 2)
        case .nullableInt4Array(let values): Self.arraySize(values.count, of: 4)
        case .nullableInt8Array(let values): Self.arraySize(values.count, of: 8)
        case .nullableFloat8Array(let values): Self.arraySize(values.count, of: 8)
        case .nullableBoolArray(let values): Self.arraySize(values.count, of: 1)
        case .nullableTextArray(let values):
            values.reduce(Self.arraySize(values.count, of: 0)) { $0 + ($1?.utf8.count ?? 0) }
        case .nullableUTF8Array(let values), .nullableBytesArray(let values):
            values.reduce(Self.arraySize(values.count, of: 0)) { $0 + ($1?.count ?? 0) }
        case .nullableUUIDArray(let values): Self.arraySize(values.count, of: 16)
        case .nullableTimestampArray(let values):
            values.allSatisfy { $0 == nil || $0?.wire != nil } ? Self.arraySize(values.count, of: 8) : nil
        }
    }

    /// An upper bound of an array's size: header, and for each element its length and value.
    private static func arraySize(_ count: Int, of width: Int) -> Int { 20 + count * (4 + width) }
}
