public import JSONTools

/// Clocks: backoffs, deadlines, the grace of a cancel, the limit of the whole.
extension WorkflowMachine {
    /// Looks at every clock and does what is due by now.
    mutating func wake(judgeDeadlines: Bool, in turn: inout Turn) throws(Rejection) {
        noteOverdueTimer(judgeDeadlines: judgeDeadlines, at: turn.now)
        if let end = totalDeadline, end <= turn.now, state.phase == .running, let limit = definition.totalTimeout {
            stop(.init(phase: .failed, fault: .totalTimeout(limit), stage: nil), actor: "orchestrator", at: turn.now)
        }
        for index in state.stages.indices {
            if state.phase == .running, let retryAt = state.stages[index].retryAt, retryAt <= turn.now {
                try dispatchRetry(stage: index, in: &turn)
            }
            if state.phase == .running, let questions = state.stages[index].questions, questions.expiresAt <= turn.now {
                try expire(questions, stage: index, in: &turn)
            }
            guard let open = state.stages[index].open else { continue }
            if let closesAt = open.closesAt {
                if closesAt <= turn.now { closeUnanswered(stage: index, at: turn.now) }
            } else if judgeDeadlines, let deadline = open.deadline, deadline <= turn.now {
                try timeOut(stage: index, in: &turn)
            }
        }
        finishStopping(at: turn.now)
    }

    /// When the whole has to be over; nil without a `total_timeout`.
    public var totalDeadline: Timestamp? {
        guard let limit = definition.totalTimeout, let startedAt = state.retriedAt ?? state.startedAt else {
            return nil
        }
        return startedAt + limit
    }

    /// The earliest clock that is running; nil if only an agent's answer is awaited.
    public var nextWake: Timestamp? { earliestClock(countingDeadlines: true) }

    /// The earliest clock that is running.
    func earliestClock(countingDeadlines: Bool) -> Timestamp? {
        if state.phase.isTerminal { return nil }
        var earliest = state.phase == .running ? totalDeadline : nil
        func consider(_ time: Timestamp?) {
            guard let time else { return }
            earliest = earliest.map { min($0, time) } ?? time
        }
        for stage in state.stages {
            if state.phase == .running {
                consider(stage.retryAt)
                consider(stage.questions?.expiresAt)
            }
            if let closesAt = stage.open?.closesAt {
                consider(closesAt)
            } else if countingDeadlines {
                consider(stage.open?.deadline)
            }
        }
        return earliest
    }

    private mutating func timeOut(stage index: Int, in turn: inout Turn) throws(Rejection) {
        let fault = WorkflowFault.timedOut(after: definition.stages[index].timeout)
        let agentID = state.stages[index].open?.agentID
        find(
            .pastDeadline, stage: index, reason: fault.message,
            action: "its agent is told to stop, and the attempt counts as failed")
        orderStop(stage: index)
        try attemptFailed(
            stage: index, as: .timedOut, fault, agentID: agentID, keepsResult: false, in: &turn)
    }

    /// Tells the agents to stop the open attempt of a stage.
    mutating func orderStop(stage index: Int) {
        guard let taskID = state.stages[index].taskID, let open = state.stages[index].open else { return }
        directives.append(
            .stop(
                AttemptReference(
                    taskID: taskID, attempt: state.stages[index].attempt, dispatchID: open.dispatchID), stage: index))
    }
}

extension WorkflowMachine {
    /// Notes what the timers table holds from now on.
    public mutating func noteRecordedWake(_ wake: Timestamp?) {
        state.recordedWake = wake
    }
}
