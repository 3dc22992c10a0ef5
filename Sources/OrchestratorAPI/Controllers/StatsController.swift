import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Figures: how much there is, how much becomes of it, how long it takes.
struct StatsController: Sendable {
    /// A span to look back on, with how finely it is divided.
    enum Window: String, CaseIterable {
        case hour = "1h"
        case quarterDay = "6h"
        case day = "24h"
        case week = "7d"
        case month = "30d"

        var seconds: Int64 {
            switch self {
            case .hour: 3600
            case .quarterDay: 6 * 3600
            case .day: 86_400
            case .week: 7 * 86_400
            case .month: 30 * 86_400
            }
        }

        /// Length of a span of the series, in seconds.
        var step: Int64 {
            switch self {
            case .hour: 60
            case .quarterDay: 300
            case .day: 1800
            case .week: 6 * 3600
            case .month: 86_400
            }
        }
    }

    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/stats/overview", overview)
        routes.on(.get, "/api/v1/stats/workflows", readsQuery: true, workflows)
        routes.on(.get, "/api/v1/stats/agents", readsQuery: true, agents)
        routes.on(.get, "/api/v1/stats/timeseries", readsQuery: true, series)
    }

    @Sendable private func overview(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(json: try await services.overviews.overview(tenant: try context.knownCaller.tenant))
    }

    /// How much there is.
    static func overview(of tenant: String, in store: PostgresReadStore) async throws -> JSONValue {
        let counts = try await store.workflowCounts(tenant: tenant)
        let agents = try await store.livingAgents()
        let ended = ["completed", "failed", "cancelled"]
        return [
            "workflows": .object(
                JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })),
            "open_workflows": JSONValue(counts.filter { !ended.contains($0.key) }.values.reduce(0, +)),
            "open_dead_letters": JSONValue(try await store.openDeadLetters(tenant: tenant)),
            "agents": JSONValue(agents.map(\.count).reduce(0, +)), "slots": JSONValue(agents.map(\.slots).reduce(0, +)),
            "busy_slots": JSONValue(agents.map(\.busySlots).reduce(0, +)),
            "at": JSONValue(try await store.now()),
        ]
    }

    @Sendable private func workflows(_ request: Request, _ context: APIContext) async throws -> Response {
        let (window, since) = try await span(of: request)
        let rows = try await services.store.workflowStats(tenant: try context.knownCaller.tenant, since: since)
        return Response(json: Self.list(rows.map { Self.document($0, ["type": JSONValue($0.type)]) }, window, since))
    }

    @Sendable private func series(_ request: Request, _ context: APIContext) async throws -> Response {
        let (window, since) = try await span(of: request)
        let rows = try await services.store.workflowSeries(
            tenant: try context.knownCaller.tenant, since: since, seconds: window.step)
        var document = Self.list(rows.map { Self.document($0, ["at": JSONValue($0.at)]) }, window, since)
        if var object = document.objectValue {
            object["step_seconds"] = .integer(window.step)
            document = .object(object)
        }
        return Response(json: document)
    }

    @Sendable private func agents(_ request: Request, _ context: APIContext) async throws -> Response {
        let (window, since) = try await span(of: request)
        var items: [String: JSONObject] = [:]
        for agents in try await services.store.livingAgents() {
            var item = Self.emptyAgent(agents.agentType)
            item["living"] = JSONValue(agents.count)
            item["slots"] = JSONValue(agents.slots)
            items[agents.agentType] = item
        }
        let tenant = try context.knownCaller.tenant
        for stats in try await services.store.attemptStats(tenant: tenant, since: since) {
            var item = items[stats.agentType] ?? Self.emptyAgent(stats.agentType)
            item["waiting"] = JSONValue(stats.waiting)
            item["running"] = JSONValue(stats.running)
            item["succeeded"] = JSONValue(stats.succeeded)
            item["failed"] = JSONValue(stats.failed)
            item["lost"] = JSONValue(stats.lost)
            item["other"] = JSONValue(stats.other)
            item["median_ms"] = JSONValue(stats.medianMilliseconds)
            item["p95_ms"] = JSONValue(stats.p95Milliseconds)
            items[stats.agentType] = item
        }
        return Response(
            json: Self.list(items.sorted { $0.key < $1.key }.map { .object($0.value) }, window, since))
    }

    private func span(of request: Request) async throws -> (Window, Timestamp) {
        var query = QueryReader(request, allowed: ["window"])
        let word = query.word("window", of: Window.allCases.map(\.rawValue))
        try query.check()
        let window = word.flatMap(Window.init) ?? .day
        return (window, try await services.store.now() - .seconds(window.seconds))
    }

    private static func list(_ items: [JSONValue], _ window: Window, _ since: Timestamp) -> JSONValue {
        ["window": .string(window.rawValue), "since": JSONValue(since), "items": .array(items)]
    }

    private static func document(_ stats: WorkflowStats, _ head: JSONObject) -> JSONValue {
        var document = head
        document["created"] = JSONValue(stats.created)
        document["completed"] = JSONValue(stats.completed)
        document["failed"] = JSONValue(stats.failed)
        document["cancelled"] = JSONValue(stats.cancelled)
        document["median_ms"] = JSONValue(stats.medianMilliseconds)
        document["p95_ms"] = JSONValue(stats.p95Milliseconds)
        return .object(document)
    }

    private static func emptyAgent(_ type: String) -> JSONObject {
        [
            "agent_type": .string(type), "living": 0, "slots": 0, "waiting": 0, "running": 0, "succeeded": 0,
            "failed": 0, "lost": 0, "other": 0, "median_ms": .null, "p95_ms": .null,
        ]
    }
}
