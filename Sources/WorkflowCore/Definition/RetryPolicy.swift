/// How often a task is tried, and how long to wait between two attempts.
public struct RetryPolicy: Sendable, Hashable {
    /// How the delay between two attempts is spread, so that many failures at once don't come back at once.
    public enum Jitter: String, Sendable, Hashable, CaseIterable {
        /// A delay drawn evenly from nothing up to the whole backoff.
        case full
        /// Always the whole backoff.
        case none
    }

    /// The range of `maxAttempts` that a definition may name.
    public static let attemptRange = 1...100
    /// The range of `factor` that a definition may name.
    public static let factorRange = 1.0...100.0
    /// The longest `max` that a definition may name.
    public static let longestDelay: Swift.Duration = .seconds(86_400)

    /// How many attempts there are in all, the first one included. At least 1.
    public var maxAttempts: Int
    /// The backoff after the first attempt.
    public var initial: Swift.Duration
    /// By how much the backoff grows with each attempt. At least 1.
    public var factor: Double
    /// The backoff never grows beyond this.
    public var max: Swift.Duration
    /// How the backoff is spread.
    public var jitter: Jitter

    /// Makes a policy; what is left out has the documented default: 3 attempts, from 1 s doubling up to 60 s, full jitter.
    public init(
        maxAttempts: Int = 3,
        initial: Swift.Duration = .seconds(1),
        factor: Double = 2,
        max: Swift.Duration = .seconds(60),
        jitter: Jitter = .full
    ) {
        self.maxAttempts = maxAttempts
        self.initial = initial
        self.factor = factor
        self.max = max
        self.jitter = jitter
    }

    /// The delay before the attempt that follows a given one: `min(max, initial · factor^(attempt − 1))`, times
    /// `randomUnit` with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    ///
    /// - Parameters:
    ///   - attempt: the number of the attempt that has just ended; the first is 1, and less counts as 1.
    ///   - randomUnit: a random number in 0..<1; what lies outside is brought to the nearer end. Unused without jitter.
    /// - Returns: a delay from zero up to `max`, in whole microseconds.
    public func delay(afterAttempt attempt: Int, randomUnit: Double) -> Swift.Duration {
        let ceiling = Swift.max(0, Self.microseconds(max))
        let start = Swift.min(ceiling, Swift.max(0, Self.microseconds(initial)))
        var backoff = start
        let growth = factor.isFinite ? Swift.max(1, factor) : 1
        // The loop ends as soon as the ceiling is met, so that a huge attempt number costs nothing.
        if start > 0, growth > 1 {
            var remaining = Swift.max(0, attempt - 1)
            while remaining > 0, backoff < ceiling {
                backoff *= growth
                remaining -= 1
            }
        }
        backoff = Swift.min(backoff, ceiling)
        switch jitter {
        case .none: break
        case .full: backoff *= randomUnit.isFinite ? Swift.min(1, Swift.max(0, randomUnit)) : 1
        }
        return .microseconds(Int64(backoff))
    }

    private static func microseconds(_ duration: Swift.Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) * 1_000_000 + (Double(attoseconds) / 1_000_000_000_000)
    }
}
