/// How long to wait before the next attempt to connect: at once after a connection that worked, then twice as long each
/// time up to a maximum, and of that a random part between half and all, so that many clients don't come in step.
struct ReconnectBackoff {
    private static let firstNanoseconds: UInt64 = 20_000_000
    private let maximumNanoseconds: UInt64
    private var failures: UInt64 = 0

    /// Starts without failures.
    init(maximum: Duration) {
        maximumNanoseconds = max(Self.firstNanoseconds, maximum.nanoseconds)
    }

    /// Forgets the failures: a connection was made.
    mutating func reset() { failures = 0 }

    /// The pause after one more failure, in nanoseconds.
    mutating func pause(using random: inout some RandomNumberGenerator) -> UInt64 {
        let pause = min(maximumNanoseconds, Self.firstNanoseconds << min(failures, 20))
        failures += 1
        return UInt64.random(in: (pause / 2)...pause, using: &random)
    }
}

extension Duration {
    /// The whole nanoseconds, never negative, at most about 584 years.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max / 4 : min(.max / 4, product + UInt64(attoseconds) / 1_000_000_000)
    }
}
