import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `initialization`: decides what will be made and writes the plan and the manifest; or, given a repository, brings that
/// with its history and commits the given change, if there is one, on top of it.
struct InitializationAction: AgentAction {
    let description = ActionDescription(
        name: "initialization",
        inputSchema: [
            "type": "object",
            "description": "What is left out is taken from the workflow's input data.",
            "properties": [
                "stack": ["type": ["string", "null"], "description": "The stack; without it the words decide."],
                "feature": ["type": ["string", "null"], "description": "The template of the stack; likewise."],
                "entities": ["type": ["array", "null"], "description": "What the app stores."],
                "template": [
                    "type": ["string", "null"], "description": "Templates of one's own: a folder or a git URL.",
                ],
                "options": [
                    "type": ["object", "null"], "description": "Options of the template, each true or false.",
                ],
                "repository": [
                    "type": ["string", "null"], "description": "Absolute path or URL of what is there already.",
                ],
                "patch": ["type": ["string", "null"], "description": "The change as a unified diff."],
                "branch": ["type": ["string", "null"], "description": "The branch that holds the change."],
                "update": [
                    "type": ["boolean", "null"],
                    "description": "Bring the project up to date with the template that it was made from.",
                ],
                "target_branch": ["type": ["string", "null"], "description": "The branch that is to be changed."],
            ],
        ],
        workspace: .write,
        exclusive: false
    )

    /// Workflow types that change a repository and make none.
    static let changingTypes: Set<String> = ["feature", "bugfix"]

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let workflow = context.envelope.workflowContext
        let change = try ChangeRequest(
            workflow, payload: context.input, isRequired: Self.changingTypes.contains(workflow.workflowType))
        if let change { return try await RepositoryChange(change, context).run() }
        return try await plan(context)
    }

    private func plan(_ context: ActionContext) async throws -> ActionOutcome {
        let request = try ProjectRequest(context.envelope.workflowContext, payload: context.input)
        let given = try TemplateSource.given(
            context.input["template"] ?? context.envelope.workflowContext.input["template"])
        let source = given ?? TemplateSource(location: context.shareDirectory + "/templates")
        let (catalog, opened) = try await source.open(context)
        let choice = try catalog.choose(for: request)
        for reason in choice.reasons { context.logger.info(reason) }
        for warning in choice.warnings { context.logger.warning(warning) }

        var plan = ProjectPlan(request, choice, at: context.envelope.createdAt)
        if given != nil { plan.source = opened }
        let manifest: JSONObject
        do throws(TemplateError) {
            manifest = try ProjectFiles(plan, in: catalog).manifest()
        } catch {
            throw ActionFailure(error)
        }
        // What the other agents would refuse is better found here.
        do { _ = try ProjectManifest(json: .object(manifest)) } catch { throw ActionFailure(error) }
        let writer = try WorkspaceWriter(context.workspace)
        try writer.write(plan.json, to: ProjectPlan.path)
        try writer.write(manifest, to: ProjectManifest.fileName)

        let names = choice.entities.map(\.name).joined(separator: ", ")
        let why =
            choice.matched.isEmpty
            ? (names.isEmpty ? "no rule matched" : "for \(names)")
            : "matched " + choice.matched.prefix(3).joined(separator: ", ")
        var outcome = ActionOutcome(
            output: [
                "summary": .string("\(choice.feature.summary) (\(choice.name), \(why))"), "mode": "create",
                "plan": .object(plan.facts), "stack": .string(plan.stack), "template": .string(plan.template),
                "matched": .array(plan.matched.map { .string($0) }), "tools": [:],
            ],
            commitMessage: "Plan \(plan.name.slug) as \(plan.template)"
        )
        outcome.warnings = choice.warnings
        return outcome
    }
}
