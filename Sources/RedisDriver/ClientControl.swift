import BlockingIO
import Synchronization

/// What a client tells its thread besides commands: to close, or to give up a blocking read. Also tells others when the
/// thread has ended.
final class ClientControl: Sendable {
    private struct State {
        var closeDeadline: UInt64?
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let signal = WakeSignal(purpose: "Redis client")
    private let state = Mutex(State())

    /// Readable once there is something to look at.
    var descriptor: Int32 { signal.descriptor }

    /// When the thread must have ended, in nanoseconds of the monotonic clock; nil if it may go on.
    var closeDeadline: UInt64? { state.withLock { $0.closeDeadline } }

    /// Asks the thread to end.
    ///
    /// - Parameter grace: what is sent and queued may still be finished for so long.
    func close(grace: Duration) {
        state.withLock { state in
            if state.closeDeadline == nil { state.closeDeadline = MonotonicClock.nanoseconds() + grace.nanoseconds }
            // Under the lock, so that the thread can't clear the signal after it saw no deadline.
            signal.raise()
        }
    }

    /// Asks the thread to look at the flags of its submissions.
    func interrupt() { signal.raise() }

    /// The thread has seen the signal. Once closed it stays raised.
    func acknowledge() {
        state.withLock { if $0.closeDeadline == nil { signal.clear() } }
    }

    /// The thread has ended.
    func end() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns once the thread has ended.
    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }
}
