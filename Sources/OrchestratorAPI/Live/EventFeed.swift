import JSONTools
import Logging
import NIOCore
import OrchestratorEngine
import PostgresDriver
import Synchronization
import WorkflowStorage

/// The events of all workflows of a tenant, read from the record once for all who want them, while anybody does.
///
/// What this orchestrator commits, and what others announce, is looked up at once. Besides, the record is asked every now
/// and then what has changed, so that nothing depends on an announcement.
final class EventFeed: Sendable {
    /// How often the record is asked what changed while others are not heard, or have not been for long.
    static let shortInterval: Swift.Duration = .seconds(1)
    /// How often it is asked while they are.
    static let longInterval: Swift.Duration = .seconds(10)
    /// From when on others count as heard: by then they know that somebody listens.
    static let hearingTime: Swift.Duration = .seconds(3)
    /// Most workflows that are asked for at a time, and most events of each.
    static let maxWorkflows = 300
    static let maxEvents = 100
    /// Most changes that are read at a time.
    static let maxChanges = 2000

    private struct State {
        var ring: EventRing
        var readers = 0
        /// Counts the times that reading began; what belongs to an earlier one is over.
        var epoch = 0
        var beginning: Task<Void, any Error>?
        var reading: Task<Void, Never>?
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiting: UInt64 = 0

        /// Nobody reads any more.
        mutating func end() {
            epoch += 1
            reading?.cancel()
            reading = nil
            beginning = nil
            ring.skip()
        }
    }

    private let tenant: String
    private let store: PostgresReadStore
    private let feed: LiveFeed
    private let logger: Logger
    private let state: Mutex<State>

    init(
        tenant: String, store: PostgresReadStore, feed: LiveFeed, logger: Logger, ring: EventRing = EventRing()
    ) {
        state = Mutex(State(ring: ring))
        self.tenant = tenant
        self.store = store
        self.feed = feed
        self.logger = logger
    }

    // MARK: Readers

    /// Begins to read: whatever happens after this is behind the place that is returned. To be ended by ``leave()``.
    ///
    /// - Throws: what the record throws; then nobody has joined.
    func join() async throws -> UInt64 {
        let beginning = state.withLock { state in
            state.readers += 1
            if let beginning = state.beginning { return beginning }
            state.epoch += 1
            let epoch = state.epoch
            let beginning = Task { try await begin(epoch) }
            state.beginning = beginning
            return beginning
        }
        do {
            try await beginning.value
        } catch {
            leave()
            throw error
        }
        return state.withLock { $0.ring.next }
    }

    /// Ends what ``join()`` began.
    func leave() {
        state.withLock { state in
            state.readers -= 1
            if state.readers == 0 { state.end() }
        }
    }

    /// The next events from a place on; waits until there are some. Nothing if the task is cancelled.
    func read(from place: UInt64, limit: Int, maxBytes: Int) async -> EventRing.Slice {
        let id = state.withLock { state in
            state.nextWaiting += 1
            return state.nextWaiting
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.ring.next == place, !Task.isCancelled else { return false }
                    state.waiting[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
        return state.withLock { $0.ring.read(from: place, limit: limit, maxBytes: maxBytes) }
    }

    // MARK: Reading the record

    private func begin(_ epoch: Int) async throws {
        let listener = feed.listen()
        do {
            let now = try await store.now()
            let isWanted = state.withLock { state in
                guard state.epoch == epoch, state.readers > 0 else { return false }
                state.reading = Task { await run(since: now, listener) }
                return true
            }
            guard isWanted else { throw CancellationError() }
        } catch {
            listener.stop()
            state.withLock { state in
                if state.epoch == epoch { state.beginning = nil }
            }
            throw error
        }
    }

    /// Reads until cancelled.
    private func run(since start: Timestamp, _ listener: FeedListener) async {
        defer { listener.stop() }
        let ticking = Task {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: Self.shortInterval)
                } catch {
                    return
                }
                listener.wake()
            }
        }
        defer { ticking.cancel() }
        var seen = SeenEvents(since: start)
        var changes = Changes(since: start)
        var wanted: Set<UniqueID> = []
        for await _ in listener.signals {
            if Task.isCancelled { return }
            wanted.formUnion(listener.take())
            do {
                if changes.areDue(hearsSince: feed.hearsSince) {
                    try await look(for: &changes, seen, into: &wanted)
                }
                try await read(&wanted, &seen)
            } catch {
                // What was wanted still is, at the next tick.
                logger.debug("live events have to wait for the record", metadata: ["error": "\(error)"])
            }
        }
    }

    /// When the record was last asked what changed, and up to where it was read.
    private struct Changes {
        var moment: Timestamp
        var lastLook: ContinuousClock.Instant?

        init(since start: Timestamp) {
            moment = start
        }

        /// Whether it is time to ask again.
        func areDue(hearsSince: ContinuousClock.Instant?) -> Bool {
            guard let lastLook else { return true }
            let now = ContinuousClock.now
            let hears = hearsSince.map { now - $0 >= EventFeed.hearingTime } ?? false
            return now - lastLook >= (hears ? EventFeed.longInterval : EventFeed.shortInterval * 0.9)
        }
    }

    /// Finds workflows that have changed. Rows become visible in another order than their times: some are read twice.
    private func look(for changes: inout Changes, _ seen: SeenEvents, into wanted: inout Set<UniqueID>) async throws {
        var after = (moment: changes.moment - SeenEvents.overlap, id: UniqueID(high: 0, low: 0))
        while true {
            let rows = try await store.changes(
                tenant: tenant, after: after.moment, id: after.id, limit: Self.maxChanges)
            for row in rows where row.sequence > seen.last(of: row.id) ?? -1 { wanted.insert(row.id) }
            guard let last = rows.last else { break }
            after = (last.changedAt, last.id)
            changes.moment = max(changes.moment, last.changedAt)
            if rows.count < Self.maxChanges { break }
            try Task.checkCancellation()
        }
        changes.lastLook = .now
    }

    /// Reads the new events of some workflows.
    private func read(_ wanted: inout Set<UniqueID>, _ seen: inout SeenEvents) async throws {
        while !wanted.isEmpty {
            try Task.checkCancellation()
            let ids = Array(wanted.prefix(Self.maxWorkflows))
            let rows = try await store.events(
                at: ids.map { seen.place(of: $0) }, tenant: tenant, limit: Self.maxEvents)
            var counts: [UniqueID: Int] = [:]
            var entries: [EventRing.Entry] = []
            for row in rows {
                counts[row.workflowID, default: 0] += 1
                seen.note(row.workflowID, row.event.sequence, at: row.event.at)
                entries.append(
                    EventRing.Entry(
                        workflowID: row.workflowID, kind: row.event.kind, at: row.event.at,
                        bytes: LiveSession.message(about: row.event, of: row.workflowID)))
            }
            for id in ids where counts[id] ?? 0 < Self.maxEvents { wanted.remove(id) }
            publish(entries)
        }
    }

    private func publish(_ entries: [EventRing.Entry]) {
        guard !entries.isEmpty else { return }
        let woken = state.withLock { state in
            for entry in entries { state.ring.append(entry) }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in woken { continuation.resume() }
    }
}

/// The feeds of all tenants.
final class EventFeeds: Sendable {
    private let make: @Sendable (String) -> EventFeed
    private let feeds = Mutex<[String: EventFeed]>([:])

    init(store: PostgresReadStore, feed: LiveFeed, logger: Logger) {
        make = { EventFeed(tenant: $0, store: store, feed: feed, logger: logger) }
    }

    /// The one of a tenant. There are as many as tenants whose tokens were presented here.
    func feed(of tenant: String) -> EventFeed {
        feeds.withLock { feeds in
            if let known = feeds[tenant] { return known }
            let feed = make(tenant)
            feeds[tenant] = feed
            return feed
        }
    }
}
