import AgentProtocol
import AgentRuntime
import JSONTools

/// `status`: says whether a deployment runs and is healthy.
struct StatusAction: AgentAction {
    let description = ActionDescription(
        name: "status",
        inputSchema: ["type": "object", "properties": ["name": DeploymentInput.nameSchema]],
        workspace: .none,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let directory = try DeploymentInput.directory(context)
        if directory.targetRecord() != nil { return try await TargetActions.status(directory, context) }
        let record = try DeploymentInput.record(directory)
        let isAlive = record.process?.isAlive ?? false
        let probe = isAlive ? await context.tools.probe(record.url + record.health, timeoutSeconds: 5) : nil
        let isHealthy = probe?.isHealthy ?? false
        let state = Self.state(of: record, isAlive: isAlive)
        var output = record.json.objectValue ?? [:]
        output["status"] = .string(state)
        output["healthy"] = .bool(isHealthy)
        output["deployment"] = .string(record.name)
        if let proxy = record.proxy { output["proxy_running"] = .bool(proxy.isAlive) }
        let note = AppSupervisor.note(in: directory, of: record.process)
        if let note { output["supervision"] = .object(note) }
        let restarts = note?["restarts"]?.intValue ?? 0
        let well = isAlive ? (isHealthy ? "healthy" : "unhealthy") + " at \(record.url)" : state
        output["summary"] = .string(
            "\(record.name): \(well), release \(record.release)"
                + (restarts > 0 ? ", restarted \(restarts) times after a crash" : ""))
        return ActionOutcome(output: output)
    }

    /// What is meant and what is seen, in one word.
    static func state(of record: AppRecord, isAlive: Bool) -> String {
        switch record.status {
        case .stopped: "stopped"
        case .failed where !isAlive: "failed"
        case .running, .starting, .failed: isAlive ? "running" : "crashed"
        }
    }
}
