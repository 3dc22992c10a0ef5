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
    /// The sweeper's wishes that signals be taken over from orchestrators that have been silent for so many milliseconds;
    /// of several at once the last. For one loop.
    let signalWishes: AsyncStream<Int>
    private let wish: AsyncStream<Int>.Continuation

    /// A monitor that has heard nothing yet.
    public init(leaseMilliseconds: Int) {
        (signalWishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
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

    /// Asks for signals of orchestrators that have been silent for so long: judgement waits for them.
    func wishForSignals(idleMilliseconds: Int) { wish.yield(idleMilliseconds) }

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
