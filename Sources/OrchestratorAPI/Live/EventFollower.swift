import JSONTools
import NIOCore
import WorkflowStorage

/// One client's way along the events of all workflows. If it reads too slowly for the ring it is told so, and what it has
/// missed comes from the record.
struct EventFollower: Sendable {
    let feed: EventFeed
    let store: PostgresReadStore
    let tenant: String
    /// The kinds of events that it wants; nil for all.
    let types: Set<String>?
    /// Sends messages, and waits until there is room for more.
    let send: @Sendable ([ByteBuffer]) async -> Void
    /// Says that the record is away.
    let refuse: @Sendable (any Error) async -> Void

    /// Goes on until cancelled.
    ///
    /// - Parameters:
    ///   - start: its place in the feed.
    ///   - beginning: the time of that place.
    func run(from start: UInt64, since beginning: Timestamp) async {
        var place = start
        var heard = beginning
        while !Task.isCancelled {
            let slice = await feed.read(from: place, limit: LiveSession.batchLimit, maxBytes: LiveSession.batchBytes)
            if slice.missed > 0 {
                let word: JSONValue = [
                    "type": "resync", "workflow_id": .null, "missed": JSONValue(Int64(clamping: slice.missed)),
                    "since": JSONValue(heard),
                ]
                await send([ByteBuffer(bytes: word.encoded())])
                await replay(since: heard)
            }
            place = slice.next
            if let last = slice.entries.last { heard = max(heard, last.at) }
            await send(slice.entries.filter { types?.contains($0.kind) ?? true }.map(\.bytes))
        }
    }

    /// Sends from the record what happened since a moment, and a little before it: the client knows by `seq` what it has.
    private func replay(since moment: Timestamp) async {
        let beginning = moment - SeenEvents.overlap
        var after = (moment: beginning, id: UniqueID(high: 0, low: 0))
        while !Task.isCancelled {
            do {
                let changed = try await store.changes(
                    tenant: tenant, after: after.moment, id: after.id, limit: EventFeed.maxWorkflows)
                var places = changed.map { EventPlace(workflowID: $0.id, after: 0, since: beginning) }
                while !places.isEmpty, !Task.isCancelled { places = try await replay(places) }
                guard let last = changed.last, changed.count == EventFeed.maxWorkflows else { return }
                after = (last.changedAt, last.id)
            } catch {
                await refuse(error)
                // Cut short only by cancellation, which the loop sees.
                try? await Task.sleep(for: EventFeed.shortInterval)
            }
        }
    }

    /// Sends the next events of some workflows.
    ///
    /// - Returns: where those go on that may have more.
    private func replay(_ places: [EventPlace]) async throws -> [EventPlace] {
        let rows = try await store.events(at: places, tenant: tenant, limit: EventFeed.maxEvents)
        var counts: [UniqueID: (count: Int, last: Int64)] = [:]
        for row in rows {
            counts[row.workflowID] = ((counts[row.workflowID]?.count ?? 0) + 1, row.event.sequence)
            guard types?.contains(row.event.kind) ?? true else { continue }
            await send([LiveSession.message(about: row.event, of: row.workflowID)])
        }
        return counts.filter { $0.value.count == EventFeed.maxEvents }.map {
            EventPlace(workflowID: $0.key, after: $0.value.last, since: .distantPast)
        }
    }
}
