import JSONTools
import OrchestratorEngine
import Synchronization
import WorkflowCore
import WorkflowStorage

/// A workflow's events or log lines as a stream that ends some time after the workflow has.
final class TrailStream: StreamSource {
    /// What it gives out.
    enum Content {
        case events
        /// Log lines travel on their own: some may come after the workflow has ended, and others' are not announced.
        case logs

        /// For how long nothing new may come after the workflow has ended.
        var quiet: Swift.Duration { self == .events ? .zero : .seconds(2) }
        /// How often it is asked whether the workflow has ended if nothing says so.
        var patience: Swift.Duration { self == .events ? .seconds(10) : .seconds(1) }
    }

    private struct Ending {
        var since: ContinuousClock.Instant?
        var lastAsked: ContinuousClock.Instant?
        /// Something came that may have been the end.
        var isNear = true
    }

    private let services: APIServices
    private let workflowID: UniqueID
    private let tenant: String
    private let content: Content
    private let watch: LiveFeed.Watch
    private let read: @Sendable (Int64) async throws -> [StreamEvent]
    private let end = Mutex(Ending())

    /// A stream of what `read` gives.
    init(
        _ services: APIServices, workflowID: UniqueID, tenant: String, of content: Content,
        read: @escaping @Sendable (Int64) async throws -> [StreamEvent]
    ) {
        self.services = services
        self.workflowID = workflowID
        self.tenant = tenant
        self.content = content
        self.read = read
        watch = services.orchestrator.feed.watch(workflowID)
    }

    func events(after id: Int64) async throws -> [StreamEvent] {
        let events = try await read(id)
        if !events.isEmpty {
            end.withLock { end in
                end.since = nil
                if events.contains(where: { $0.kind.hasPrefix("workflow_") }) { end.isNear = true }
            }
        }
        return events
    }

    func ending() async throws -> StreamEvent? {
        let now = ContinuousClock.now
        let isDue = end.withLock { end in
            guard end.isNear || end.since != nil || end.lastAsked.map({ now - $0 >= content.patience }) ?? true else {
                return false
            }
            end.lastAsked = now
            return true
        }
        guard isDue else { return nil }
        guard try await services.store.isTerminal(workflowID, tenant: tenant) ?? true else {
            end.withLock { $0.isNear = false }
            return nil
        }
        let since = end.withLock { end in
            let first = end.since ?? now
            end.since = first
            return first
        }
        guard now - since >= content.quiet else { return nil }
        let row = try await services.store.workflow(workflowID, tenant: tenant)
        return StreamEvent(
            id: nil, kind: "end",
            data: ["workflow_id": JSONValue(workflowID), "status": JSONValue(row?.state.phase.rawValue)])
    }

    func news() async {
        await watch.news(within: interval)
    }

    /// Where what others commit is heard, the record is asked by itself only now and then.
    private var interval: Swift.Duration {
        guard content == .events, end.withLock({ $0.since == nil }),
            let since = services.orchestrator.feed.hearsSince, .now - since >= EventFeed.hearingTime
        else { return EventFeed.shortInterval }
        return EventFeed.longInterval
    }
}
