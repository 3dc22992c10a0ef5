import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// Brings a repository into the workspace with its history, and commits a change, if there is one, on top of its target
/// branch.
///
/// The workflow's own repository is empty at that time. The commit made here has the head of the target branch as its
/// parent, so that pushing it carries the whole history along.
struct RepositoryChange: Sendable {
    private static let target = "refs/baton/target"
    private static let source = "refs/baton/source"

    private let request: ChangeRequest
    private let context: ActionContext
    private let shownRepository: String

    init(_ request: ChangeRequest, _ context: ActionContext) {
        self.request = request
        self.context = context
        shownRepository = GitName.redacted(request.repository)
    }

    func run() async throws -> ActionOutcome {
        context.report(progress: 0.1, note: "fetching \(shownRepository)")
        let target = try await targetBranch()
        try await fetch(target)
        let base = try await git("rev-parse", Self.target + "^{commit}")
        context.report(progress: 0.6, note: "applying the change to \(target)")
        let tree: String
        var warnings: [String] = []
        switch request.source {
        case .patch(let patch): tree = try await applied(patch, to: target)
        case .branch(let branch): tree = try await merged(branch, with: target)
        case .entities(let entities): tree = try await extended(with: entities)
        case .update:
            _ = try await git("checkout", "--quiet", "-B", "main", "--no-track", Self.target)
            let updated = try await TemplateUpdate(context: context, target: Self.target).run()
            tree = updated.tree
            warnings = updated.leftAlone.map { path in
                "\(path) was left alone: what the template had made of it is not known"
            }
        case .none: return try await unchanged(target, base)
        }
        guard tree != (try await git("rev-parse", base + "^{tree}")) else {
            throw ActionFailure(
                code: "NOTHING_TO_DO", message: "The \(sourceName) changes nothing that \(target) doesn't have already."
            )
        }
        let commit = try await commit(tree, on: base)
        let changes = try await git("diff", "--shortstat", base, commit)
        let version = await context.tools.version(of: "git")
        var outcome = outcome(target, base, commit, Self.numbers(in: changes), git: version)
        outcome.warnings += warnings
        return outcome
    }

    private var sourceName: String {
        switch request.source {
        case .patch: "patch"
        case .branch(let name): "branch \(name)"
        case .entities: "entities"
        case .update: "template"
        case .none: "repository"
        }
    }

    /// The head of the target branch as it is.
    private func unchanged(_ target: String, _ base: String) async throws -> ActionOutcome {
        let count = Int(try await git("rev-list", "--count", base)) ?? 0
        let version = await context.tools.version(of: "git")
        var outcome = outcome(target, base, base, [:], git: version)
        outcome.output["summary"] = .string("\(target) as it is, \(count) \(count == 1 ? "commit" : "commits")")
        outcome.output["mode"] = "import"
        return outcome
    }

    private func outcome(
        _ target: String, _ base: String, _ commit: String, _ numbers: [String: Int], git version: String?
    ) -> ActionOutcome {
        let files = numbers["file"] ?? 0
        var outcome = ActionOutcome(output: [
            "summary": .string("\(sourceName): \(files) \(files == 1 ? "file" : "files") changed on top of \(target)"),
            "mode": "change", "plan": nil, "repository": .string(shownRepository), "target_branch": .string(target),
            "base_commit": .string(base), "files_changed": .integer(Int64(files)),
            "insertions": .integer(Int64(numbers["insertion"] ?? 0)),
            "deletions": .integer(Int64(numbers["deletion"] ?? 0)),
            "tools": ["git": version.map { .string(String($0.split(separator: " ").last ?? "")) } ?? nil],
        ])
        outcome.commit = commit
        return outcome
    }

    // MARK: Fetching

    /// The branch to be changed: the one that was named, else the one that the repository's HEAD names.
    private func targetBranch() async throws -> String {
        if let branch = request.targetBranch { return branch }
        let output = try await remote(["ls-remote", "--symref", "--", request.repository, "HEAD"])
        for line in output.split(separator: "\n") where line.hasPrefix("ref: refs/heads/") && line.hasSuffix("\tHEAD") {
            return String(line.dropFirst("ref: refs/heads/".count).dropLast("\tHEAD".count))
        }
        throw ActionFailure(
            code: "REPOSITORY_EMPTY",
            message: "\(shownRepository) has no branch that its HEAD names; pass \"target_branch\"."
        )
    }

    private func fetch(_ target: String) async throws {
        let heads = try await remote(["ls-remote", "--heads", "--", request.repository])
        let branches = Set(
            heads.split(separator: "\n").compactMap { line in
                line.firstRange(of: "\trefs/heads/").map { String(line[$0.upperBound...]) }
            })
        var references = ["+refs/heads/\(target):\(Self.target)"]
        var wanted = [target]
        if case .branch(let branch) = request.source {
            references.append("+refs/heads/\(branch):\(Self.source)")
            wanted.append(branch)
        }
        for name in wanted where !branches.contains(name) {
            let hint = closestMatch(name, in: branches.sorted()).map { ", did you mean \($0)?" } ?? "."
            throw ActionFailure(
                code: branches.isEmpty ? "REPOSITORY_EMPTY" : "BRANCH_MISSING",
                message: "\(shownRepository) has no branch \(name)\(hint)"
            )
        }
        _ = try await remote(
            ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", request.repository] + references)
    }

    /// Runs git with the repository's location, which may hold a password: neither logged nor repeated in messages.
    private func remote(_ arguments: [String]) async throws -> String {
        let output = try await context.tools.run(
            ToolCommand(
                "git", arguments, in: context.workspace,
                environment: ["GIT_ALLOW_PROTOCOL": "file:http:https:ssh", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"],
                logsOutput: false
            ))
        guard output.succeeded else {
            let lines = output.lastLines(4).split(separator: request.repository, omittingEmptySubsequences: false)
            throw ActionFailure(
                code: "REPOSITORY_UNREACHABLE",
                message: "\(shownRepository) can't be read: \(lines.joined(separator: shownRepository))",
                retryable: true
            )
        }
        return output.text
    }

    // MARK: Changing

    /// The tree of the target branch with a patch applied.
    private func applied(_ patch: String, to target: String) async throws -> String {
        guard patch.contains(where: { !$0.isWhitespace }) else {
            throw ActionFailure(code: "NOTHING_TO_DO", message: "The patch is empty.")
        }
        _ = try await git("checkout", "--quiet", "-B", "main", "--no-track", Self.target)
        let text = Array((patch.hasSuffix("\n") ? patch : patch + "\n").utf8)
        var output = try await apply(text, [])
        // Line counts of a patch written by hand are often wrong. Counting anew is no good for every patch, though: it
        // takes the head of a second file for lines of the first one, unless a line "diff" stands between them.
        if !output.succeeded, output.lastLines(8).contains("corrupt patch") {
            output = try await apply(text, ["--recount"])
        }
        guard output.succeeded else {
            let reason = output.lastLines(8)
            throw ActionFailure(
                code: reason.contains("No valid patches") ? "INVALID_INPUT" : "PATCH_DOES_NOT_APPLY",
                message: "The patch does not apply to \(target): \(reason)"
            )
        }
        return try await git("write-tree")
    }

    private func apply(_ patch: [UInt8], _ options: [String]) async throws -> ToolOutput {
        try await context.tools.run(
            ToolCommand(
                "git", ["apply", "--index", "--whitespace=nowarn"] + options + ["-"], in: context.workspace,
                logsOutput: false, standardInput: patch
            ))
    }

    /// The tree of the target branch with entities added from the project's template.
    private func extended(with entities: JSONValue) async throws -> String {
        _ = try await git("checkout", "--quiet", "-B", "main", "--no-track", Self.target)
        let workspace = try WorkspaceWriter(context.workspace)
        let source = try ProjectPlan.load(from: workspace.workspace)?.source
        let own = TemplateSource(location: context.shareDirectory + "/templates")
        let catalog = try await (source ?? own).open(context).catalog
        let addition = EntityAddition(writer: workspace, catalog: catalog)
        for entity in try addition.apply(entities) {
            let fields = entity.fields.map { "\($0.name) (\($0.kind.rawValue))" }.joined(separator: ", ")
            context.logger.info("entity \(entity.name): \(fields)")
        }
        _ = try await git("add", "--all")
        return try await git("write-tree")
    }

    /// The tree of the target branch with what a branch has changed since they parted.
    private func merged(_ branch: String, with target: String) async throws -> String {
        let output = try await context.tools.run(
            ToolCommand(
                "git", ["merge-tree", "--write-tree", "--name-only", "--no-messages", Self.target, Self.source],
                in: context.workspace, logsOutput: false
            ))
        let lines = output.text.split(separator: "\n").map(String.init)
        guard output.succeeded, let tree = lines.first else {
            if output.exitCode == 1 {
                let files = lines.dropFirst().prefix(20)
                throw ActionFailure(
                    code: "MERGE_CONFLICT",
                    message: "The branch \(branch) conflicts with \(target) in \(files.joined(separator: ", ")); "
                        + "bring it up to date with \(target) and start again.",
                    detail: ["files": .array(files.map { .string($0) })]
                )
            }
            throw ActionFailure(
                code: "BRANCH_NOT_USABLE",
                message: "The branch \(branch) can't be put on top of \(target): \(output.lastLines(4))"
            )
        }
        return tree
    }

    private func commit(_ tree: String, on parent: String) async throws -> String {
        let workflow = context.envelope.workflowContext
        let name = ProjectName(workflow.workflowName).title
        let requirements =
            workflow.requirements.flatMap { ProjectPlan.firstSentence(of: $0) } ?? "From the given \(sourceName)."
        let seconds = context.envelope.createdAt.milliseconds / 1000
        let output = try await context.tools.runChecked(
            ToolCommand(
                "git", ["commit-tree", tree, "-p", parent, "-F", "-"], in: context.workspace,
                environment: ["GIT_AUTHOR_DATE": "@\(seconds) +0000", "GIT_COMMITTER_DATE": "@\(seconds) +0000"],
                logsOutput: false, standardInput: Array("\(name)\n\n\(requirements)\n".utf8)
            ))
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// Runs git in the workspace and gives the first line that it prints.
    private func git(_ arguments: String...) async throws -> String {
        let output = try await context.tools.runChecked(
            ToolCommand("git", arguments, in: context.workspace, logsOutput: false))
        return output.text.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// The numbers of `git diff --shortstat` by what they count, in the singular.
    static func numbers(in shortstat: String) -> [String: Int] {
        var numbers: [String: Int] = [:]
        for part in shortstat.split(separator: ",") {
            let words = part.split(separator: " ")
            guard words.count >= 2, let number = Int(words[0]) else { continue }
            let noun = words[1].prefix { $0.isLetter }
            numbers[String(noun.hasSuffix("s") ? noun.dropLast() : noun)] = number
        }
        return numbers
    }
}
