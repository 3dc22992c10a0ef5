import Synchronization

/// What the sweeper knows about the road and the record at present, for those who ask from elsewhere.
public final class RoadMonitor: Sendable {
    private struct State {
        var hearing = Hearing()
        var isRoadUp = false
        var lagMilliseconds: Int?
    }

    private let state = Mutex(State())
    private let leaseMilliseconds: Int

    /// A monitor that has heard nothing yet.
    public init(leaseMilliseconds: Int) {
        self.leaseMilliseconds = leaseMilliseconds
    }

    /// Shows what the sweeper knows.
    func show(_ hearing: Hearing, isRoadUp: Bool, lagMilliseconds: Int?) {
        state.withLock { state in
            state.hearing = hearing
            state.isRoadUp = isRoadUp
            state.lagMilliseconds = lagMilliseconds
        }
    }

    /// Whether we have listened, undisturbed, for a whole lease.
    var hasListenedForALease: Bool {
        let now = MonotonicTime.milliseconds
        return state.withLock { $0.hearing.hasListened(for: leaseMilliseconds, at: now) }
    }

    /// Whether Redis answered when last asked.
    public var isRoadUp: Bool { state.withLock { $0.isRoadUp } }

    /// Age of the oldest unread signal when last asked, in milliseconds; nil if unknown.
    public var signalLagMilliseconds: Int? { state.withLock { $0.lagMilliseconds } }
}
