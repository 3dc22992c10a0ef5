import JSONTools

/// Pause and resume.
extension WorkflowMachine {
    /// From here on nothing new is dispatched. What is out goes on, and what comes back is kept: an attempt is closed, a
    /// stage completed; only what would follow from that waits.
    mutating func pause(actor: String, reason: String, at now: Timestamp) {
        enter(.paused)
        state.pause = WorkflowState.Pause(since: now, actor: actor)
        record(
            .workflowPaused, severity: .warning, actor: actor,
            reason.isEmpty ? [:] : ["reason": .string(reason)])
        hold(true)
    }

    /// What waited for the resume is done now, in the order of the stages: a required stage that failed ends the
    /// workflow, backoffs that are due fire, stages whose turn has come start.
    mutating func resume(actor: String, in turn: inout Turn) throws(Rejection) {
        enter(.running)
        let since = state.pause?.since ?? turn.now
        state.pause = nil
        record(
            .workflowResumed, actor: actor,
            ["paused_ms": .integer(max(0, turn.now.milliseconds - since.milliseconds))])
        let failed = state.stages.indices.filter { definition.stages[$0].required && state.stages[$0].phase == .failed }
        if let first = failed.min(by: { ended($0) < ended($1) }), let fault = state.stages[first].fault {
            return stop(
                .init(phase: .failed, fault: fault, stage: definition.stages[first].name), actor: "orchestrator",
                at: turn.now)
        }
        hold(false)
        try wake(judgeDeadlines: false, in: &turn)
        try advance(in: &turn)
    }

    private func ended(_ index: Int) -> Int64 {
        state.stages[index].endedAt?.microseconds ?? .max
    }

    /// Keeps sends that nobody runs yet in the queue, if they are still there, or lets them go again.
    private mutating func hold(_ isHeld: Bool) {
        for stage in state.stages {
            guard let taskID = stage.taskID, let open = stage.open, open.agentID == nil else { continue }
            directives.append(
                .hold(
                    AttemptReference(taskID: taskID, attempt: stage.attempt, dispatchID: open.dispatchID),
                    isHeld: isHeld))
        }
    }
}
