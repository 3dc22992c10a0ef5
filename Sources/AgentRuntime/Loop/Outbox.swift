import Synchronization

/// A queue between a thread that never waits and a task that does: what is put in is taken out in batches.
final class Outbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// - Parameter capacity: When more wait, the oldest are dropped.
    init(capacity: Int = .max) { self.capacity = capacity }

    func put(_ items: [Item]) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isClosed else { return nil }
            state.items.append(contentsOf: items)
            if state.items.count > capacity { state.items.removeFirst(state.items.count - capacity) }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits for items; for one task only.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - total: How large the batch may become by `size`; a larger item comes alone.
    /// - Returns: At least one, oldest first; nil when the outbox is closed and empty.
    func take(
        atMost limit: Int,
        totalling total: Int = .max,
        _ size: (Item) -> Int = { _ in 0 }
    ) async -> [Item]? {
        while true {
            let (batch, isClosed) = state.withLock { state -> ([Item], Bool) in
                var batch: [Item] = []
                var sum = 0
                for item in state.items.prefix(limit) {
                    sum += size(item)
                    if sum > total, !batch.isEmpty { break }
                    batch.append(item)
                }
                state.items.removeFirst(batch.count)
                return (batch, state.isClosed)
            }
            if !batch.isEmpty { return batch }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state -> Bool in
                    if !state.items.isEmpty || state.isClosed { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// What is in is still taken out, nothing more gets in.
    func close() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isClosed = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
