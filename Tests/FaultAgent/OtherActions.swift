import AgentProtocol
import AgentRuntime
import Glibc
import JSONTools

/// Kills the agent that takes it: poison.
struct DyingAction: AgentAction {
    let description = ActionDescription(name: "die", inputSchema: ["type": "object"], workspace: .none)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        // Long enough that the agent has said that it began.
        try await Task.sleep(for: .milliseconds(600))
        kill(getpid(), SIGKILL)
        return ActionOutcome()
    }
}

/// Writes until the disk is full.
struct FillingAction: AgentAction {
    let description = ActionDescription(
        name: "fill",
        inputSchema: [
            "type": "object",
            "properties": ["megabytes": ["type": "integer", "default": 64], "path": ["type": "string"]],
        ],
        workspace: .none)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let megabytes = context.input["megabytes"]?.intValue ?? 64
        let path = context.input["path"]?.stringValue ?? context.scratch + "/filling"
        _ = try await context.tools.runChecked(
            ToolCommand("dd", ["if=/dev/zero", "of=\(path)", "bs=1048576", "count=\(megabytes)"]))
        return ActionOutcome()
    }
}

/// Looks at the files of the workflow.
struct ReadingAction: AgentAction {
    let description = ActionDescription(name: "read", inputSchema: ["type": "object"], workspace: .read)

    func run(_ context: ActionContext) async throws -> ActionOutcome { ActionOutcome() }
}

/// Asks for leave, then waits: what it does may be begun by one attempt only.
struct ExclusiveAction: AgentAction {
    let description = ActionDescription(
        name: "exclusive",
        inputSchema: ["type": "object", "properties": ["sleep_ms": ["type": "integer", "default": 0]]],
        workspace: .none, exclusive: true)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        try await context.requestGrant()
        try await Task.sleep(for: .milliseconds(context.input["sleep_ms"]?.intValue ?? 0))
        return ActionOutcome()
    }
}
