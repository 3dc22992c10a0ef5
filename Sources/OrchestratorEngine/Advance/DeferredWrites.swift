import JSONTools
public import Logging
import Synchronization
public import WorkflowStorage

/// Carries out what ``DeferredCore`` holds back: once a second while there is something to write.
public final class DeferredWrites: Sendable {
    private struct State {
        var core = DeferredCore()
        var waiter: CheckedContinuation<Void, Never>?
        var isClosed = false

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
        state.withLock { $0.core.note(closed: closed) }
    }

    func note(current: [UniqueID]) {
        state.withLock { $0.core.note(current: current) }
    }

    func note(published: [PublishedSend]) {
        change { $0.note(published: published, at: MonotonicTime.milliseconds) }
    }

    func note(summaries: [WorkflowSummary]) {
        change { $0.note(summaries: summaries) }
    }

    private func change(_ body: (inout DeferredCore) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            body(&state.core)
            return state.core.isEmpty ? nil : state.wake()
        }
        waiter?.resume()
    }

    /// Runs until stopped or cancelled; then writes what is left, once.
    public func run() async {
        await withTaskCancellationHandler {
            while await waitForWork() {
                do {
                    try await Task.sleep(for: .milliseconds(DeferredCore.delayMilliseconds))
                } catch {
                    break
                }
                await flush()
            }
        } onCancel: {
            stop()
        }
        await flush(all: true)
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
                if !state.core.isEmpty || state.isClosed { return false }
                state.waiter = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        return state.withLock { !$0.isClosed }
    }

    private func flush(all: Bool = false) async {
        let now = MonotonicTime.milliseconds
        let (sends, summaries) = state.withLock { $0.core.takeDue(at: now, all: all) }
        do throws(BatchError) {
            try await store.markPublished(sends)
        } catch .refused(let reason) {
            logger.error("marks of published sends were refused", metadata: ["error": "\(reason)"])
        } catch {
            logger.warning("marks of published sends have to wait", metadata: ["error": "\(error)"])
            state.withLock { $0.core.putBack(published: sends, at: now) }
        }
        // A few at a time: the Advancer waits for the rows that a statement has in hand.
        for start in stride(from: 0, to: summaries.count, by: Self.refreshLimit) {
            await refresh(Array(summaries[start..<min(start + Self.refreshLimit, summaries.count)]))
        }
    }

    /// The most rows that one statement refreshes.
    private static let refreshLimit = 256

    private func refresh(_ summaries: [WorkflowSummary]) async {
        do throws(BatchError) {
            try await store.refresh(summaries)
        } catch .refused(let reason) {
            logger.error("searchable rows were refused", metadata: ["error": "\(reason)"])
        } catch {
            logger.warning("searchable rows have to wait", metadata: ["error": "\(error)"])
            state.withLock { $0.core.putBack(summaries: summaries) }
        }
    }
}
