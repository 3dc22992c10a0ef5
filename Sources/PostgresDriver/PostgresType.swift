/// A type of PostgreSQL, by its object identifier (`pg_type.dat`).
struct PostgresType: Hashable, Sendable, CustomStringConvertible {
    let oid: UInt32

    static let bool = PostgresType(oid: 16)
    static let bytea = PostgresType(oid: 17)
    static let name = PostgresType(oid: 19)
    static let int8 = PostgresType(oid: 20)
    static let int2 = PostgresType(oid: 21)
    static let int4 = PostgresType(oid: 23)
    static let text = PostgresType(oid: 25)
    static let oid = PostgresType(oid: 26)
    static let json = PostgresType(oid: 114)
    static let float4 = PostgresType(oid: 700)
    static let float8 = PostgresType(oid: 701)
    static let unknown = PostgresType(oid: 705)
    static let bpchar = PostgresType(oid: 1042)
    static let varchar = PostgresType(oid: 1043)
    static let timestamptz = PostgresType(oid: 1184)
    static let uuid = PostgresType(oid: 2950)
    static let jsonb = PostgresType(oid: 3802)

    /// The array type whose elements are of this type, for the types that parameters can have.
    var array: PostgresType {
        switch self {
        case .bool: PostgresType(oid: 1000)
        case .bytea: PostgresType(oid: 1001)
        case .int2: PostgresType(oid: 1005)
        case .int4: PostgresType(oid: 1007)
        case .int8: PostgresType(oid: 1016)
        case .text: PostgresType(oid: 1009)
        case .float8: PostgresType(oid: 1022)
        case .timestamptz: PostgresType(oid: 1185)
        case .uuid: PostgresType(oid: 2951)
        default: preconditionFailure("No parameter has an array of \(self).")
        }
    }

    /// True for the arrays of the types that can be read.
    var isArray: Bool {
        switch oid {
        case 199, 1000, 1001, 1003, 1005, 1007, 1009, 1014...1016, 1021, 1022, 1185, 2951, 3807: true
        default: false
        }
    }

    /// The type's name, or its number for types that this driver has no name for.
    var description: String {
        let known: [UInt32: String] = [
            16: "bool", 17: "bytea", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid",
            114: "json", 700: "float4", 701: "float8", 705: "unknown", 1042: "bpchar", 1043: "varchar",
            1082: "date", 1114: "timestamp", 1184: "timestamptz", 1700: "numeric", 2278: "void", 2950: "uuid",
            3802: "jsonb", 1000: "bool[]", 1001: "bytea[]", 1005: "int2[]", 1007: "int4[]", 1009: "text[]",
            1015: "varchar[]", 1016: "int8[]", 1021: "float4[]", 1022: "float8[]", 1185: "timestamptz[]",
            2951: "uuid[]",
        ]
        return known[oid] ?? "type \(oid)"
    }
}
