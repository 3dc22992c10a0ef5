import AgentProtocol
import AgentRuntime
import JSONTools

/// `history`: what was brought into service, and how it went, the newest first.
struct HistoryAction: AgentAction {
    let description = ActionDescription(
        name: "history",
        inputSchema: ["type": "object", "properties": ["name": DeploymentInput.nameSchema]],
        workspace: .none,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let directory = try DeploymentInput.directory(context)
        if let record = directory.targetRecord() { return TargetActions.history(record) }
        let record = try DeploymentInput.record(directory)
        let entries = record.history.reversed().map { entry in
            var object = entry.json.objectValue ?? [:]
            object["current"] = .bool(entry.release == record.release)
            object["kept"] = .bool(directory.release(entry.release, commit: entry.commit) != nil)
            return JSONValue.object(object)
        }
        let noun = entries.count == 1 ? "release" : "releases"
        return ActionOutcome(output: [
            "summary": .string("\(record.name): \(entries.count) \(noun), at present \(record.release)"),
            "deployment": .string(record.name), "release": .string(record.release), "history": .array(entries),
        ])
    }
}
