import Testing

@testable import PostgresDriver

/// The pool's decisions, without connections: what each event leads to.
@Suite
struct PoolStateTests {
    private static let limits = PoolState.Limits(maxConnections: 2, maxWaiting: 3, firstBackoff: 100, maxBackoff: 1000)

    /// A pool with these connections idle.
    private func pool(idle: Int) -> PoolState {
        var pool = PoolState(limits: Self.limits)
        for number in 0..<UInt64(idle) {
            _ = pool.acquire(1000 + number, deadline: 10, now: 0)
        }
        for id in 1...max(1, UInt64(idle)) where idle > 0 { _ = pool.connected(id) }
        for id in 1...max(1, UInt64(idle)) where idle > 0 { _ = pool.release(id, isReusable: true) }
        #expect(pool.idleCount == idle)
        #expect(pool.waitingCount == 0)
        return pool
    }

    @Test func aFirstCallerWaitsForAConnectionThatIsMade() {
        var pool = PoolState(limits: Self.limits)
        #expect(pool.takeIdle() == nil)
        #expect(
            pool.acquire(1, deadline: 50, now: 0) == [.connect(1, afterNanoseconds: 0), .wake(at: 50)])
        #expect(pool.connected(1) == [.lease(1, 1)])
        #expect(pool.release(1, isReusable: true) == [])
        #expect(pool.idleCount == 1)
    }

    @Test func anIdleConnectionIsLeasedAtOnceTheLastUsedFirst() {
        var pool = pool(idle: 2)
        #expect(pool.acquire(1, deadline: 50, now: 0) == [.lease(1, 2)])
        #expect(pool.takeIdle() == 1)
        #expect(pool.takeIdle() == nil)
    }

    @Test func connectionsAndWaitersAreBounded() {
        var pool = PoolState(limits: Self.limits)
        #expect(pool.acquire(1, deadline: 50, now: 0).contains(.connect(1, afterNanoseconds: 0)))
        #expect(pool.acquire(2, deadline: 50, now: 0) == [.connect(2, afterNanoseconds: 0)])
        #expect(pool.acquire(3, deadline: 50, now: 0) == [], "no third connection")
        #expect(pool.acquire(4, deadline: 50, now: 0) == [.refuse(4, .tooManyWaiting)])
        #expect(pool.connectionCount == 2)
    }

    @Test func waitersAreServedInOrder() {
        var pool = pool(idle: 1)
        #expect(pool.takeIdle() == 1)
        _ = pool.acquire(1, deadline: 50, now: 0)
        _ = pool.acquire(2, deadline: 50, now: 0)
        #expect(pool.release(1, isReusable: true) == [.lease(1, 1)])
        #expect(pool.takeIdle() == nil, "nobody overtakes those who wait")
        #expect(pool.release(1, isReusable: true) == [.lease(2, 1)])
    }

    @Test func aDeadlineRefusesTheOverdueAndArmsForTheNext() {
        var pool = PoolState(limits: Self.limits)
        #expect(pool.acquire(1, deadline: 50, now: 0).contains(.wake(at: 50)))
        #expect(!pool.acquire(2, deadline: 70, now: 0).contains(.wake(at: 70)), "armed for an earlier time")
        #expect(pool.acquire(3, deadline: 20, now: 0) == [.wake(at: 20)])
        #expect(pool.wake(now: 20) == [.refuse(3, .deadline), .wake(at: 50)])
        #expect(pool.wake(now: 70) == [.refuse(1, .deadline), .refuse(2, .deadline)])
        #expect(pool.wake(now: 80) == [])
        #expect(pool.acquire(4, deadline: 80, now: 80) == [.refuse(4, .deadline)])
    }

    @Test func aCancelledWaiterIsRefusedOnce() {
        var pool = PoolState(limits: Self.limits)
        _ = pool.acquire(1, deadline: 50, now: 0)
        #expect(pool.cancel(1) == [.refuse(1, .cancelled)])
        #expect(pool.cancel(1) == [])
        #expect(pool.connected(1) == [], "the connection is there for the next")
        #expect(pool.takeIdle() == 1)
        #expect(pool.cancel(1) == [], "a lease is not cancelled here")
    }

    @Test func anUncleanConnectionIsClosedAndReplacedIfSomeoneWaits() {
        var pool = pool(idle: 2)
        #expect(pool.takeIdle() == 2)
        #expect(pool.release(2, isReusable: false) == [.close(2)])
        #expect(pool.connectionCount == 1)
        #expect(pool.takeIdle() == 1)
        _ = pool.acquire(1, deadline: 50, now: 0)
        _ = pool.acquire(2, deadline: 50, now: 0)
        #expect(pool.release(1, isReusable: false) == [.close(1), .connect(4, afterNanoseconds: 0)])
    }

    @Test(arguments: [
        (1, 0.0, 50 as UInt64), (1, 1.0, 100), (2, 0.0, 100), (2, 1.0, 200), (3, 0.5, 300), (4, 1.0, 800),
        (5, 0.0, 500), (5, 1.0, 1000), (60, 1.0, 1000), (1, 7.0, 100), (1, -7.0, 50),
    ])
    func pausesDoubleUpToTheLimitAndHalfOfEachIsRandom(failures: Int, jitter: Double, pause: UInt64) {
        var pool = PoolState(limits: Self.limits)
        _ = pool.acquire(1, deadline: 50, now: 0)
        for failure in 1..<UInt64(failures) {
            _ = pool.connectFailed(failure, isHopeless: false, jitter: 0)
        }
        let id = UInt64(failures)
        #expect(
            pool.connectFailed(id, isHopeless: false, jitter: jitter)
                == [.connect(id + 1, afterNanoseconds: pause)])
        #expect(pool.failures == failures)
    }

    @Test func whileTheDatabaseIsAwayOneAttemptIsMadeAtATime() {
        var pool = PoolState(limits: Self.limits)
        _ = pool.acquire(1, deadline: 50, now: 0)
        _ = pool.acquire(2, deadline: 50, now: 0)
        #expect(pool.connectFailed(1, isHopeless: false, jitter: 0) == [], "the other attempt still runs")
        #expect(pool.connectFailed(2, isHopeless: false, jitter: 0) == [.connect(3, afterNanoseconds: 100)])
        #expect(pool.acquire(3, deadline: 50, now: 0) == [])
        #expect(pool.wake(now: 60).count == 3, "waiting ends with the deadline")
        #expect(pool.connectFailed(3, isHopeless: false, jitter: 0).count == 1, "it is tried on also for nobody")
        _ = pool.acquire(4, deadline: 90, now: 70)
        _ = pool.acquire(5, deadline: 90, now: 70)
        #expect(
            pool.connected(4) == [.lease(4, 4), .connect(5, afterNanoseconds: 0)], "then as many as are wanted")
        #expect(pool.failures == 0)
    }

    @Test func hopelessFailuresAreToldAtOnce() {
        var pool = PoolState(limits: Self.limits)
        _ = pool.acquire(1, deadline: 50, now: 0)
        #expect(
            pool.connectFailed(1, isHopeless: true, jitter: 0)
                == [.refuse(1, .hopeless), .connect(2, afterNanoseconds: 50)])
    }

    @Test func anIdleConnectionThatBreaksIsForgottenAndTheLastOneReplaced() {
        var pool = pool(idle: 2)
        #expect(pool.ended(1) == [.close(1)])
        #expect(pool.ended(1) == [])
        #expect(pool.ended(2) == [.close(2), .connect(3, afterNanoseconds: 0)])
        #expect(pool.idleCount == 0)
        #expect(pool.takeIdle() == nil)
    }

    @Test func aLeasedConnectionThatBreaksGoesWhenItComesBack() {
        var pool = pool(idle: 1)
        #expect(pool.takeIdle() == 1)
        #expect(pool.ended(1) == [])
        #expect(pool.release(1, isReusable: false) == [.close(1)])
        #expect(pool.connectionCount == 0)
    }

    @Test func closingRefusesWaitersAndClosesEverything() {
        var pool = pool(idle: 2)
        #expect(pool.takeIdle() == 2)
        #expect(pool.takeIdle() == 1)
        _ = pool.acquire(1, deadline: 50, now: 0)
        #expect(pool.close() == [.refuse(1, .closed), .close(1), .close(2)])
        #expect(pool.close() == [])
        #expect(pool.release(1, isReusable: true) == [], "it is closed already")
        #expect(pool.acquire(2, deadline: 50, now: 0) == [.refuse(2, .closed)])
        #expect(pool.takeIdle() == nil)
    }

    @Test func aConnectionThatStandsAfterClosingIsClosed() {
        var pool = PoolState(limits: Self.limits)
        _ = pool.acquire(1, deadline: 50, now: 0)
        #expect(pool.close() == [.refuse(1, .closed), .close(1)])
        #expect(pool.connected(1) == [.close(1)])
        #expect(pool.connectFailed(1, isHopeless: false, jitter: 0) == [], "and none is tried again")
    }
}
