import Synchronization

/// An action's wait for its grant; ended once, by the grant or by cancellation.
final class GrantTicket: Sendable {
    private enum State {
        case waiting(CheckedContinuation<Void, any Error>?)
        case ended(granted: Bool)
    }

    private let state = Mutex(State.waiting(nil))

    /// Waits for the end.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let granted = state.withLock { state -> Bool? in
                    switch state {
                    case .waiting:
                        state = .waiting(continuation)
                        return nil
                    case .ended(let granted):
                        return granted
                    }
                }
                if let granted { Self.resume(continuation, granted) }
            }
        } onCancel: {
            end(granted: false)
        }
    }

    func end(granted: Bool) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard case .waiting(let continuation) = state else { return nil }
            state = .ended(granted: granted)
            return continuation
        }
        if let continuation { Self.resume(continuation, granted) }
    }

    private static func resume(_ continuation: CheckedContinuation<Void, any Error>, _ granted: Bool) {
        if granted { continuation.resume() } else { continuation.resume(throwing: CancellationError()) }
    }
}
