import HTTPTypes
import Hummingbird
import NIOCore
import OrchestratorEngine
import WorkflowCore
import WorkflowStorage

/// Figures for Prometheus, in its text format (version 0.0.4).
struct MetricsController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        for prefix in ["", "/api/v1"] { routes.on(.get, prefix + "/metrics", metrics) }
    }

    @Sendable private func metrics(_ request: Request, _ context: APIContext) async throws -> Response {
        let tenant = try context.knownCaller.tenant
        var text = MetricsText()
        let uptime = (ContinuousClock.now - services.startedAt).components.seconds
        text.add("baton_uptime_seconds", .gauge, "Seconds since this orchestrator started", [([:], Double(uptime))])
        text.add(
            "baton_redis_up", .gauge, "Whether Redis answers this orchestrator",
            [([:], services.isRedisUp() ? 1 : 0)])
        if let lag = services.orchestrator.monitor.signalLagMilliseconds {
            text.add(
                "baton_signal_lag_seconds", .gauge, "Age of the oldest unread signal of agents",
                [([:], Double(lag) / 1000)])
        }
        text.add(
            "baton_watchdog_findings_total", .counter, "What the watchdog of this orchestrator found",
            services.orchestrator.advancer.findings.all.map { (["finding": $0.finding.rawValue], Double($0.count)) })
        let counts = try await services.store.workflowCounts(tenant: tenant)
        text.add(
            "baton_workflows", .gauge, "Workflows in the record, by status",
            counts.sorted { $0.key < $1.key }.map { (["status": $0.key], Double($0.value)) })
        text.add(
            "baton_dead_letters_open", .gauge, "Dead letters that nobody has decided about",
            [([:], Double(try await services.store.openDeadLetters(tenant: tenant)))])
        let living = try await services.store.livingAgents()
        for (name, help, value) in [
            ("baton_agents", "Agents that are heard, by type", \LivingAgents.count),
            ("baton_agent_slots", "Tasks they can run", \LivingAgents.slots),
            ("baton_agent_busy_slots", "Tasks they run", \LivingAgents.busySlots),
        ] {
            text.add(
                name, .gauge, help, living.map { (["agent_type": $0.agentType], Double($0[keyPath: value])) })
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text.text)))
    }
}

/// Writes figures in Prometheus' text format.
struct MetricsText: Sendable {
    enum Kind: String { case gauge, counter }

    private(set) var text = ""

    /// Adds the samples of one figure; none at all if there are no samples.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [([String: String], Double)]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in samples {
            let inner = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
            text += name + (inner.isEmpty ? "" : "{\(inner.joined(separator: ","))}") + " \(number)\n"
        }
    }

    /// A label's value: backslash, quote and line feed are escaped.
    static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
