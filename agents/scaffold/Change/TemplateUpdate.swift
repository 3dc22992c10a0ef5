import AgentProtocol
import AgentRuntime
import Foundation
import JSONTools
import ProjectTools

/// Brings a project up to date with the template that it was made from, by a three-way merge.
///
/// What the template made then is in the project's own history: in the commit that wrote the answers file, as far as the
/// digests in that file say so. On top of that commit goes what the template makes of the same answers today; the
/// difference is then merged into the branch, with everything that people have changed since.
struct TemplateUpdate: Sendable {
    let context: ActionContext
    /// The branch that is to be changed, as git knows it in the workspace, which stands on it.
    let target: String

    /// What came of it.
    struct Updated: Sendable {
        /// The merged tree.
        var tree: String
        /// Files that the template would change, but of which nobody knows what it had made of them.
        var leftAlone: [String]
    }

    /// - Throws: ``ActionFailure``: `NOT_FROM_TEMPLATE`, `UPDATE_CONFLICT` with the files, `TEMPLATE_INVALID`.
    func run() async throws -> Updated {
        let workspace = try Workspace(root: context.workspace)
        guard var plan = try ProjectPlan.load(from: workspace),
            let bytes = SmallFile.read(try workspace.resolve(ScaffoldingAction.answersPath)),
            let answers = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 4 << 20)),
            let digests = answers["files"]?.objectValue
        else {
            throw ActionFailure(
                code: "NOT_FROM_TEMPLATE",
                message: "The repository has no \(ScaffoldingAction.answersPath), so it was not made from a template."
            )
        }
        let base = try await git(["log", "-n", "1", "--format=%H", target, "--", ScaffoldingAction.answersPath])
        guard !base.isEmpty else {
            throw ActionFailure(
                code: "NOT_FROM_TEMPLATE", message: "\(ScaffoldingAction.answersPath) was never committed.")
        }
        var source = plan.source ?? TemplateSource(location: context.shareDirectory + "/templates")
        // The newest, and not what the project was made from; the plan keeps no password, the input may have it.
        source.commit = nil
        if plan.source != nil, let given = context.envelope.workflowContext.input["template"]?.stringValue {
            source.location = given
        }
        let (catalog, opened) = try await source.open(context)
        if plan.source != nil { plan.source = opened }
        guard let stack = catalog.stacks.first(where: { $0.name == plan.stack }) else {
            throw ActionFailure(
                code: "NOT_FROM_TEMPLATE", message: "There is no template \(plan.template) any more.")
        }
        plan.templateVersion = stack.version
        let files: [ProjectFile]
        let manifest: JSONObject
        do throws(TemplateError) {
            let project = try ProjectFiles(plan, in: catalog)
            files = try project.all()
            manifest = try project.manifest()
        } catch {
            throw ActionFailure(error)
        }
        let (tree, leftAlone) = try await rendered(files, manifest, plan, on: base, digests)
        let made = try await git(["commit-tree", tree, "-p", base, "-m", "The template as it is now"])
        return Updated(tree: try await merged(made), leftAlone: leftAlone)
    }

    /// What the template makes today, on top of the commit with what it made then.
    private func rendered(
        _ files: [ProjectFile], _ manifest: JSONObject, _ plan: ProjectPlan, on base: String, _ digests: JSONObject
    ) async throws -> (tree: String, leftAlone: [String]) {
        let folder = context.scratch + "/render"
        try SmallFile.makeDirectories(folder)
        let environment = ["GIT_INDEX_FILE": context.scratch + "/render-index", "GIT_WORK_TREE": folder]
        try await git(["read-tree", base], environment)
        try await git(["checkout-index", "--all", "--force"], environment)
        let writer = try WorkspaceWriter(folder)
        var leftAlone: [String] = []
        func isKnown(_ path: String) throws -> Bool {
            let was = SmallFile.read(try writer.workspace.resolve(path), maxBytes: TemplateCatalog.maxFileBytes)
            return was.map { SHA256Digest.hex(of: $0) } == digests[path]?.stringValue
        }
        for file in files {
            if try isKnown(file.path) {
                try writer.write(file.bytes, to: file.path, isExecutable: file.isExecutable)
            } else {
                leftAlone.append(file.path)
            }
        }
        let paths = Set(files.map(\.path))
        for path in digests.keys where !paths.contains(path) {
            if try isKnown(path) { unlink(try writer.workspace.resolve(path)) } else { leftAlone.append(path) }
        }
        try writer.write(manifest, to: ProjectManifest.fileName)
        try writer.write(plan.json, to: ProjectPlan.path)
        try writer.write(ScaffoldingAction.answers(plan, files), to: ScaffoldingAction.answersPath)
        try await git(["add", "--all", "--force", "."], environment)
        return (try await git(["write-tree"], environment), leftAlone)
    }

    private func merged(_ made: String) async throws -> String {
        let output = try await context.tools.run(
            ToolCommand(
                "git", ["merge-tree", "--write-tree", "--name-only", "--no-messages", target, made],
                in: context.workspace, logsOutput: false))
        let lines = output.text.split(separator: "\n").map(String.init)
        if output.succeeded, let tree = lines.first { return tree }
        guard output.exitCode == 1 else {
            throw ActionFailure(code: "GIT_FAILED", message: "git merge-tree: \(output.lastLines(4))")
        }
        let files = lines.dropFirst().prefix(50)
        throw ActionFailure(
            code: "UPDATE_CONFLICT",
            message:
                "The template and the project changed the same places of \(files.joined(separator: ", ")); make these "
                + "like the template's by hand, or pass the change as \"patch\" or \"branch\".",
            detail: ["files": .array(files.map { .string($0) })]
        )
    }

    @discardableResult
    private func git(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> String {
        let folder = environment["GIT_WORK_TREE"]
        var variables = environment
        if folder != nil { variables["GIT_DIR"] = context.workspace + "/.git" }
        let output = try await context.tools.runChecked(
            ToolCommand(
                "git", arguments, in: folder ?? context.workspace, environment: variables, logsOutput: false))
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }
}
