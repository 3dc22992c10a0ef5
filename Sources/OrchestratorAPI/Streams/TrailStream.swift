import JSONTools
import OrchestratorEngine
import Synchronization
import WorkflowCore
import WorkflowStorage

/// A workflow's events or log lines as a stream that ends some time after the workflow has.
final class TrailStream: StreamSource {
    private let services: APIServices
    private let workflowID: UniqueID
    private let tenant: String
    private let quiet: Swift.Duration
    private let watch: LiveFeed.Watch
    private let read: @Sendable (Int64) async throws -> [StreamEvent]
    private let endedSince = Mutex<ContinuousClock.Instant?>(nil)

    /// A stream of what `read` gives.
    ///
    /// - Parameter quiet: for how long nothing new may come after the workflow has ended: log lines travel on their own.
    init(
        _ services: APIServices, workflowID: UniqueID, tenant: String, quiet: Swift.Duration,
        read: @escaping @Sendable (Int64) async throws -> [StreamEvent]
    ) {
        self.services = services
        self.workflowID = workflowID
        self.tenant = tenant
        self.quiet = quiet
        self.read = read
        watch = services.orchestrator.feed.watch(workflowID)
    }

    func events(after id: Int64) async throws -> [StreamEvent] {
        let events = try await read(id)
        if !events.isEmpty { endedSince.withLock { $0 = nil } }
        return events
    }

    func ending() async throws -> StreamEvent? {
        guard try await services.store.isTerminal(workflowID, tenant: tenant) ?? true else { return nil }
        let now = ContinuousClock.now
        let since = endedSince.withLock { since in
            let first = since ?? now
            since = first
            return first
        }
        guard now - since >= quiet else { return nil }
        let row = try await services.store.workflow(workflowID, tenant: tenant)
        return StreamEvent(
            id: nil, kind: "end",
            data: ["workflow_id": JSONValue(workflowID), "status": JSONValue(row?.state.phase.rawValue)])
    }

    func news(within limit: Swift.Duration) async {
        await watch.news(within: limit)
    }
}
