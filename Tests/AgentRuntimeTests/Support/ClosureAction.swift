import AgentProtocol
import JSONTools

@testable import AgentRuntime

/// An action that does what its test says.
struct ClosureAction: AgentAction {
    let description: ActionDescription
    let body: @Sendable (ActionContext) async throws -> ActionOutcome

    init(
        _ name: String = "act",
        workspace: WorkspaceMode = .none,
        schema: JSONValue = [:],
        exclusive: Bool = false,
        _ body: @escaping @Sendable (ActionContext) async throws -> ActionOutcome
    ) {
        description = ActionDescription(name: name, inputSchema: schema, workspace: workspace, exclusive: exclusive)
        self.body = body
    }

    func run(_ context: ActionContext) async throws -> ActionOutcome { try await body(context) }
}

extension TemporaryDirectory {
    /// Runs one action without input as `--task` does.
    func trial(_ action: ClosureAction) async throws -> TaskResult { try await trial([:], action) }

    /// Runs one action as `--task` does.
    func trial(
        _ task: JSONObject,
        _ action: ClosureAction,
        log: @escaping @Sendable (LogLine) -> Void = { _ in }
    ) async throws -> TaskResult {
        var task = task
        if task["action"] == nil { task["action"] = .string(action.description.name) }
        let trial = try TaskTrial(type: "demo", actions: [action], environment: environment)
        return try await trial.run(JSONValue.object(task).encoded(), log: log)
    }
}
