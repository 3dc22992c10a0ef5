import JSONTools
public import Logging
import Synchronization
import WorkflowCore
public import WorkflowStorage

/// Writes that may wait a second: marks of published sends, and the searchable rows of running workflows. Most sends
/// are answered, and most rows superseded, before they are due, so they are never written at all.
public final class DeferredWrites: Sendable {
    /// How long a write waits.
    static let delay: Swift.Duration = .seconds(1)

    private struct State {
        var published: [UniqueID: (send: PublishedSend, since: ContinuousClock.Instant)] = [:]
        var summaries: [UniqueID: WorkflowSummary] = [:]
        var waiter: CheckedContinuation<Void, Never>?
        var isClosed = false

        var isEmpty: Bool { published.isEmpty && summaries.isEmpty }

        mutating func wake() -> CheckedContinuation<Void, Never>? {
            defer { waiter = nil }
            return waiter
        }
    }

    private let state = Mutex(State())
    private let store: any WatchStore
    private let logger: Logger

    /// Writes to `store`.
    public init(store: any WatchStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    func note(closed: [UniqueID]) {
        guard !closed.isEmpty else { return }
        state.withLock { state in
            for taskID in closed { state.published[taskID] = nil }
        }
    }

    func note(published: [PublishedSend]) {
        guard !published.isEmpty else { return }
        let now = ContinuousClock.now
        let waiter = state.withLock { state in
            for send in published { state.published[send.reference.taskID] = (send, now) }
            return state.wake()
        }
        waiter?.resume()
    }

    func note(summaries: [WorkflowSummary]) {
        guard !summaries.isEmpty else { return }
        let waiter = state.withLock { state in
            for summary in summaries { state.summaries[summary.id] = summary }
            return state.wake()
        }
        waiter?.resume()
    }

    /// Runs until stopped or cancelled; then writes what is left, once.
    public func run() async {
        await withTaskCancellationHandler {
            while await waitForWork() {
                do {
                    try await Task.sleep(for: Self.delay)
                } catch {
                    break
                }
                await flush(olderThan: Self.delay)
            }
        } onCancel: {
            stop()
        }
        await flush(olderThan: .zero)
    }

    /// Lets ``run()`` write what is left and end.
    public func stop() {
        let waiter = state.withLock { state in
            state.isClosed = true
            return state.wake()
        }
        waiter?.resume()
    }

    /// Waits until there is something to write.
    ///
    /// - Returns: false once closed.
    private func waitForWork() async -> Bool {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if !state.isEmpty || state.isClosed { return false }
                state.waiter = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        return state.withLock { !$0.isClosed }
    }

    private func flush(olderThan age: Swift.Duration) async {
        let limit = ContinuousClock.now - age
        let (sends, summaries) = state.withLock { state -> ([PublishedSend], [WorkflowSummary]) in
            let due = state.published.filter { $0.value.since <= limit }
            for taskID in due.keys { state.published[taskID] = nil }
            defer { state.summaries = [:] }
            return (due.map(\.value.send), Array(state.summaries.values))
        }
        do throws(BatchError) {
            try await store.markPublished(sends.sorted { $0.reference.taskID < $1.reference.taskID })
        } catch .refused(let reason) {
            logger.error("marks of published sends were refused", metadata: ["error": "\(reason)"])
        } catch {
            logger.warning("marks of published sends have to wait", metadata: ["error": "\(error)"])
            note(published: sends)
        }
        do throws(BatchError) {
            try await store.refresh(summaries.sorted { $0.id < $1.id })
        } catch .refused(let reason) {
            logger.error("searchable rows were refused", metadata: ["error": "\(reason)"])
        } catch {
            logger.warning("searchable rows have to wait", metadata: ["error": "\(error)"])
            state.withLock { state in
                // A newer summary may have come meanwhile; it stays.
                for summary in summaries where state.summaries[summary.id] == nil {
                    state.summaries[summary.id] = summary
                }
            }
        }
    }
}
