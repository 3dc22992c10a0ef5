import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `integration`: merges the work into the target branch, runs the suite on the merged result, and only then publishes.
struct IntegrationAction: AgentAction {
    let description = ActionDescription(
        name: "integration", inputSchema: IntegrationRequest.schema, workspace: .write, exclusive: true)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let request = try IntegrationRequest(context.input)
        let queue = try await MergeQueue.enter(
            request.repository ?? context.envelope.workspace.url ?? "", request.targetBranch, context)
        defer { queue.release() }
        return try await integrate(request, context)
    }

    private func integrate(_ request: IntegrationRequest, _ context: ActionContext) async throws -> ActionOutcome {
        let envelope = context.envelope
        let task = envelope.taskID.description
        var git = GitClient(directory: context.workspace, tools: context.tools)
        let source = try await git.line(["rev-parse", "HEAD"])
        let target = TargetRepository(
            git: git, location: request.repository ?? "origin", localPath: request.localPath)

        context.report(progress: 0.1, note: "merging into \(request.targetBranch)")
        let head = try await target.head(of: request.targetBranch)
        if head != nil { try await target.fetch(request.targetBranch) }
        git.dateSeconds = try await git.newestDate(of: [source] + (head.map { [$0] } ?? []))
        let merger = Merger(
            git: git,
            request: request,
            message: MergeMessage(taskID: task, source: source),
            workflowName: envelope.workflowContext.workflowName,
            answers: ManualDecision.answers(context.answers)
        )
        let merged: Merger.Merged
        do {
            merged = try await merger.merge(source, into: head)
        } catch let undecided as Merger.Undecided {
            return Self.outcome(undecided, request)
        }
        context.logger.info(
            "merged as \(merged.commit.prefix(12)), former head \(merged.formerHead?.prefix(12) ?? "none")")

        let broken = try await breakingChanges(context, git, merged, request)
        context.report(progress: 0.3, note: "testing the merged result")
        let tests = try await test(context, request: request, isPublished: merged.isPublished)

        var destination = TargetRepository.Destination(
            branch: request.targetBranch, head: head, movesWorktree: false, reason: nil)
        if !merged.isPublished {
            destination = try await target.destination(
                for: request.targetBranch,
                head: head,
                merged: merged.commit,
                workflow: envelope.workflowContext.workflowName,
                task: task,
                updatesWorktree: request.updatesWorktree
            )
            context.report(progress: 0.9, note: "publishing as \(destination.branch)")
            try await context.requestGrant()
            try await Publisher(git: git, target: target).publish(merged.commit, to: destination)
        }
        var outcome = outcome(request: request, merged: merged, destination: destination, tests: tests)
        outcome.output["breaking_changes"] = .array(broken.changes.prefix(Self.breakingInOutput).map(\.json))
        outcome.warnings += broken.notes + broken.changes.prefix(20).map { "breaks its users: \($0.sentence)" }
        return outcome
    }

    /// So many of the findings go into the stage's output.
    private static let breakingInOutput = 50

    /// What the work breaks of what the target branch offers; nothing where there is no former head.
    ///
    /// - Throws: ``ActionFailure`` `BREAKING_CHANGES` where they are not allowed.
    private func breakingChanges(
        _ context: ActionContext, _ git: GitClient, _ merged: Merger.Merged, _ request: IntegrationRequest
    ) async throws -> (changes: [BreakingChange], notes: [String]) {
        guard request.breakingChanges != .ignore, !merged.isPublished, let former = merged.formerHead else {
            return ([], [])
        }
        context.report(progress: 0.2, note: "comparing what is offered")
        let found = try await BreakingChanges(git: git, context: context).find(from: former, to: merged.commit)
        for change in found.changes { context.logger.warning("breaks its users: \(change.sentence)") }
        guard request.breakingChanges == .block, let first = found.changes.first else { return found }
        let count = found.changes.count
        throw ActionFailure(
            code: "BREAKING_CHANGES",
            message: "Nothing was published. The work breaks its users in \(count) \(count == 1 ? "place" : "places"); "
                + "first: \(first.sentence)",
            detail: ["breaking_changes": .array(found.changes.prefix(Self.breakingInOutput).map(\.json))])
    }

    /// Asks people whose lines win.
    private static func outcome(_ undecided: Merger.Undecided, _ request: IntegrationRequest) -> ActionOutcome {
        let count = undecided.questions.count
        var outcome = ActionOutcome(
            status: .needsInput,
            output: [
                "summary": .string(
                    "\(count) \(count == 1 ? "conflict" : "conflicts") with \(request.targetBranch) to decide"),
                "target_branch": .string(request.targetBranch), "conflicts": undecided.report.json,
            ])
        outcome.questions = undecided.questions
        return outcome
    }

    /// Runs the project's suite in the workspace, which stands on the merged commit.
    private func test(
        _ context: ActionContext,
        request: IntegrationRequest,
        isPublished: Bool
    ) async throws -> Tested {
        let project: FoundProject
        do {
            project = try await FoundProject.look(context)
        } catch let failure as ActionFailure
            where failure.code == ManifestError.Code.missing.rawValue && request.allowsUntested
        {
            return Tested(untested: "as allow_untested says")
        }
        let manifest = project.manifest
        guard manifest.commands("test") != nil else {
            // A repository that was never made for Baton may have no tests; that nothing was tested is said.
            if request.allowsUntested { return Tested(untested: "as allow_untested says") }
            if project.isDetected { return Tested(untested: "as no tests were found in the repository") }
            throw ActionFailure(
                code: "NO_TEST_COMMAND",
                message: "\(ProjectManifest.fileName) names no commands.test, so the merged result can't be tested. "
                    + "Add one, or set allow_untested."
            )
        }
        let runner = ProjectRunner(context: context, manifest: manifest, directory: context.workspace)
        try await runner.runChecked("install", failureCode: "INSTALL_FAILED_AFTER_MERGE")
        context.report(progress: 0.5, note: "running the tests")
        let run = try await runner.run("test")
        if var failure = run?.failure(code: "TESTS_FAILED_AFTER_MERGE") {
            failure.message = "Nothing was published. The merged result fails: \(failure.message)"
            if isPublished { failure.message = "Published by an earlier attempt, but fails now: \(failure.message)" }
            throw failure
        }
        return Tested(summary: run?.tests)
    }

    /// What the suite said of the merged result.
    struct Tested: Sendable, Hashable {
        /// nil where the numbers can't be read, or nothing ran.
        var summary: TestSummary?
        /// Why nothing ran; nil when the suite did.
        var untested: String?
    }

    private func outcome(
        request: IntegrationRequest,
        merged: Merger.Merged,
        destination: TargetRepository.Destination,
        tests: Tested
    ) -> ActionOutcome {
        let verb =
            switch (destination.reason, merged.isPublished, merged.formerHead) {
            case (.some, _, _): "pushed to \(destination.branch)"
            case (nil, true, _): "already merged into \(destination.branch)"
            case (nil, false, nil): "published as \(destination.branch)"
            case (nil, false, .some): "merged into \(destination.branch)"
            }
        var outcome = ActionOutcome(output: [
            "summary": .string(verb + (tests.summary.map { ", " + $0.sentence } ?? "")),
            "target_branch": .string(request.targetBranch),
            "branch": .string(destination.branch),
            "merged_commit": .string(merged.commit),
            "former_head": merged.formerHead.map { .string($0) } ?? .null,
            "strategy": .string(request.strategy.rawValue),
            "already_published": .bool(merged.isPublished),
            "worktree_updated": .bool(destination.movesWorktree),
            "tests": tests.summary.map { .object($0.json) } ?? .null,
        ])
        if let repository = request.repository { outcome.output["repository"] = .string(GitName.redacted(repository)) }
        if let reason = destination.reason {
            outcome.warnings.append("\(reason); the work was pushed to \(destination.branch) instead")
        }
        if let reason = tests.untested {
            outcome.warnings.append("published untested, \(reason)")
        } else if tests.summary == nil {
            outcome.warnings.append("the number of tests could not be read")
        }
        outcome.commit = merged.commit
        return outcome
    }
}
