import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import PostgresDriver
import Synchronization
import WorkflowCore
import WorkflowStorage

/// Whether the orchestrator lives, and whether it can work.
struct HealthController: Sendable {
    /// How long the database may take to answer.
    static let patience: Swift.Duration = .seconds(2)

    /// For how long an answer counts: anybody may ask, and each question costs the database something.
    static let freshness: Swift.Duration = .milliseconds(250)

    let services: APIServices
    private let last = LastAnswer()

    init(services: APIServices) {
        self.services = services
    }

    /// How the database answered last, and when.
    private final class LastAnswer: Sendable {
        let value = Mutex<(latency: Double?, at: ContinuousClock.Instant)?>(nil)
    }

    func addRoutes(to routes: inout RouteList) {
        for prefix in ["", "/api/v1"] {
            routes.open(.get, prefix + "/health", ready)
            routes.open(.get, prefix + "/health/live") { _, _ in Response(json: ["status": "ok"]) }
            routes.open(.get, prefix + "/health/ready", ready)
            routes.on(.get, prefix + "/health/detailed", detailed)
        }
    }

    @Sendable private func ready(_ request: Request, _ context: APIContext) async throws -> Response {
        let isRecordUp = await recordLatency() != nil
        let isRedisUp = services.isRedisUp()
        let isReady = isRecordUp && isRedisUp
        return Response(
            status: isReady ? .ok : .serviceUnavailable,
            json: [
                "status": isReady ? "ok" : "unavailable", "version": .string(services.settings.version),
                "checks": [
                    "postgresql": isRecordUp ? "up" : "down", "redis": isRedisUp ? "up" : "down",
                ],
            ])
    }

    @Sendable private func detailed(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let latency = await recordLatency()
        let isRedisUp = services.isRedisUp()
        var document: JSONObject = [
            "status": latency != nil && isRedisUp ? "ok" : "unavailable",
            "version": .string(services.settings.version),
            "uptime_seconds": .integer((ContinuousClock.now - services.startedAt).components.seconds),
            "checks": [
                "postgresql": [
                    "status": latency == nil ? "down" : "up", "latency_ms": latency.map { .number($0) } ?? .null,
                ],
                "redis": [
                    "status": isRedisUp ? "up" : "down",
                    "signal_lag_ms": JSONValue(services.orchestrator.monitor.signalLagMilliseconds.map { Int64($0) }),
                ],
            ],
        ]
        document["findings"] = .object(
            JSONObject(services.orchestrator.advancer.findings.all.map { ($0.finding.rawValue, JSONValue($0.count)) }))
        if latency != nil {
            let living = try await services.store.livingAgents()
            document["agents"] = Self.counts(Dictionary(uniqueKeysWithValues: living.map { ($0.agentType, $0.count) }))
            document["workflows"] = Self.counts(try await services.store.workflowCounts(tenant: caller.tenant))
        }
        return Response(json: .object(document))
    }

    private static func counts(_ counts: [String: Int]) -> JSONValue {
        .object(JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
    }

    /// How long the database takes to answer, in milliseconds; nil if it doesn't.
    private func recordLatency() async -> Double? {
        if let known = last.value.withLock({ $0 }), .now - known.at < Self.freshness { return known.latency }
        let latency = await measuredLatency()
        last.value.withLock { $0 = (latency, .now) }
        return latency
    }

    private func measuredLatency() async -> Double? {
        let start = ContinuousClock.now
        let isUp = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do throws(PostgresError) {
                    try await services.store.ping()
                    return true
                } catch {
                    return false
                }
            }
            group.addTask {
                // Cancelled as soon as the database has answered.
                try? await Task.sleep(for: Self.patience)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        guard isUp else { return nil }
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) * 1000 + (Double(attoseconds) / 1e13).rounded() / 100
    }
}
