import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `rollback`: a commit on top of the target branch that makes its files what they were before the last integration.
///
/// Nothing is forced and no commit is lost: the branch goes on.
struct RollbackAction: AgentAction {
    let description = ActionDescription(
        name: "rollback",
        inputSchema: [
            "type": "object",
            "properties": [
                "target_branch": IntegrationRequest.schema["properties"]?["target_branch"] ?? [:],
                "repository": IntegrationRequest.schema["properties"]?["repository"] ?? [:],
                "update_worktree": IntegrationRequest.schema["properties"]?["update_worktree"] ?? [:],
            ],
        ],
        workspace: .write,
        exclusive: true
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let request = try IntegrationRequest(context.input)
        let queue = try await MergeQueue.enter(
            request.repository ?? context.envelope.workspace.url ?? "", request.targetBranch, context)
        defer { queue.release() }
        var git = GitClient(directory: context.workspace, tools: context.tools)
        let target = TargetRepository(
            git: git, location: request.repository ?? "origin", localPath: request.localPath)
        let branch = request.targetBranch
        guard let head = try await target.head(of: branch) else {
            throw ActionFailure(code: "NOTHING_TO_ROLL_BACK", message: "There is no branch \(branch).")
        }
        try await target.fetch(branch)
        let previous = Publisher.previousReference(of: branch)
        let fetched = try await git.run(["fetch", "--quiet", "--no-tags", "--", target.location, previous])
        guard fetched.succeeded else {
            throw ActionFailure(
                code: "NOTHING_TO_ROLL_BACK",
                message: "\(branch) has no former head; nothing was integrated into it that can be taken back."
            )
        }
        let former = try await git.line(["rev-parse", "FETCH_HEAD"])
        guard try await git.answer(["merge-base", "--is-ancestor", former, head]), former != head else {
            throw ActionFailure(
                code: "NOTHING_TO_ROLL_BACK",
                message: "\(branch) doesn't build on its former head \(former.prefix(12)) any more."
            )
        }
        git.dateSeconds = try await git.newestDate(of: [head])
        let message = "Roll \(branch) back to \(former.prefix(12))\n\nBaton-Task: \(context.envelope.taskID)\n"
        let commit = try await git.line(
            ["commit-tree", former + "^{tree}", "-p", head, "-F", "-"], input: Array(message.utf8))
        try await git.line(["checkout", "--quiet", "--detach", commit])
        let destination = try await target.destination(
            for: branch, head: head, merged: commit, workflow: context.envelope.workflowContext.workflowName,
            task: context.envelope.taskID.description, updatesWorktree: request.updatesWorktree)
        try await context.requestGrant()
        try await Publisher(git: git, target: target).publish(commit, to: destination)
        var outcome = ActionOutcome(output: [
            "summary": .string("\(destination.branch) is as it was at \(former.prefix(12))"),
            "target_branch": .string(branch), "branch": .string(destination.branch), "commit": .string(commit),
            "rolled_back": .string(head), "former_head": .string(former),
        ])
        if let reason = destination.reason {
            outcome.warnings.append("\(reason); the commit was pushed to \(destination.branch) instead")
        }
        outcome.commit = commit
        return outcome
    }
}
