import Synchronization
import Testing

@testable import OrchestratorAPI

@Suite("Rate limits")
struct RateLimiterTests {
    private final class Hands: Sendable {
        let now = Mutex(ContinuousClock.now)

        func advance(_ duration: Swift.Duration) { now.withLock { $0 += duration } }
    }

    @Test("So many at once, then so many a second; each caller has its own count")
    func bucket() {
        let hands = Hands()
        let limiter = RateLimiter(perSecond: 2, burst: 3) { hands.now.withLock { $0 } }
        for _ in 0..<3 { #expect(limiter.take("a") == nil) }
        #expect(limiter.take("a") == 1)
        #expect(limiter.take("b") == nil)
        hands.advance(.milliseconds(500))
        #expect(limiter.take("a") == nil)
        #expect(limiter.take("a") == 1)
        hands.advance(.seconds(3600))
        for _ in 0..<3 { #expect(limiter.take("a") == nil) }
        #expect(limiter.take("a") == 1, "no more than the burst is ever left")
    }

    @Test("A slow rate says how long to wait")
    func wait() {
        let hands = Hands()
        let limiter = RateLimiter(perSecond: 1, burst: 1) { hands.now.withLock { $0 } }
        #expect(limiter.take("a") == nil)
        #expect(limiter.take("a") == 1)
    }

    @Test("No limit if the rate is 0; callers who rest are forgotten")
    func limits() {
        let hands = Hands()
        let none = RateLimiter(perSecond: 0, burst: 0) { hands.now.withLock { $0 } }
        for _ in 0..<1000 { #expect(none.take("a") == nil) }
        let limiter = RateLimiter(perSecond: 1, burst: 1) { hands.now.withLock { $0 } }
        #expect(limiter.take("first") == nil)
        for number in 1..<RateLimiter.capacity { #expect(limiter.take("\(number)") == nil) }
        hands.advance(.seconds(2))
        #expect(limiter.take("one more") == nil)
        #expect(limiter.take("one more") == 1)
        #expect(limiter.take("first") == nil)
    }
}
