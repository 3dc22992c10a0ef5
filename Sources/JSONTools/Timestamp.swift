/// A moment as microseconds since 1970-01-01T00:00:00Z, in the proleptic Gregorian calendar without leap seconds.
public struct Timestamp: Sendable, Hashable {
    /// Microseconds since 1970-01-01T00:00:00Z; negative before it.
    public var microseconds: Int64

    /// - Parameter microseconds: microseconds since 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// - Parameter milliseconds: milliseconds since 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) {
        microseconds = milliseconds * 1000
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded down.
    public var milliseconds: Int64 { Self.floorDivide(microseconds, by: 1000).quotient }

    static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension Timestamp: Comparable {
    /// Earlier than.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    /// The moment that much later; what is below a microsecond is cut off.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: moment.microseconds + duration.wholeMicroseconds)
    }

    /// The moment that much earlier; what is below a microsecond is cut off.
    public static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: moment.microseconds - duration.wholeMicroseconds)
    }

    /// The time from `earlier` to `later`; negative if they are the other way round.
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .microseconds(later.microseconds - earlier.microseconds)
    }

    /// Moves the moment later.
    public static func += (moment: inout Timestamp, duration: Duration) { moment = moment + duration }

    /// Moves the moment earlier.
    public static func -= (moment: inout Timestamp, duration: Duration) { moment = moment - duration }
}

extension Duration {
    /// Whole microseconds, cut off towards zero.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    /// Whole milliseconds, cut off towards zero.
    public var wholeMilliseconds: Int64 { wholeMicroseconds / 1000 }
}
