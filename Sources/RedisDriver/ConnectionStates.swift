import Synchronization

/// The state of a connection, and those who want to hear of its changes.
final class ConnectionStates: Sendable {
    private struct Content {
        var current = RedisConnectionState.connecting
        var lastEpoch = 0
        var listeners: [Int: AsyncStream<RedisConnectionState>.Continuation] = [:]
        var nextListener = 0
    }

    private let content = Mutex(Content())

    var current: RedisConnectionState { content.withLock { $0.current } }

    var lastEpoch: Int { content.withLock { $0.lastEpoch } }

    /// Sets the state and tells everyone. `.closed` ends all streams.
    func set(_ state: RedisConnectionState) {
        let listeners = content.withLock { content in
            content.current = state
            if case .connected(let epoch, _) = state { content.lastEpoch = epoch }
            defer { if state == .closed { content.listeners = [:] } }
            return content.listeners.values.map { $0 }
        }
        for listener in listeners {
            listener.yield(state)
            if state == .closed { listener.finish() }
        }
    }

    /// The current state, then each change. A listener that lags behind by more than 16 misses the oldest.
    func stream() -> AsyncStream<RedisConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RedisConnectionState.self, bufferingPolicy: .bufferingNewest(16))
        let id = content.withLock { content in
            content.nextListener += 1
            // Under the lock, so that no later state can come before this one.
            continuation.yield(content.current)
            if content.current == .closed {
                continuation.finish()
            } else {
                content.listeners[content.nextListener] = continuation
            }
            return content.nextListener
        }
        continuation.onTermination = { [weak self] _ in
            self?.content.withLock { _ = $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }
}
