import Synchronization

/// Committed effects on their way to be carried out, bounded: the Advancer waits when the publisher lags.
public final class EffectQueue: Sendable {
    /// Most batches that wait.
    static let limit = 8

    private struct State {
        var waiting: [BatchEffects] = []
        var consumer: CheckedContinuation<Void, Never>?
        var producers: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// An empty queue.
    public init() {}

    /// Appends a batch's effects, waiting while too many wait already. Its producers are the lanes of the Advancer.
    func append(_ effects: BatchEffects) async {
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.waiting.append(effects)
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume()
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if state.waiting.count <= Self.limit || state.isClosed { return false }
                state.producers.append(continuation)
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    /// Takes all that waits; nil once closed and empty. There is one consumer, the publisher.
    func takeAll() async -> [BatchEffects]? {
        while true {
            let (taken, producers, isClosed) = state.withLock {
                state -> ([BatchEffects], [CheckedContinuation<Void, Never>], Bool) in
                defer {
                    state.waiting = []
                    state.producers = []
                }
                return (state.waiting, state.producers, state.isClosed)
            }
            for producer in producers { producer.resume() }
            if !taken.isEmpty { return taken }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if !state.waiting.isEmpty || state.isClosed { return false }
                    state.consumer = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    /// No more will come; what waits is still taken.
    public func close() {
        let (consumer, producers) = state.withLock {
            state -> (CheckedContinuation<Void, Never>?, [CheckedContinuation<Void, Never>]) in
            state.isClosed = true
            defer {
                state.consumer = nil
                state.producers = []
            }
            return (state.consumer, state.producers)
        }
        consumer?.resume()
        for producer in producers { producer.resume() }
    }
}
