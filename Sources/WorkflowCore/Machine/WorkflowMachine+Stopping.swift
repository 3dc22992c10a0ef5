import JSONTools

/// Stopping: the outcome is known, what is open is closed, then the workflow ends.
extension WorkflowMachine {
    mutating func cancel(actor: String, reason: String, in turn: inout Turn) {
        let message = reason.isEmpty ? "cancelled by \(actor)" : "cancelled by \(actor): \(reason)"
        let fault = WorkflowFault(code: "CANCELLED", message: message, isRetryable: false)
        stop(.init(phase: .cancelled, fault: fault, stage: nil), actor: actor, at: turn.now)
    }

    /// Records the outcome, asks open attempts to stop, closes what isn't out.
    mutating func stop(_ outcome: WorkflowState.Outcome, actor: String, at now: Timestamp) {
        enter(.stopping)
        state.pause = nil
        state.outcome = outcome
        record(
            .workflowStopping, severity: outcome.phase == .failed ? .critical : .warning, actor: actor,
            [
                "outcome": .string(outcome.phase.rawValue), "code": .string(outcome.fault.code),
                "message": .string(outcome.fault.message),
            ])
        for index in state.stages.indices {
            switch state.stages[index].phase {
            case .pending:
                enter(.cancelled, stage: index, at: now)
            case .awaitingAnswers:
                closeRound(stage: index, values: [], actor: actor)
                endCancelled(stage: index, actor: actor, at: now)
            case .running:
                if state.stages[index].open != nil {
                    state.stages[index].open?.cancelledAt = now
                    orderStop(stage: index)
                } else {
                    endCancelled(stage: index, actor: actor, at: now)
                }
            case .completed, .failed, .skipped, .cancelled:
                break
            }
        }
        finishStopping(at: now)
    }

    /// Ends a running stage, whose attempt is closed, as cancelled.
    mutating func endCancelled(stage index: Int, actor: String, at now: Timestamp) {
        enter(.cancelled, stage: index, at: now)
        record(.stageCancelled, severity: .warning, actor: actor, ["stage": .string(definition.stages[index].name)])
    }

    /// The agent didn't answer the cancel in time: the attempt counts as closed.
    mutating func closeUnanswered(stage index: Int, at now: Timestamp) {
        close(
            stage: index, as: .cancelled, fault: nil, agentID: state.stages[index].open?.agentID, keepsResult: false)
        endCancelled(stage: index, actor: "orchestrator", at: now)
    }

    /// Ends a stopping workflow once nothing is open any more.
    mutating func finishStopping(at now: Timestamp) {
        guard state.phase == .stopping, state.stages.allSatisfy(\.phase.isClosed) else { return }
        guard let outcome = state.outcome else { preconditionFailure("a stopping workflow without an outcome") }
        enter(outcome.phase)
        state.endedAt = now
        var data: JSONObject = [
            "code": .string(outcome.fault.code), "message": .string(outcome.fault.message),
            "duration_ms": .integer(workflowMilliseconds(until: now)),
        ]
        if let stage = outcome.stage { data["stage"] = .string(stage) }
        record(
            outcome.phase == .failed ? .workflowFailed : .workflowCancelled,
            severity: outcome.phase == .failed ? .critical : .warning, data)
        directives.append(.finish(outcome.phase))
    }
}
