import JSONTools

/// Stages: start what is ready, take results, retry, fail, go on.
extension WorkflowMachine {
    mutating func start(actor: String, in turn: inout Turn) throws(Rejection) {
        enter(.running)
        state.startedAt = turn.now
        record(.workflowCreated, actor: actor, ["type": .string(facts.type), "name": .string(facts.name)])
        record(.workflowStarted)
        try advance(in: &turn)
    }

    /// Starts every stage whose turn has come; ends the workflow when none is left.
    mutating func advance(in turn: inout Turn) throws(Rejection) {
        var changed = true
        while changed && state.phase == .running {
            changed = false
            for index in definition.stages.indices where state.stages[index].phase == .pending {
                guard needsAreMet(of: index) else { continue }
                try begin(stage: index, in: &turn)
                changed = changed || state.stages[index].phase.isClosed
                if state.phase != .running { break }
            }
        }
        if state.phase == .running && state.stages.allSatisfy(\.phase.isClosed) {
            complete(at: turn.now)
        }
    }

    /// Whether all that a stage needs is completed, skipped, or failed without being required.
    func needsAreMet(of index: Int) -> Bool {
        definition.stages[index].needs.allSatisfy { name in
            guard let need = definition.index(of: name) else { return false }
            switch state.stages[need].phase {
            case .completed, .skipped: return true
            case .failed: return !definition.stages[need].required
            case .pending, .running, .awaitingAnswers, .cancelled: return false
            }
        }
    }

    private mutating func begin(stage index: Int, in turn: inout Turn) throws(Rejection) {
        let stage = definition.stages[index]
        let scope = try scope(for: index, in: turn)
        do {
            if let condition = stage.condition, try !isTrue(condition.evaluate(in: scope)) {
                enter(.skipped, stage: index, at: turn.now)
                state.stages[index].commit = inputCommit(of: index)
                record(.stageSkipped, ["stage": .string(stage.name), "reason": .string(condition.source)])
                return
            }
            let payload = try stage.with.render(in: scope)
            if let fault = sizeFault(of: payload, stage: index) {
                state.stages[index].startedAt = turn.now
                fail(stage: index, fault, at: turn.now)
                return
            }
            enter(.running, stage: index, at: turn.now)
            dispatch(stage: index, payload: payload, kind: .stageStarted, in: &turn)
        } catch {
            failToStart(stage: index, error, at: turn.now)
        }
    }

    /// A stage whose `if` or `with` can't be computed fails without an attempt.
    private mutating func failToStart(stage index: Int, _ error: ExpressionError, at now: Timestamp) {
        let fault = WorkflowFault(code: "EXPRESSION_ERROR", message: "\(error)", isRetryable: false)
        state.stages[index].startedAt = now
        fail(stage: index, fault, at: now)
    }

    /// The largest rendered `with`, in bytes: with outputs and input it has to fit into one message of 256 KiB.
    static let payloadLimit = 64 * 1024

    private func sizeFault(of payload: JSONValue, stage index: Int) -> WorkflowFault? {
        let size = payload.encoded().count
        guard size > Self.payloadLimit else { return nil }
        return WorkflowFault(
            code: "PAYLOAD_TOO_LARGE",
            message: "the rendered `with` of stage \(definition.stages[index].name) has \(size) bytes; at most "
                + "\(Self.payloadLimit) are allowed: hand large things on as artifacts", isRetryable: false)
    }

    private func isTrue(_ value: JSONValue) -> Bool {
        switch value {
        case .bool(let flag): flag
        case .null: false
        default: true
        }
    }

    /// What expressions of a stage can see. Outputs that it reads must be at hand.
    private func scope(for index: Int, in turn: Turn) throws(Rejection) -> ExpressionScope {
        let stage = definition.stages[index]
        var views: [String: ExpressionScope.StageView] = [:]
        var missing: Set<String> = []
        for name in stage.readsOutputs {
            guard let other = definition.index(of: name) else { continue }
            let otherState = state.stages[other]
            switch otherState.phase {
            case .completed:
                guard let output = turn.outputs[name] else {
                    missing.insert(name)
                    continue
                }
                views[name] = .init(
                    status: otherState.phase.rawValue, output: output.output, commit: otherState.commit,
                    artifacts: output.artifacts)
            case .failed, .skipped:
                views[name] = .init(
                    status: otherState.phase.rawValue, output: nil, commit: otherState.commit, artifacts: [])
            case .pending, .running, .awaitingAnswers, .cancelled:
                continue
            }
        }
        if !missing.isEmpty { throw .outputsNeeded(missing) }
        return ExpressionScope(
            input: facts.input,
            workflow: [
                "id": .string("\(facts.id)"), "type": .string(facts.type), "name": .string(facts.name),
                "description": .string(facts.description), "requirements": .string(facts.requirements),
                "priority": .string(facts.priority.rawValue),
            ],
            stages: views)
    }

    /// Opens the next attempt of a running stage.
    private mutating func dispatch(stage index: Int, payload: JSONValue, kind: AuditKind, in turn: inout Turn) {
        let stage = definition.stages[index]
        let taskID: UniqueID
        if let known = state.stages[index].taskID {
            taskID = known
        } else {
            taskID = UniqueID.v7(at: turn.now, using: &turn.entropy)
            state.stages[index].taskID = taskID
        }
        state.stages[index].attempt += 1
        state.stages[index].retryAt = nil
        let open = OpenAttempt(dispatchID: turn.entropy.next(), sentAt: turn.now)
        state.stages[index].open = open
        var stageOutputs: [String: JSONValue] = [:]
        for name in stage.readsOutputs {
            if let output = turn.outputs[name] { stageOutputs[name] = output.output }
        }
        let order = AttemptOrder(
            stage: index,
            reference: AttemptReference(
                taskID: taskID, attempt: state.stages[index].attempt, dispatchID: open.dispatchID),
            generation: state.stages[index].generation, payload: payload, stageOutputs: stageOutputs,
            inputCommit: inputCommit(of: index), answers: state.stages[index].answers)
        directives.append(.dispatch(order))
        record(
            kind,
            [
                "stage": .string(stage.name), "agent": .string(stage.agent), "task_id": .string("\(taskID)"),
                "attempt": .integer(Int64(order.reference.attempt)),
            ])
    }

    /// Starts the attempt that waited for its backoff.
    mutating func dispatchRetry(stage index: Int, in turn: inout Turn) throws(Rejection) {
        let scope = try scope(for: index, in: turn)
        do {
            let payload = try definition.stages[index].with.render(in: scope)
            if let fault = sizeFault(of: payload, stage: index) {
                fail(stage: index, fault, at: turn.now)
            } else {
                return dispatch(stage: index, payload: payload, kind: .taskDispatched, in: &turn)
            }
        } catch {
            failToStart(stage: index, error, at: turn.now)
        }
        try advance(in: &turn)
    }

    /// The commit that a stage works on: that of its nearest `write` ancestor, which is what that ancestor handed on.
    func inputCommit(of index: Int) -> String? {
        guard let ancestor = definition.inputCommitStage(of: definition.stages[index].name),
            let ancestorIndex = definition.index(of: ancestor)
        else { return nil }
        return state.stages[ancestorIndex].commit ?? inputCommit(of: ancestorIndex)
    }

    /// Completes a stage with what its agent reported.
    mutating func complete(stage index: Int, with outcome: AttemptOutcome, in turn: inout Turn) {
        let stage = definition.stages[index]
        let commit = stage.workspace == .write ? (outcome.commit ?? inputCommit(of: index)) : inputCommit(of: index)
        state.stages[index].commit = commit
        state.stages[index].fault = nil
        enter(.completed, stage: index, at: turn.now)
        turn.outputs[stage.name] = StageOutput(
            output: outcome.output, commit: commit, artifacts: outcome.artifacts)
        directives.append(
            .accept(
                StageAcceptance(
                    stage: stage.name, generation: state.stages[index].generation, output: outcome.output,
                    commit: outcome.commit, artifacts: outcome.artifacts)))
        var data: JSONObject = [
            "stage": .string(stage.name), "agent": .string(stage.agent),
            "attempt": .integer(Int64(state.stages[index].attempt)), "agent_id": .string(outcome.agentID),
            "duration_ms": .integer(stageMilliseconds(index, until: turn.now)),
        ]
        if let summary = outcome.output["summary"]?.stringValue { data["summary"] = .string(summary) }
        record(.stageCompleted, actor: outcome.agentID, data)
    }

    /// Ends a stage as failed; the workflow with it, if the stage is required.
    mutating func fail(stage index: Int, _ fault: WorkflowFault, at now: Timestamp) {
        let stage = definition.stages[index]
        state.stages[index].fault = fault
        enter(.failed, stage: index, at: now)
        state.stages[index].commit = inputCommit(of: index)
        var data: JSONObject = [
            "stage": .string(stage.name), "agent": .string(stage.agent),
            "attempt": .integer(Int64(state.stages[index].attempt)),
            "code": .string(fault.code), "message": .string(fault.message),
            "duration_ms": .integer(stageMilliseconds(index, until: now)),
        ]
        if let cause = park(stage: index, fault) { data["parked_as"] = .string(cause.rawValue) }
        record(.stageFailed, severity: stage.required ? .critical : .warning, data)
        // While paused the consequence waits for the resume, as everything does that would be a step onward.
        if stage.required, state.phase == .running {
            stop(.init(phase: .failed, fault: fault, stage: stage.name), actor: "orchestrator", at: now)
        }
    }

    private func stageMilliseconds(_ index: Int, until now: Timestamp) -> Int64 {
        guard let startedAt = state.stages[index].startedAt else { return 0 }
        return max(0, now.milliseconds - startedAt.milliseconds)
    }

    private mutating func complete(at now: Timestamp) {
        enter(.completed)
        state.endedAt = now
        record(.workflowCompleted, ["duration_ms": .integer(workflowMilliseconds(until: now))])
        directives.append(.finish(.completed))
    }

    func workflowMilliseconds(until now: Timestamp) -> Int64 {
        guard let startedAt = state.retriedAt ?? state.startedAt else { return 0 }
        return max(0, now.milliseconds - startedAt.milliseconds)
    }
}
