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
        /// The newest event of watched workflows that this orchestrator has committed.
        var own: [UniqueID: Int64] = [:]
        var listeners: [UInt64: FeedListener] = [:]
        var hearsSince: ContinuousClock.Instant?
        var quietUntil: ContinuousClock.Instant?

        var isWatched: Bool { !watched.isEmpty || !listeners.isEmpty }

        /// Notes that there is something new.
        ///
        /// - Returns: who waits for it.
        mutating func note(_ ids: Set<UniqueID>) -> [CheckedContinuation<Void, Never>] {
            guard !watched.isEmpty else { return [] }
            for id in ids where watched[id] != nil { generations[id, default: 0] += 1 }
            let matching = watchers.filter { ids.contains($0.value.workflowID) }
            for id in matching.keys { watchers[id] = nil }
            return matching.map(\.value.continuation)
        }
    }

    private let state = Mutex(State())
    /// Something comes each time that somebody begins to watch.
    let beginnings: AsyncStream<Void>
    private let beginning: AsyncStream<Void>.Continuation

    /// A feed without watchers.
    public init() {
        (beginnings, beginning) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Whether anyone watches.
    public var isWatched: Bool {
        state.withLock { $0.isWatched }
    }

    /// Says that there is something new about some workflows.
    public func notify(_ ids: Set<UniqueID>) {
        let (woken, listeners) = state.withLock { ($0.note(ids), Array($0.listeners.values)) }
        for continuation in woken { continuation.resume() }
        for listener in listeners { listener.add(ids) }
    }

    /// Begins to watch a workflow. Read the record after this, then wait.
    public func watch(_ workflowID: UniqueID) -> Watch {
        defer { beginning.yield() }
        return state.withLock { state in
            state.watched[workflowID, default: 0] += 1
            return Watch(feed: self, workflowID: workflowID, seen: state.generations[workflowID] ?? 0)
        }
    }

    /// Begins to listen to every workflow, until ``FeedListener/stop()``. Read the record after this, then wait.
    public func listen() -> FeedListener {
        defer { beginning.yield() }
        return state.withLock { state in
            state.nextID += 1
            let id = state.nextID
            let listener = FeedListener { [weak self] in
                self?.state.withLock { _ = $0.listeners.removeValue(forKey: id) }
            }
            state.listeners[id] = listener
            return listener
        }
    }

    // MARK: What other orchestrators commit

    /// Since when what other orchestrators commit is heard of without a gap; nil if it is not.
    public var hearsSince: ContinuousClock.Instant? {
        state.withLock { $0.hearsSince }
    }

    /// Notes whether other orchestrators are heard. After a gap everybody looks into the record once.
    func setHearing(_ isHearing: Bool) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.hearsSince = isHearing ? .now : nil
            return state.note(Set(state.watched.keys))
        }
        for continuation in woken { continuation.resume() }
    }

    /// Notes what this orchestrator is about to announce, so that it isn't news when it is heard.
    func noteOwn(_ events: some Sequence<(workflowID: UniqueID, sequence: Int64)>) {
        state.withLock { state in
            guard state.hearsSince != nil else { return }
            for event in events where state.watched[event.workflowID] != nil {
                state.own[event.workflowID] = max(event.sequence, state.own[event.workflowID] ?? 0)
            }
        }
    }

    /// Says what was announced on Redis. What this orchestrator has announced itself is no news.
    func heard(_ events: some Sequence<(workflowID: UniqueID, sequence: Int64)>) {
        let (woken, ids, listeners) = state.withLock { state in
            let ids = Set(
                events.filter { $0.sequence > state.own[$0.workflowID] ?? 0 }.map(\.workflowID))
            return (state.note(ids), ids, Array(state.listeners.values))
        }
        for continuation in woken { continuation.resume() }
        for listener in listeners { listener.add(ids) }
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
                state.own[workflowID] = nil
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
