public import JSONTools
import Synchronization

/// Tells those who watch a workflow that there is something new in the record. It carries no events itself: a watcher
/// reads them from the record, so nothing can be missed, and a slow one costs nothing.
public final class LiveFeed: Sendable {
    /// For how long nothing is announced on Redis after nobody listened there.
    static let quiet: Swift.Duration = .seconds(1)

    private struct Watcher {
        var workflowID: UniqueID
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var watchers: [UInt64: Watcher] = [:]
        var cancelled: Set<UInt64> = []
        var nextID: UInt64 = 1
        var generations: [UniqueID: UInt64] = [:]
        var watched: [UniqueID: Int] = [:]
        var quietUntil: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// A feed without watchers.
    public init() {}

    /// Whether anyone watches.
    public var isWatched: Bool {
        state.withLock { !$0.watched.isEmpty }
    }

    /// Says that there is something new about some workflows.
    public func notify(_ ids: Set<UniqueID>) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard !state.watched.isEmpty else { return [] }
            for id in ids where state.watched[id] != nil { state.generations[id, default: 0] += 1 }
            let matching = state.watchers.filter { ids.contains($0.value.workflowID) }
            for id in matching.keys { state.watchers[id] = nil }
            return matching.map(\.value.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Begins to watch a workflow. Read the record after this, then wait.
    public func watch(_ workflowID: UniqueID) -> Watch {
        state.withLock { state in
            state.watched[workflowID, default: 0] += 1
            return Watch(feed: self, workflowID: workflowID, seen: state.generations[workflowID] ?? 0)
        }
    }

    /// A watcher's place in a workflow's news.
    public final class Watch: Sendable {
        private let feed: LiveFeed
        private let workflowID: UniqueID
        private let seen: Mutex<UInt64>

        init(feed: LiveFeed, workflowID: UniqueID, seen: UInt64) {
            self.feed = feed
            self.workflowID = workflowID
            self.seen = Mutex(seen)
        }

        deinit {
            feed.forget(workflowID)
        }

        /// Waits for news since the last call, at most `limit`; also returns when the task is cancelled.
        public func news(within limit: Swift.Duration) async {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.feed.wait(for: self.workflowID, after: self.seen.withLock { $0 }) }
                group.addTask {
                    do {
                        try await Task.sleep(for: limit)
                    } catch {
                        return
                    }
                }
                await group.next()
                group.cancelAll()
            }
            let present = feed.generation(of: workflowID)
            seen.withLock { $0 = present }
        }
    }

    private func forget(_ workflowID: UniqueID) {
        state.withLock { state in
            let left = (state.watched[workflowID] ?? 1) - 1
            if left > 0 {
                state.watched[workflowID] = left
            } else {
                state.watched[workflowID] = nil
                state.generations[workflowID] = nil
            }
        }
    }

    private func generation(of workflowID: UniqueID) -> UInt64 {
        state.withLock { $0.generations[workflowID] ?? 0 }
    }

    private func wait(for workflowID: UniqueID, after seen: UInt64) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.cancelled.remove(id) != nil || state.generations[workflowID] ?? 0 != seen { return false }
                    state.watchers[id] = Watcher(workflowID: workflowID, continuation: continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
            state.withLock { _ = $0.cancelled.remove(id) }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let watcher = state.watchers.removeValue(forKey: id) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return watcher.continuation
            }
            continuation?.resume()
        }
    }

    // MARK: Announcements for other orchestrators and watchers on Redis

    /// Whether committed events are to be announced on Redis now.
    func announces(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { $0.quietUntil.map { now >= $0 } ?? true }
    }

    /// Notes how many listened to an announcement; when nobody did, the next ones are spared for a while.
    func noteListeners(_ count: Int, at now: ContinuousClock.Instant) {
        state.withLock { $0.quietUntil = count == 0 ? now + Self.quiet : nil }
    }
}
