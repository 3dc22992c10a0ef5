import AgentProtocol
import JSONTools

/// Runs attempts from envelope to result: checks, workspace, action, commit, cleaning up.
struct AttemptRunner: Sendable {
    let catalog: ActionCatalog
    let builder: ResultBuilder
    let host: AttemptHost

    /// The result of an attempt that needs no running: a refused one, or an action that knows its answer already.
    ///
    /// - Returns: nil when the attempt has to be run.
    func immediateResult(of envelope: TaskEnvelope) -> TaskResult? {
        guard !SecretReference.isHeld(by: envelope.payload) else { return nil }
        let begun = Begun()
        let outcome: ActionOutcome
        do throws(ActionFailure) {
            let (entry, input) = try catalog.admit(envelope)
            guard let action = entry.action as? any ImmediateAction else { return nil }
            guard let answer = action.answer(input, of: envelope) else { return nil }
            outcome = try answer.get()
        } catch {
            outcome = ResultBuilder.outcome(error)
        }
        return builder.result(of: envelope, host.secrets.redactor.redact(outcome), at: begun.times())
    }

    /// Runs an attempt to its end, or until it is stopped by cancelling the task that it runs in.
    ///
    /// - Parameters:
    ///   - envelope: What is to be done.
    ///   - log: Takes the lines.
    ///   - desk: How the action speaks to the loop.
    ///   - stop: Says why, when it is stopped.
    ///   - deliver: Takes the result as soon as it is known and before files are deleted; nil for an abandoned attempt.
    func run(
        _ envelope: TaskEnvelope,
        log: AttemptLog,
        desk: AttemptDesk,
        stop: StopBox,
        deliver: @Sendable (TaskResult?) -> Void
    ) async {
        let begun = Begun()
        let payload = host.payload(of: envelope)
        // Nothing leaves the attempt but through these doors: lines, artifacts, notes, what tools print, the result.
        let redactor = host.secrets.redactor
        log.redact(with: redactor)
        let desk = desk.redacted(by: redactor)
        let logger = TaskLogger(log: log)
        let files = host.files(for: envelope.reference)
        let background = BackgroundTools()
        let artifacts = host.artifactSink(for: envelope, files: files, redactor: redactor)
        var outcome: ActionOutcome
        do {
            let tools = host.toolbox(files: files, logger: logger, background: background, redactor: redactor)
            outcome = try await perform(envelope, try payload.get(), logger, files, tools, artifacts, desk)
        } catch let failure as ActionFailure {
            outcome = ResultBuilder.outcome(failure)
        } catch is CancellationError {
            outcome = ActionOutcome(status: .cancelled)
        } catch {
            outcome = ResultBuilder.outcome(
                ActionFailure(code: "ACTION_ERROR", message: "\(error)", retryable: true))
        }
        outcome = redactor.redact(outcome)
        await background.stopAll()
        if let order = stop.order {
            // Its tools have ended by now, with all processes of their groups.
            let milliseconds = order.milliseconds
            if order.reason == .timedOut { logger.error("Stopped at the attempt's time limit.") }
            log.flush()
            let stopped = ResultBuilder.outcome(stopped: order.reason, after: milliseconds, envelope)
            deliver(stopped.map { builder.result(of: envelope, $0, artifacts: artifacts.kept, at: begun.times()) })
        } else {
            for fault in outcome.faults { logger.error("\(fault.code): \(fault.message)") }
            log.flush()
            let result = builder.result(of: envelope, outcome, artifacts: artifacts.kept, at: begun.times())
            deliver(builder.checked(result))
        }
        files.remove()
    }

    private func perform(
        _ envelope: TaskEnvelope,
        _ payload: JSONValue,
        _ logger: TaskLogger,
        _ files: AttemptFiles,
        _ tools: Toolbox,
        _ artifacts: ArtifactSink,
        _ desk: AttemptDesk
    ) async throws -> ActionOutcome {
        let (entry, input) = try catalog.admit(envelope, payload: payload)
        guard entry.description.workspace != .none else {
            let context = ActionContext(
                envelope: envelope, input: input, workspace: "", tools: tools, artifacts: artifacts, logger: logger,
                attempt: files, desk: desk)
            return try await entry.action.run(context)
        }
        let git = try GitWorkspace(envelope.workspace, root: files.workspace)
        try await git.prepare(with: tools)
        let root = try Workspace(root: files.workspace).root
        let context = ActionContext(
            envelope: envelope, input: input, workspace: root, tools: tools.moved(to: root), artifacts: artifacts,
            logger: logger, attempt: files, desk: desk)
        var outcome = tools.redactor.redact(try await entry.action.run(context))
        try Task.checkCancellation()
        if envelope.workspace.mode == .write {
            try await keepWork(of: &outcome, envelope, git, tools, logger)
        } else {
            outcome.commit = nil
        }
        return outcome
    }

    /// Commits and pushes what the action left in the workspace, as it asked for it.
    private func keepWork(
        of outcome: inout ActionOutcome,
        _ envelope: TaskEnvelope,
        _ git: GitWorkspace,
        _ tools: Toolbox,
        _ logger: TaskLogger
    ) async throws {
        let reference = GitWorkspace.reference(of: envelope.reference)
        if let commit = outcome.commit {
            try await git.push(commit, to: reference, with: tools)
        } else if outcome.status == .success || outcome.status == .partial, let message = outcome.commitMessage {
            outcome.commit = try await git.commit(
                message, at: envelope.createdAt, pushingTo: reference, with: tools)
            if outcome.commit == git.inputCommit { logger.info("Nothing was changed in the workspace.") }
        } else if outcome.status == .success {
            outcome.commit = git.inputCommit
        }
    }

    /// When an attempt began.
    private struct Begun {
        let wall = Timestamp.now()
        let instant = ContinuousClock.now

        func times() -> ResultBuilder.Times {
            let duration = instant.duration(to: .now)
            return ResultBuilder.Times(started: wall, completed: wall + duration, duration: duration)
        }
    }
}
