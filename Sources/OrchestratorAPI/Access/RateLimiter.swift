import Synchronization

/// Bounds how many requests each of many callers may send: so many a second on average, and some seconds' worth at once.
final class RateLimiter: Sendable {
    /// Most callers that are remembered; those that have sent nothing for a while are forgotten first.
    static let capacity = 10_000

    private struct Bucket {
        /// How many requests are left at `at`.
        var left: Double
        var at: ContinuousClock.Instant
    }

    /// How many a second; 0 for no limit.
    let perSecond: Int
    /// How many at once after a rest.
    let burst: Int
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let buckets = Mutex<[String: Bucket]>([:])

    init(perSecond: Int, burst: Int, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        precondition(perSecond >= 0 && burst >= 0, "A rate is not negative.")
        self.perSecond = perSecond
        self.burst = burst
        self.clock = clock
    }

    /// Counts a request of a caller.
    ///
    /// - Returns: nil if it may be served; else after how many seconds the next one may, at least 1.
    func take(_ key: String) -> Int? {
        guard perSecond > 0 else { return nil }
        let now = clock()
        return buckets.withLock { buckets in
            if buckets[key] == nil, buckets.count >= Self.capacity { forget(&buckets, now) }
            var bucket = buckets[key] ?? Bucket(left: Double(burst), at: now)
            bucket.left = refilled(bucket, now)
            bucket.at = now
            defer { buckets[key] = bucket }
            guard bucket.left >= 1 else {
                return max(1, Int(((1 - bucket.left) / Double(perSecond)).rounded(.up)))
            }
            bucket.left -= 1
            return nil
        }
    }

    private func refilled(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
        min(Double(burst), bucket.left + (now - bucket.at) / .seconds(1) * Double(perSecond))
    }

    /// Forgets who has rested long enough to have all left; if nobody has, everybody.
    private func forget(_ buckets: inout [String: Bucket], _ now: ContinuousClock.Instant) {
        buckets = buckets.filter { refilled($0.value, now) < Double(burst) }
        if buckets.count >= Self.capacity { buckets.removeAll() }
    }
}
