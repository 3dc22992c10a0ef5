import JSONTools

/// Attempts: bind, finish, lose, send again.
extension WorkflowMachine {
    /// An agent says that it runs a send. The first to say so is bound; a second claimant is told to stop.
    mutating func bind(_ reference: AttemptReference, to agentID: String, in turn: inout Turn) {
        // A binding stands once made: the registry answers any other claimant with `stop`.
        guard let index = stageIndex(holding: reference), let open = state.stages[index].open, open.agentID == nil,
            open.cancelledAt == nil
        else { return }
        let deadline = turn.now + definition.stages[index].timeout
        state.stages[index].open?.agentID = agentID
        state.stages[index].open?.deadline = deadline
        directives.append(.bind(reference, agentID: agentID, deadline: deadline))
        record(
            .taskStarted, actor: agentID,
            [
                "stage": .string(definition.stages[index].name), "task_id": .string("\(reference.taskID)"),
                "attempt": .integer(Int64(reference.attempt)), "deadline": .string("\(deadline)"),
            ])
    }

    mutating func finish(with outcome: AttemptOutcome, in turn: inout Turn) throws(Rejection) {
        guard let index = stageIndex(holding: outcome.reference),
            definition.stages[index].name == outcome.stage,
            let open = state.stages[index].open,
            open.agentID == nil || open.agentID == outcome.agentID
        else {
            ignore(outcome)
            return
        }
        if outcome.wasLeftBehind {
            find(
                .resultNotAdvanced, stage: index,
                reason: "an orchestrator had read the result and did not record it in time",
                action: "another orchestrator took it up and applied it")
        }
        switch state.phase {
        case .running, .paused:
            try take(outcome, stage: index, in: &turn)
        case .stopping:
            takeWhileStopping(outcome, stage: index, at: turn.now)
        case .initiated, .completed, .failed, .cancelled:
            preconditionFailure("an open attempt in a workflow that is \(state.phase)")
        }
    }

    /// Sets a result aside that changes nothing: stale, doubled, for another stage, or from an agent that isn't bound.
    private mutating func ignore(_ outcome: AttemptOutcome) {
        let index = state.stages.firstIndex { $0.taskID == outcome.reference.taskID }
        if let index {
            state.stages[index].ignoredResults += 1
            if state.stages[index].ignoredResults > StageState.maximumIgnoredRecords { return }
        } else {
            state.strayResults += 1
            if state.strayResults > StageState.maximumIgnoredRecords { return }
        }
        let isLateSuccess = outcome.status == .success && (state.phase == .cancelled || state.phase == .failed)
        record(
            isLateSuccess ? .lateSuccess : .resultIgnored, severity: .warning, actor: outcome.agentID,
            [
                "stage": .string(outcome.stage), "task_id": .string("\(outcome.reference.taskID)"),
                "attempt": .integer(Int64(outcome.reference.attempt)), "status": .string(outcome.status.rawValue),
                "reason": .string(reasonToIgnore(outcome, stage: index)),
            ])
    }

    private func reasonToIgnore(_ outcome: AttemptOutcome, stage index: Int?) -> String {
        guard let index else { return "no task of this workflow has that id" }
        let stage = state.stages[index]
        if definition.stages[index].name != outcome.stage {
            return "the task belongs to stage \(definition.stages[index].name)"
        }
        guard let open = stage.open else {
            return outcome.reference.attempt == stage.attempt
                ? "attempt \(stage.attempt) is closed already (\(stage.phase.rawValue))"
                : "attempt \(outcome.reference.attempt) is of the past; the newest is \(stage.attempt)"
        }
        if outcome.reference.attempt != stage.attempt {
            return "attempt \(outcome.reference.attempt) is not the open one, \(stage.attempt)"
        }
        if open.dispatchID != outcome.reference.dispatchID {
            return "it answers a send that was replaced by a newer one"
        }
        return "the attempt is bound to agent \(open.agentID ?? "none")"
    }

    private mutating func take(
        _ outcome: AttemptOutcome, stage index: Int, in turn: inout Turn
    ) throws(Rejection) {
        switch outcome.status {
        case .success:
            close(stage: index, as: .succeeded, fault: nil, agentID: outcome.agentID, keepsResult: true)
            complete(stage: index, with: outcome, in: &turn)
            try advance(in: &turn)
        case .failure:
            let fault =
                outcome.faults.first
                ?? WorkflowFault(
                    code: "UNSPECIFIED", message: "the agent reported a failure without an error", isRetryable: true)
            try attemptFailed(
                stage: index, as: .failed, fault, agentID: outcome.agentID, keepsResult: true, in: &turn)
        case .partial:
            if definition.stages[index].onPartial == .continue {
                close(stage: index, as: .partial, fault: nil, agentID: outcome.agentID, keepsResult: true)
                complete(stage: index, with: outcome, in: &turn)
                try advance(in: &turn)
            } else {
                try attemptFailed(
                    stage: index, as: .partial, .partialResult, agentID: outcome.agentID, keepsResult: true, in: &turn)
            }
        case .needsInput:
            try ask(outcome, stage: index, in: &turn)
        case .cancelled:
            // Nobody asked for it here: the agent gave up by itself.
            let fault =
                outcome.faults.first
                ?? WorkflowFault(
                    code: "CANCELLED_BY_AGENT", message: "the agent gave the attempt up without being asked to",
                    isRetryable: true)
            try attemptFailed(
                stage: index, as: .cancelled, fault, agentID: outcome.agentID, keepsResult: true, in: &turn)
        }
    }

    private mutating func takeWhileStopping(_ outcome: AttemptOutcome, stage index: Int, at now: Timestamp) {
        let name = definition.stages[index].name
        if outcome.status == .success {
            record(
                .lateSuccess, severity: .warning, actor: outcome.agentID,
                [
                    "stage": .string(name), "attempt": .integer(Int64(outcome.reference.attempt)),
                    "output": outcome.output, "commit": outcome.commit.map { .string($0) } ?? .null,
                ])
        }
        close(stage: index, as: .cancelled, fault: nil, agentID: outcome.agentID, keepsResult: true)
        endCancelled(stage: index, actor: outcome.agentID, at: now)
        finishStopping(at: now)
    }

    /// The agent is gone, or gave the attempt up.
    mutating func lose(
        _ reference: AttemptReference, agentID: String, counted: Bool, in turn: inout Turn
    ) throws(Rejection) {
        guard let index = stageIndex(holding: reference), let open = state.stages[index].open,
            open.agentID == nil || open.agentID == agentID
        else { return }
        let fault: WorkflowFault = counted ? .leaseExpired(agent: agentID) : .abandoned(agent: agentID)
        if counted {
            find(
                .agentLost, stage: index, reason: fault.message,
                action: "the attempt counts as lost; what it still reports is set aside")
        }
        if state.phase == .stopping {
            close(stage: index, as: .lost, fault: fault, agentID: agentID, keepsResult: false)
            endCancelled(stage: index, actor: "orchestrator", at: turn.now)
            finishStopping(at: turn.now)
            return
        }
        if counted {
            try attemptFailed(stage: index, as: .lost, fault, agentID: agentID, keepsResult: false, in: &turn)
        } else {
            close(stage: index, as: .lost, fault: fault, agentID: agentID, keepsResult: false)
            state.stages[index].fault = fault
            recordAttempt(.attemptLost, stage: index, fault, actor: agentID)
            try goOn(stage: index, in: &turn)
        }
    }

    /// Opens the next attempt of a running stage at once, or, while paused, when the workflow is resumed.
    mutating func goOn(stage index: Int, in turn: inout Turn) throws(Rejection) {
        if state.phase == .paused {
            state.stages[index].retryAt = turn.now
        } else {
            try dispatchRetry(stage: index, in: &turn)
        }
    }

    /// Sends an unbound attempt again under a new mark: the older send is stale from now on.
    mutating func sendAgain(_ reference: AttemptReference, reason: SendLossReason, in turn: inout Turn) {
        guard let index = stageIndex(holding: reference), let open = state.stages[index].open, open.agentID == nil
        else { return }
        // What never left the queue stays there while paused.
        if reason == .queuedNotSent && state.phase == .paused { return }
        let renewed = AttemptReference(
            taskID: reference.taskID, attempt: reference.attempt, dispatchID: turn.entropy.next())
        state.stages[index].open?.dispatchID = renewed.dispatchID
        state.stages[index].open?.sentAt = turn.now
        find(
            reason.finding, stage: index, reason: reason.explanation,
            action: "sent again under a new mark; the older send counts no more")
        directives.append(.sendAgain(renewed, stage: index))
        record(
            .taskSentAgain, severity: .warning,
            [
                "stage": .string(definition.stages[index].name), "task_id": .string("\(reference.taskID)"),
                "attempt": .integer(Int64(reference.attempt)),
                "reason": .string(reason.explanation),
            ])
    }

    /// An attempt ended badly: try again, or fail the stage.
    mutating func attemptFailed(
        stage index: Int,
        as status: AttemptClosing.Status,
        _ fault: WorkflowFault,
        agentID: String?,
        keepsResult: Bool,
        in turn: inout Turn
    ) throws(Rejection) {
        close(stage: index, as: status, fault: fault, agentID: agentID, keepsResult: keepsResult)
        state.stages[index].failures += 1
        let retry = definition.stages[index].retry
        let failures = state.stages[index].failures
        guard fault.isRetryable && failures < retry.maxAttempts else {
            recordAttempt(kind(of: status), stage: index, fault, actor: agentID ?? "orchestrator")
            fail(stage: index, fault, at: turn.now)
            try advance(in: &turn)
            return
        }
        let delay = retry.delay(afterAttempt: failures, randomUnit: turn.entropy.nextUnit())
        let retryAt = turn.now + delay
        state.stages[index].fault = fault
        state.stages[index].retryAt = retryAt
        recordAttempt(kind(of: status), stage: index, fault, actor: agentID ?? "orchestrator")
        record(
            .retryScheduled,
            [
                "stage": .string(definition.stages[index].name), "at": .string("\(retryAt)"),
                "attempt": .integer(Int64(state.stages[index].attempt + 1)),
                "failures": .integer(Int64(failures)), "max_attempts": .integer(Int64(retry.maxAttempts)),
            ])
    }

    private func kind(of status: AttemptClosing.Status) -> AuditKind {
        switch status {
        case .lost: .attemptLost
        case .timedOut: .attemptTimedOut
        case .cancelled: .attemptCancelled
        case .succeeded, .partial, .needsInput, .failed: .attemptFailed
        }
    }

    mutating func recordAttempt(_ kind: AuditKind, stage index: Int, _ fault: WorkflowFault, actor: String) {
        record(
            kind, severity: .warning, actor: actor,
            [
                "stage": .string(definition.stages[index].name),
                "attempt": .integer(Int64(state.stages[index].attempt)),
                "code": .string(fault.code), "message": .string(fault.message),
                "retryable": .bool(fault.isRetryable),
            ])
    }

    /// Closes the open attempt of a stage.
    mutating func close(
        stage index: Int, as status: AttemptClosing.Status, fault: WorkflowFault?, agentID: String?, keepsResult: Bool
    ) {
        guard let taskID = state.stages[index].taskID, state.stages[index].open != nil else {
            preconditionFailure("stage \(definition.stages[index].name) has no open attempt to close")
        }
        directives.append(
            .close(
                AttemptClosing(
                    taskID: taskID, attempt: state.stages[index].attempt, status: status, faultCode: fault?.code,
                    agentID: agentID, keepsResult: keepsResult)))
        state.stages[index].open = nil
    }
}
