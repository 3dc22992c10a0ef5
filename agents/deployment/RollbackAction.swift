import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `rollback`: brings back a release that served before.
struct RollbackAction: AgentAction {
    let description = ActionDescription(
        name: "rollback",
        inputSchema: [
            "type": "object",
            "properties": [
                "name": DeploymentInput.nameSchema,
                "to": [
                    "type": ["string", "null"],
                    "description": "The release; the last one before the present if absent.",
                ],
                "health_timeout_seconds": DeploymentInput.healthSchema,
                "watch_seconds": ReleaseWatch.schema["watch_seconds"] ?? [:],
            ],
        ],
        workspace: .none,
        exclusive: true
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let directory = try DeploymentInput.directory(context)
        if directory.targetRecord() == nil { _ = try DeploymentInput.record(directory) }
        return try await DeploymentInput.locked(directory, context) {
            if directory.targetRecord() != nil { return try await TargetActions.rollBack(directory, context) }
            let record = try DeploymentInput.record(directory)
            // The same task again goes no further back.
            if record.taskID == context.envelope.taskID.description, record.status == .running,
                record.process?.isAlive == true
            {
                return DeploymentReport.outcome(
                    .healthy(record, AppHealth(isHealthy: true, status: nil)), name: directory.name)
            }
            let release = try Self.choose(context.input["to"]?.stringValue, from: record, in: directory)
            let deployer = try Deployer(
                directory: directory, context: context, healthSeconds: DeploymentInput.healthSeconds(context))
            // Whoever goes back is in a hurry: at once, and not by a canary.
            let ending =
                if record.strategy.isProxied {
                    try await ProxiedDeployer(deployer, .blueGreen).activate(
                        release, port: record.port, as: .restored)
                } else {
                    try await deployer.activate(release, port: record.port, as: .restored)
                }
            return DeploymentReport.outcome(ending, name: directory.name)
        }
    }

    /// The release to go back to.
    ///
    /// - Throws: ``ActionFailure`` `NO_EARLIER_RELEASE` naming those there are.
    static func choose(
        _ wanted: String?,
        from record: AppRecord,
        in directory: DeploymentDirectory
    ) throws -> Release {
        let candidates = record.healthyReleases.filter { $0.release != record.release }
            .compactMap { directory.release($0.release, commit: $0.commit) }
        let found =
            wanted.map { wanted in candidates.first { $0.id == wanted || $0.commit == wanted } } ?? candidates.first
        guard let found else {
            let names = candidates.map(\.id).joined(separator: ", ")
            throw ActionFailure(
                code: "NO_EARLIER_RELEASE",
                message: "\(directory.name) can't go back to \(wanted ?? "an earlier release"); "
                    + (names.isEmpty ? "there is none." : "there are: \(names).")
            )
        }
        return found
    }
}
