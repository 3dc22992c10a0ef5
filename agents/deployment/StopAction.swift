import AgentProtocol
import AgentRuntime
import JSONTools

/// `stop`: ends a deployed app; its releases stay.
struct StopAction: AgentAction {
    let description = ActionDescription(
        name: "stop",
        inputSchema: ["type": "object", "properties": ["name": DeploymentInput.nameSchema]],
        workspace: .none,
        exclusive: true
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let directory = try DeploymentInput.directory(context)
        if directory.targetRecord() == nil { _ = try DeploymentInput.record(directory) }
        return try await DeploymentInput.locked(directory, context) {
            if directory.targetRecord() != nil { return try await TargetActions.stop(directory, context) }
            var record = try DeploymentInput.record(directory)
            let wasRunning = record.process?.isAlive ?? false
            try await context.requestGrant()
            if let process = record.process, await !AppProcess.stop(process) {
                throw ActionFailure(
                    code: "APP_NOT_STOPPED",
                    message: "The process \(process.processID) of \(directory.name) does not end, not even by SIGKILL.",
                    retryable: true
                )
            }
            await AppProcess.stopStrays(of: directory.path)
            record.status = .stopped
            record.process = nil
            record.proxy = nil
            try directory.write(record)
            return ActionOutcome(output: [
                "summary": .string(wasRunning ? "\(record.name) stopped" : "\(record.name) was not running"),
                "deployment": .string(record.name), "was_running": .bool(wasRunning),
                "release": .string(record.release),
            ])
        }
    }
}
