import AgentProtocol
import RedisDriver
import Synchronization

/// What the in-memory buses share: the streams, the listeners, and those who wait.
final class InMemoryRoad: Sendable {
    struct TaskEntry: Sendable {
        var task: OutgoingTask
        var reference: TaskReference?
    }

    struct Content {
        var tasks: [String: MemoryStream<TaskEntry>] = [:]
        var results = MemoryStream<[UInt8]>()
        var signals = MemoryStream<[UInt8]>()
        var logs = MemoryStream<[UInt8]>()
        var deadLetters: [DeadLetterCopy] = []
        var events: [[UInt8]] = []
        var listeners: [String: [AsyncStream<ControlEvent>.Continuation]] = [:]
        var isClosed = false
        var isDown = false
        var epoch: UInt64 = 1
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
        /// Rises with every change, so that whoever looked before a change doesn't wait for the one after it.
        var version: UInt64 = 0
    }

    let now: @Sendable () -> Int64
    private let content = Mutex(Content())

    init(now: @escaping @Sendable () -> Int64) { self.now = now }

    /// Looks at the streams without the failures that callers of a bus see.
    func inspect<Answer: Sendable>(_ look: (inout sending Content) -> sending Answer) -> sending Answer {
        content.withLock { look(&$0) }
    }

    /// Changes the streams and wakes those who wait.
    ///
    /// - Throws: `closed`, or `unavailable` while the road is down.
    func change<Answer: Sendable>(
        _ change: (inout sending Content) -> sending Answer
    ) throws(TransportError) -> Answer {
        let (answer, waiters): (Swift.Result<Answer, TransportError>, [CheckedContinuation<Void, Never>]) =
            content.withLock { content in
                if content.isClosed { return (.failure(TransportError(.closed, "The bus was closed.")), []) }
                if content.isDown { return (.failure(TransportError(.unavailable, "The road is down.")), []) }
                let answer = change(&content)
                content.version += 1
                let waiters = Array(content.waiters.values)
                content.waiters = [:]
                return (.success(answer), waiters)
            }
        for waiter in waiters { waiter.resume() }
        return try answer.get()
    }

    /// Reads until something is found, the bus is closed or the task is cancelled (which finds nothing).
    func wait<Answer: Sendable>(
        block: Duration, until find: @Sendable (inout sending Content) -> sending Answer?
    ) async throws(TransportError) -> Answer? {
        while true {
            let seen: (answer: Answer?, version: UInt64, failure: TransportError?) = content.withLock { content in
                if content.isClosed { return (nil, 0, TransportError(.closed, "The bus was closed.")) }
                if content.isDown { return (nil, 0, TransportError(.unavailable, "The road is down.")) }
                let answer = find(&content)
                return (answer, content.version, nil)
            }
            if let failure = seen.failure { throw failure }
            if let answer = seen.answer { return answer }
            if block == .zero || _Concurrency.Task.isCancelled { return nil }
            await waitForChange(after: seen.version)
        }
    }

    /// Wakes everyone, for what is no change of the streams.
    func wakeAll() {
        let waiters = content.withLock { content in
            content.version += 1
            defer { content.waiters = [:] }
            return Array(content.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    private func waitForChange(after version: UInt64) async {
        let id = content.withLock { content in
            content.nextWaiter += 1
            return content.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isLate = content.withLock { content in
                    if content.version != version || _Concurrency.Task.isCancelled { return true }
                    content.waiters[id] = continuation
                    return false
                }
                if isLate { continuation.resume() }
            }
        } onCancel: {
            content.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
