import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// What the actions of this agent have in common: the deployment's name, its lock, its limits.
enum DeploymentInput {
    static let nameSchema: JSONValue = [
        "type": ["string", "null"], "description": "Name of the deployment; the workflow's if absent.",
    ]
    static let healthSchema: JSONValue = [
        "type": "number", "minimum": 1, "maximum": 3600,
        "description":
            "How long the app may take from its start until it is healthy; if absent 30, 60 in containers, 300 in clusters.",
    ]
    /// How long an action waits for another one on the same deployment.
    static let lockWaitSeconds: Double = 20

    static func directory(_ context: ActionContext) throws -> DeploymentDirectory {
        let name = context.input["name"]?.stringValue ?? context.envelope.workflowContext.workflowName
        return DeploymentDirectory(try DeploymentName(name), dataDirectory: context.dataDirectory)
    }

    static func healthSeconds(_ context: ActionContext) -> Double {
        context.input["health_timeout_seconds"]?.doubleValue ?? TargetKind.process.usualHealthSeconds
    }

    /// What the input asks for, otherwise what the deployment has.
    static func strategy(_ context: ActionContext, recorded: AppRecord?) -> DeploymentStrategy {
        let wanted = context.input["strategy"]?.stringValue.flatMap(DeploymentStrategy.init(rawValue:))
        return wanted ?? recorded?.strategy ?? .recreate
    }

    static func holder(_ context: ActionContext) -> JSONObject {
        [
            "action": .string(context.envelope.action), "workflow_id": .string(context.envelope.workflowID.description),
            "task_id": .string(context.envelope.taskID.description), "since": .string(Timestamp.now().description),
        ]
    }

    /// Runs something while no one else changes the deployment.
    static func locked(
        _ directory: DeploymentDirectory,
        _ context: ActionContext,
        _ body: () async throws -> ActionOutcome
    ) async throws -> ActionOutcome {
        let lock = try await FileLock.take(
            directory.path + "/lock", holder: holder(context), waitSeconds: lockWaitSeconds)
        defer { lock.release() }
        do {
            return try await body()
        } catch let error as FileError {
            throw ActionFailure(code: "DEPLOYMENT_FAILED", message: "\(error)", retryable: true)
        }
    }

    /// The record of a deployment that has to be there.
    static func record(_ directory: DeploymentDirectory) throws -> AppRecord {
        guard let record = directory.record() else {
            throw ActionFailure(
                code: "NOT_DEPLOYED",
                message: "There is no deployment \(directory.name); `baton apps` lists those there are.")
        }
        return record
    }
}
