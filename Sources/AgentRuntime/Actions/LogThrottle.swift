/// How many log lines a task may still send in the present second, as a value.
///
/// Windows of one second that begin with their first line: at most `limit` lines in each, so at most twice that in any second.
struct LogThrottle: Sendable {
    /// Lines a second that the protocol allows one task.
    static let linesPerSecond = 200

    private let limit: Int
    private var windowStart: ContinuousClock.Instant?
    private var used = 0

    init(limit: Int = Self.linesPerSecond) { self.limit = limit }

    /// How many lines may be sent at `now`.
    mutating func room(at now: ContinuousClock.Instant) -> Int {
        guard let windowStart, windowStart.duration(to: now) < .seconds(1) else { return limit }
        return limit - used
    }

    /// Takes room for one line.
    ///
    /// - Returns: Whether there was any.
    mutating func take(at now: ContinuousClock.Instant) -> Bool {
        if let windowStart, windowStart.duration(to: now) < .seconds(1) {
            guard used < limit else { return false }
            used += 1
            return true
        }
        windowStart = now
        used = 1
        return true
    }
}
