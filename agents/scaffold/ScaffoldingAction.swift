import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `scaffolding`: writes the project that the plan describes.
struct ScaffoldingAction: AgentAction {
    /// Where the answers are kept that the template was rendered with, so that a project can be brought up to date later.
    static let answersPath = ".baton/answers.json"

    let description = ActionDescription(
        name: "scaffolding",
        inputSchema: [
            "type": "object",
            "properties": [
                "plan": [
                    "type": ["object", "null"],
                    "description": "The plan as initialization reported it; null when there is nothing to render.",
                ]
            ],
        ],
        workspace: .write,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let writer = try WorkspaceWriter(context.workspace)
        if context.input["plan"] == .null { return Self.nothing("the change is the whole work, nothing to render") }
        guard let plan = try ProjectPlan.load(from: writer.workspace) else {
            throw ActionFailure(
                code: "NO_PLAN",
                message:
                    "The workspace has no \(ProjectPlan.path), so nothing says what to make; run initialization first."
            )
        }
        if SmallFile.read(try writer.workspace.resolve(Self.answersPath)) != nil {
            return Self.nothing("the project is there already, nothing rendered")
        }
        let files: [ProjectFile]
        var source = plan.source ?? TemplateSource(location: context.shareDirectory + "/templates")
        // The plan keeps no password; the input still has it.
        if plan.source != nil, let given = context.envelope.workflowContext.input["template"]?.stringValue {
            source.location = given
        }
        let catalog = try await source.open(context).catalog
        do throws(TemplateError) {
            files = try ProjectFiles(plan, in: catalog).all()
        } catch {
            throw ActionFailure(error)
        }
        for file in files {
            try Task.checkCancellation()
            context.logger.info("\(file.path) (\(file.bytes.count) bytes)")
            try writer.write(file.bytes, to: file.path, isExecutable: file.isExecutable)
        }
        try writer.write(Self.answers(plan, files), to: Self.answersPath)
        let summary = "\(files.count) files from \(plan.template)"
        return ActionOutcome(
            output: [
                "summary": .string(summary), "files": .integer(Int64(files.count)), "template": .string(plan.template),
                "bytes": .integer(Int64(files.reduce(0) { $0 + $1.bytes.count })), "tools": [:],
            ],
            commitMessage: "Add \(plan.name.slug): \(summary)"
        )
    }

    /// What a project keeps of its making: the answers, and the digests of what the template made of them.
    static func answers(_ plan: ProjectPlan, _ files: [ProjectFile]) -> JSONObject {
        let digests = files.map { ($0.path, JSONValue.string(SHA256Digest.hex(of: $0.bytes))) }
        return [
            "version": 1, "template": .string(plan.template), "template_version": .integer(Int64(plan.templateVersion)),
            "answers": .object(plan.json), "files": .object(JSONObject(digests)),
        ]
    }

    private static func nothing(_ summary: String) -> ActionOutcome {
        ActionOutcome(output: ["summary": .string(summary), "files": 0, "tools": [:]])
    }
}
