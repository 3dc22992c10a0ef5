/// A `uuid` as two numbers; the order of values is that of PostgreSQL.
public struct PostgresUUID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public var high: UInt64
    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// Makes a value.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Unsigned, byte by byte, as PostgreSQL compares.
    public static func < (left: PostgresUUID, right: PostgresUUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Lower-case hexadecimal with dashes.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 { text.append(0x2D) }
            let word = index < 8 ? high : low
            let byte = UInt8(truncatingIfNeeded: word >> (8 * (7 - UInt64(index % 8))))
            for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A `timestamptz`, which PostgreSQL keeps in microseconds.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z. `Int64.max` is `infinity`, `Int64.min` is `-infinity`.
    public var microseconds: Int64

    /// Makes a value from microseconds since 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Earlier is less.
    public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's count begins.
    static let epochOffset: Int64 = 946_684_800_000_000

    /// PostgreSQL's count, or nil if this lies so far back that it has none.
    var wire: Int64? {
        if microseconds == .max || microseconds == .min { return microseconds }
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epochOffset)
        return overflow || value == .min ? nil : value
    }

    init(wire: Int64) {
        let (value, overflow) = wire.addingReportingOverflow(Self.epochOffset)
        microseconds = wire == .min ? .min : overflow ? .max : value
    }
}
