import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `restore`: starts apps again that should run and don't, as after a reboot.
///
/// Containers are the matter of their engines, which do so by themselves.
struct RestoreAction: AgentAction {
    let description = ActionDescription(
        name: "restore",
        inputSchema: [
            "type": "object",
            "properties": [
                "name": [
                    "type": ["string", "null"],
                    "description": "Name of the deployment; all on this machine if absent.",
                ],
                "health_timeout_seconds": DeploymentInput.healthSchema,
            ],
        ],
        workspace: .none,
        exclusive: true
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let parent = context.dataDirectory + "/deployments"
        let directories: [DeploymentDirectory] =
            if let name = context.input["name"]?.stringValue {
                [DeploymentDirectory(try DeploymentName(name), parent: parent)]
            } else {
                SmallFile.names(in: parent).compactMap { try? DeploymentName($0) }
                    .map { DeploymentDirectory($0, parent: parent) }
            }
        if context.input["name"]?.stringValue != nil { _ = try DeploymentInput.record(directories[0]) }
        let down = directories.filter { $0.record()?.isDown == true }
        if !down.isEmpty { try await context.requestGrant() }
        var started: [JSONValue] = []
        var outcome = ActionOutcome()
        for directory in down {
            do {
                // With the lock the record may be another one.
                _ = try await DeploymentInput.locked(directory, context) {
                    guard let record = directory.record(), record.isDown else { return ActionOutcome() }
                    try await restore(record, directory, context)
                    started.append(.string(record.name))
                    return ActionOutcome()
                }
            } catch let failure as ActionFailure {
                context.logger.error("\(directory.name): \(failure.message)")
                outcome.faults.append(
                    TaskFault(
                        code: "RESTORE_FAILED", message: "\(directory.name): \(failure.message)",
                        retryable: failure.retryable))
            }
        }
        if !outcome.faults.isEmpty { outcome.status = started.isEmpty ? .failure : .partial }
        outcome.output = [
            "summary": .string(
                down.isEmpty
                    ? "everything runs that should" : "\(started.count) of \(down.count) apps started again"),
            "started": .array(started),
        ]
        return outcome
    }

    private func restore(_ record: AppRecord, _ directory: DeploymentDirectory, _ context: ActionContext) async throws {
        guard let release = directory.release(record.release, commit: record.commit) else {
            throw ActionFailure(code: "RELEASE_MISSING", message: "The files of \(record.release) are gone.")
        }
        let deployer = try Deployer(
            directory: directory, context: context, healthSeconds: DeploymentInput.healthSeconds(context))
        if record.strategy.isProxied {
            try await ProxiedDeployer(deployer, record.strategy).restart(record, release)
        } else {
            try await deployer.restart(record, release)
        }
    }
}

extension AppRecord {
    /// Whether it should run and doesn't.
    var isDown: Bool { status == .running && process?.isAlive != true }
}
