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

    /// Sends the events of all workflows.
    func followAll(_ feed: EventFeed, _ types: Set<String>?, from start: UInt64, since beginning: Timestamp) async {
        await EventFollower(
            feed: feed, store: services.store, tenant: caller.tenant, types: types,
            send: { await self.send($0) }, refuse: { await self.refuse(self.services.problem(of: $0)) }
        ).run(from: start, since: beginning)
    }
}
