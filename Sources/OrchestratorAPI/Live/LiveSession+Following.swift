import JSONTools
import Logging
import NIOCore
import OrchestratorEngine
import WorkflowStorage

/// What a client hears by its subscriptions.
extension LiveSession {
    /// Sends a workflow's events until it has ended.
    func follow(_ id: UniqueID, _ types: Set<String>?, _ start: Int64, _ number: UInt64) async {
        let source = TrailStream(services, workflowID: id, tenant: caller.tenant, of: .events) { [services] after in
            try await services.store.events(of: id, after: after, limit: Self.batchLimit).map {
                StreamEvent(id: $0.sequence, kind: $0.kind, data: $0.document)
            }
        }
        var last = start
        while !Task.isCancelled {
            do {
                let ending = try await source.ending()
                let events = try await source.events(after: last)
                if !events.isEmpty {
                    last = events.compactMap(\.id).max() ?? last
                    let wanted = events.filter { types?.contains($0.kind) ?? true }
                    await send(
                        wanted.map { Self.message(about: $0.data, of: id) })
                    continue
                }
                if let ending {
                    forget(id, number)
                    await say([
                        "type": "end", "workflow_id": JSONValue(id), "status": ending.data["status"] ?? .null,
                    ])
                    return
                }
            } catch {
                // The record is away: it is asked again, and nothing is missed.
                services.logger.debug("a live client waits for the record", metadata: ["error": "\(error)"])
            }
            await source.news()
        }
    }

    /// Sends the events of all workflows. A client that reads too slowly for the ring is told so, and what it has missed
    /// comes from the record.
    func followAll(_ feed: EventFeed, _ types: Set<String>?, from start: UInt64, since beginning: Timestamp) async {
        var place = start
        var heard = beginning
        while !Task.isCancelled {
            let slice = await feed.read(from: place, limit: Self.batchLimit, maxBytes: Self.batchBytes)
            if slice.missed > 0 {
                await say([
                    "type": "resync", "workflow_id": .null, "missed": JSONValue(Int64(clamping: slice.missed)),
                    "since": JSONValue(heard),
                ])
                await replay(since: heard, types)
            }
            place = slice.next
            if let last = slice.entries.last { heard = max(heard, last.at) }
            await send(slice.entries.filter { types?.contains($0.kind) ?? true }.map(\.bytes))
        }
    }

    /// Sends from the record what happened since a moment, and a little before it: the client knows by `seq` what it has.
    private func replay(since moment: Timestamp, _ types: Set<String>?) async {
        let beginning = moment - SeenEvents.overlap
        var after = (moment: beginning, id: UniqueID(high: 0, low: 0))
        while !Task.isCancelled {
            do {
                let changed = try await services.store.changes(
                    tenant: caller.tenant, after: after.moment, id: after.id, limit: EventFeed.maxWorkflows)
                var places = changed.map { EventPlace(workflowID: $0.id, after: 0, since: beginning) }
                while !places.isEmpty, !Task.isCancelled { places = try await replay(places, types) }
                guard let last = changed.last, changed.count == EventFeed.maxWorkflows else { return }
                after = (last.changedAt, last.id)
            } catch {
                await refuse(services.problem(of: error))
                // Cut short only by cancellation, which the loop sees.
                try? await Task.sleep(for: EventFeed.shortInterval)
            }
        }
    }

    /// Sends the next events of some workflows.
    ///
    /// - Returns: where those go on that may have more.
    private func replay(_ places: [EventPlace], _ types: Set<String>?) async throws -> [EventPlace] {
        let rows = try await services.store.events(at: places, tenant: caller.tenant, limit: EventFeed.maxEvents)
        var counts: [UniqueID: (count: Int, last: Int64)] = [:]
        for row in rows {
            counts[row.workflowID] = ((counts[row.workflowID]?.count ?? 0) + 1, row.event.sequence)
            guard types?.contains(row.event.kind) ?? true else { continue }
            await send([Self.message(about: row.event, of: row.workflowID)])
        }
        return counts.filter { $0.value.count == EventFeed.maxEvents }.map {
            EventPlace(workflowID: $0.key, after: $0.value.last, since: .distantPast)
        }
    }
}
