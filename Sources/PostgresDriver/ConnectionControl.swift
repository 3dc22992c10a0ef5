import BlockingIO
import Synchronization

/// What the callers and the thread of one connection tell each other beside the mailbox.
final class ConnectionControl: Sendable {
    /// What the server would say of the session, as of the last call that ended.
    enum Session: UInt8, Sendable, AtomicRepresentable {
        case connecting, idle, inTransaction, inFailedTransaction, closed
    }

    /// What callers want of the thread.
    struct Wishes {
        var cancelled: [UInt64] = []
        var close: Closing?
        /// The thread that asked the server to cancel has ended; true if the request got through.
        var cancelRequestDelivered: Bool?
    }

    enum Closing {
        /// Finishes what is on its way, within the grace.
        case gracefully
        /// At once.
        case immediately
    }

    private struct State {
        var wishes = Wishes()
        var end: PostgresError?
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        var onEnd: (@Sendable () -> Void)?
    }

    let wake = WakeSignal(purpose: "PostgreSQL connection")
    private let state = Mutex(State())
    private let storedSession = Atomic<Session>(.connecting)
    /// Calls that were begun and of which the thread isn't done.
    let outstanding = Atomic<Int>(0)

    var session: Session {
        get { storedSession.load(ordering: .acquiring) }
        set { storedSession.store(newValue, ordering: .releasing) }
    }

    func cancel(_ id: UInt64) {
        state.withLock { $0.wishes.cancelled.append(id) }
        wake.raise()
    }

    func close(_ closing: Closing) {
        state.withLock { state in
            if case .immediately? = state.wishes.close { return }
            state.wishes.close = closing
        }
        wake.raise()
    }

    func cancelRequestEnded(delivered: Bool) {
        state.withLock { $0.wishes.cancelRequestDelivered = delivered }
        wake.raise()
    }

    /// For the thread.
    func takeWishes() -> Wishes {
        wake.clear()
        return state.withLock { state in
            defer { state.wishes = Wishes() }
            return state.wishes
        }
    }

    /// For the thread: the connection is over, and every call was answered.
    func end(_ error: PostgresError) {
        session = .closed
        let (waiting, onEnd) = state.withLock { state in
            state.end = error
            defer { state.waitingForEnd = [] }
            return (state.waitingForEnd, state.onEnd.take())
        }
        for continuation in waiting { continuation.resume() }
        onEnd?()
    }

    /// Why the connection is over, or nil if it isn't.
    var ended: PostgresError? { state.withLock { $0.end } }

    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.end != nil { return true }
                state.waitingForEnd.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Calls `body` once when the connection ends, at once if it has.
    func whenEnded(_ body: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if state.end != nil { return true }
            state.onEnd = body
            return false
        }
        if isOver { body() }
    }
}
