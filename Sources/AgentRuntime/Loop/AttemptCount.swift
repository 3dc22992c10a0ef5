import Synchronization

/// How many attempts run, with a way to wait until none does.
final class AttemptCount: Sendable {
    private struct State {
        var count = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func begin() { state.withLock { $0.count += 1 } }

    func end() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until all attempts that were begun have ended, their files and tools with them.
    func waitForNone() async {
        await withCheckedContinuation { continuation in
            let isNone = state.withLock { state -> Bool in
                if state.count == 0 { return true }
                state.waiting.append(continuation)
                return false
            }
            if isNone { continuation.resume() }
        }
    }
}
