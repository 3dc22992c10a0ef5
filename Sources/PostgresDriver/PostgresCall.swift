import Synchronization

/// One call of a caller, on its way to a connection's thread and back.
final class PostgresCall: Sendable {
    enum Work: Sendable {
        /// Statements in one flush with one Sync behind them.
        case pipeline([PostgresStatement])
        /// Text with any number of statements, without parameters or results.
        case script(String)
    }

    typealias Answer = Swift.Result<[PostgresRows], PostgresError>

    private enum Phase {
        /// The connection's thread has not seen it.
        case queued
        /// The thread is at it.
        case taken
        case answered(Answer)
    }

    private struct State {
        var phase = Phase.queued
        var caller: CheckedContinuation<Answer, Never>?
    }

    let id: UInt64
    let work: Work
    private let state = Mutex(State())

    init(id: UInt64, work: Work) {
        self.id = id
        self.work = work
    }

    /// For the thread: begins.
    ///
    /// - Returns: false if it was cancelled before.
    func take() -> Bool {
        state.withLock { state in
            guard case .queued = state.phase else { return false }
            state.phase = .taken
            return true
        }
    }

    /// Answers, unless it was answered.
    func answer(_ answer: Answer) {
        let caller: CheckedContinuation<Answer, Never>? = state.withLock { state in
            if case .answered = state.phase { return nil }
            state.phase = .answered(answer)
            return state.caller.take()
        }
        caller?.resume(returning: answer)
    }

    /// For the caller: gives up.
    ///
    /// - Returns: true if the thread is at it and has to be told.
    func cancel() -> Bool {
        var isTaken = false
        let caller: CheckedContinuation<Answer, Never>? = state.withLock { state in
            switch state.phase {
            case .queued:
                state.phase = .answered(.failure(.cancelledBeforeSending))
                return state.caller.take()
            case .taken:
                isTaken = true
                return nil
            case .answered: return nil
            }
        }
        caller?.resume(returning: .failure(.cancelledBeforeSending))
        return isTaken
    }

    /// Waits for the answer. To be called once.
    func answer() async -> Answer {
        await withCheckedContinuation { continuation in
            let answer: Answer? = state.withLock { state in
                if case .answered(let answer) = state.phase { return answer }
                state.caller = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}

extension PostgresError {
    static let cancelledBeforeSending = PostgresError(
        .cancelled, "The calling task was cancelled before the statement was sent.", outcome: .notSent)
}
