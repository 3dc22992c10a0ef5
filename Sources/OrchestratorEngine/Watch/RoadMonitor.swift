import Synchronization

/// What is known about the road and the record at present, and for how long it has been good.
public final class RoadMonitor: Sendable {
    private struct State {
        var hearing = Hearing()
        var isRoadUp = false
        var lagMilliseconds: Int?
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    private let leaseMilliseconds: Int

    /// A monitor that has heard nothing yet.
    public init(leaseMilliseconds: Int) {
        self.leaseMilliseconds = leaseMilliseconds
    }

    private var monotonic: Int64 {
        let elapsed = (ContinuousClock.now - start).components
        return elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
    }

    /// Notes what a look showed.
    func note(isRecordUp: Bool, isRoadUp: Bool, signalLagMilliseconds: Int?) {
        let now = monotonic
        state.withLock { state in
            state.isRoadUp = isRoadUp
            state.lagMilliseconds = signalLagMilliseconds
            state.hearing.note(
                isRecordUp: isRecordUp, isRoadUp: isRoadUp, signalLagMilliseconds: signalLagMilliseconds, at: now)
        }
    }

    /// Whether we have listened, undisturbed, for a whole lease.
    var hasListenedForALease: Bool {
        hasListened(for: leaseMilliseconds)
    }

    /// Whether we have listened, undisturbed, for so long.
    func hasListened(for milliseconds: Int) -> Bool {
        let now = monotonic
        return state.withLock { $0.hearing.hasListened(for: milliseconds, at: now) }
    }

    /// Whether Redis answered when last asked.
    public var isRoadUp: Bool { state.withLock { $0.isRoadUp } }

    /// Age of the oldest unread signal when last asked, in milliseconds; nil if unknown.
    public var signalLagMilliseconds: Int? { state.withLock { $0.lagMilliseconds } }
}
