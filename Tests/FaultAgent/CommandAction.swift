import AgentProtocol
import AgentRuntime
import JSONTools

/// Runs a command, whatever it does.
struct CommandAction: AgentAction {
    let description = ActionDescription(
        name: "command",
        inputSchema: [
            "type": "object",
            "properties": ["argv": ["type": "array", "items": ["type": "string"]], "max_output": ["type": "integer"]],
            "required": ["argv"],
        ],
        workspace: .none)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let words = (context.input["argv"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard let executable = words.first else {
            throw ActionFailure(code: "NO_COMMAND", message: "argv is empty")
        }
        let output = try await context.tools.runChecked(ToolCommand(executable, Array(words.dropFirst())))
        return ActionOutcome(output: [
            "kept_bytes": .integer(Int64(output.standardOutput.count)), "truncated": .bool(output.truncated),
        ])
    }
}
