import Synchronization

/// Why an attempt is stopped before its end.
package enum StopReason: Sendable, Hashable {
    /// The orchestrator said so: it was cancelled, or belongs to somebody else now.
    case cancelled
    /// It ran longer than its constraints allow.
    case timedOut
    /// The agent itself is being stopped: no result is reported, the attempt is listed as abandoned.
    case shutdown
}

/// The reason, shared by the loop that decides and the attempt that ends. The first one counts.
final class StopBox: Sendable {
    /// An order to stop.
    struct Order: Sendable {
        var reason: StopReason
        var since: ContinuousClock.Instant

        /// For how long the attempt has been stopping, in milliseconds.
        var milliseconds: Int { Int(since.duration(to: .now) / .milliseconds(1)) }
    }

    private let box = Mutex<Order?>(nil)

    var order: Order? { box.withLock { $0 } }

    func set(_ reason: StopReason) {
        let order = Order(reason: reason, since: .now)
        box.withLock { $0 = $0 ?? order }
    }
}
