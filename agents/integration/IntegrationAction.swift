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
        return outcome(request: request, merged: merged, destination: destination, tests: tests)
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
    ) async throws -> TestSummary? {
        let manifest: ProjectManifest
        do {
            manifest = try ProjectManifest.load(from: context.workspace)
        } catch {
            if error.code == .missing, request.allowsUntested { return nil }
            throw ActionFailure(error)
        }
        guard manifest.commands("test") != nil else {
            if request.allowsUntested { return nil }
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
        return run?.tests
    }

    private func outcome(
        request: IntegrationRequest,
        merged: Merger.Merged,
        destination: TargetRepository.Destination,
        tests: TestSummary?
    ) -> ActionOutcome {
        let verb =
            switch (destination.reason, merged.isPublished, merged.formerHead) {
            case (.some, _, _): "pushed to \(destination.branch)"
            case (nil, true, _): "already merged into \(destination.branch)"
            case (nil, false, nil): "published as \(destination.branch)"
            case (nil, false, .some): "merged into \(destination.branch)"
            }
        var outcome = ActionOutcome(output: [
            "summary": .string(verb + (tests.map { ", " + $0.sentence } ?? "")),
            "target_branch": .string(request.targetBranch),
            "branch": .string(destination.branch),
            "merged_commit": .string(merged.commit),
            "former_head": merged.formerHead.map { .string($0) } ?? .null,
            "strategy": .string(request.strategy.rawValue),
            "already_published": .bool(merged.isPublished),
            "worktree_updated": .bool(destination.movesWorktree),
            "tests": tests.map { .object($0.json) } ?? .null,
        ])
        if let repository = request.repository { outcome.output["repository"] = .string(GitName.redacted(repository)) }
        if let reason = destination.reason {
            outcome.warnings.append("\(reason); the work was pushed to \(destination.branch) instead")
        }
        if tests == nil {
            outcome.warnings.append(
                request.allowsUntested
                    ? "published untested, as allow_untested says" : "the number of tests could not be read")
        }
        outcome.commit = merged.commit
        return outcome
    }
}
