import Glibc
import Synchronization

/// The process group of one tool, and the only place that sends it signals.
///
/// Signals go out under the lock and only until ``finish()``, which is called before the leader is reaped:
/// while the leader is at least a zombie its number can't be given to another group.
final class ProcessGroup: Sendable {
    /// Why a tool was stopped before its end.
    enum StopReason: Sendable, Hashable {
        case cancelled
        case timedOut
        /// By the action that had started it in the background.
        case asked
    }

    private struct State {
        var processID: Int32?
        var stopReason: StopReason?
        var hasFinished = false
        var killer: Task<Void, Never>?
    }

    /// How long a group may take to end after SIGTERM.
    static let grace: Duration = .seconds(2)

    private let state = Mutex(State())

    /// Id of the leader and of the group; nil before it was started.
    var processID: Int32? { state.withLock { $0.processID } }

    var stopReason: StopReason? { state.withLock { $0.stopReason } }

    /// Whether the group was started and has not ended.
    var isRunning: Bool { state.withLock { $0.processID != nil && !$0.hasFinished } }

    func started(_ processID: Int32) {
        let wasStopped = state.withLock { state in
            state.processID = processID
            if state.stopReason != nil { kill(-processID, SIGTERM) }
            return state.stopReason != nil
        }
        if wasStopped { scheduleKill() }
    }

    /// Asks the whole group to end (SIGTERM), and ends it two seconds later (SIGKILL). The first reason counts.
    func stop(_ reason: StopReason) {
        let signalled = state.withLock { state -> Bool in
            guard !state.hasFinished, state.stopReason == nil else { return false }
            state.stopReason = reason
            guard let processID = state.processID else { return false }
            kill(-processID, SIGTERM)
            return true
        }
        if signalled { scheduleKill() }
    }

    /// Ends what is left of the group; to be called when the leader has exited and was not reaped yet.
    func finish() {
        let killer = state.withLock { state -> Task<Void, Never>? in
            if let processID = state.processID, !state.hasFinished { kill(-processID, SIGKILL) }
            state.hasFinished = true
            return state.killer
        }
        killer?.cancel()
    }

    private func scheduleKill() {
        let killer = Task { [self] in
            do { try await Task.sleep(for: Self.grace) } catch { return }
            state.withLock { state in
                if let processID = state.processID, !state.hasFinished { kill(-processID, SIGKILL) }
            }
        }
        state.withLock { $0.killer = killer }
    }

    /// Waits until the leader has exited, without reaping it.
    ///
    /// Its output usually ends with it, so the first look is nearly always enough.
    func waitForExit() async {
        guard let processID else { return }
        var pause = Duration.microseconds(200)
        while true {
            var info = siginfo_t()
            let code = waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT | WNOHANG)
            if code != 0, errno != EINTR { return }
            if code == 0, info.si_signo == SIGCHLD { return }
            // Not to be cut short by cancellation: the group is told to stop then, and the exit is still awaited.
            let wait = pause
            await Task { _ = try? await Task.sleep(for: wait) }.value
            pause = min(pause * 2, .milliseconds(50))
        }
    }
}
