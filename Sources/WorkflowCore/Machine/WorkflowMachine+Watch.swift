import JSONTools

/// What the watchdog found.
extension WorkflowMachine {
    /// How late a timer may fire before that is worth a row of the trail.
    static let timerPatience: Swift.Duration = .seconds(30)

    /// Notes a finding in the trail, with its reason and what was done about it.
    mutating func find(_ finding: WatchdogFinding, stage index: Int?, reason: String, action: String) {
        var data: JSONObject = [
            "finding": .string(finding.rawValue), "reason": .string(reason), "action": .string(action),
        ]
        if let index {
            data["stage"] = .string(definition.stages[index].name)
            if let taskID = state.stages[index].taskID { data["task_id"] = .string("\(taskID)") }
            data["attempt"] = .integer(Int64(state.stages[index].attempt))
        }
        record(.watchdogFinding, severity: .warning, data)
    }

    /// Notes, once an attempt, that nobody lives who could take it. It is never failed for that.
    mutating func noteMissingAgent(_ reference: AttemptReference) {
        guard let index = stageIndex(holding: reference), let open = state.stages[index].open, open.agentID == nil,
            !open.isAgentMissingNoted
        else { return }
        state.stages[index].open?.isAgentMissingNoted = true
        let type = definition.stages[index].agent
        find(
            .agentMissing, stage: index, reason: "no \(type) agent is running",
            action: "the task waits, without a deadline, until one appears")
    }

    /// Notes, once a timer, that it fired long after it was due. Deadlines that are not judged at present count as not due.
    mutating func noteOverdueTimer(judgeDeadlines: Bool, at now: Timestamp) {
        guard let due = earliestClock(countingDeadlines: judgeDeadlines), now - due > Self.timerPatience,
            state.notedOverdue != due
        else { return }
        state.notedOverdue = due
        find(
            .timerOverdue, stage: nil, reason: "the timer was due at \(due) and nobody looked until \(now)",
            action: "what was due is done now")
    }

    /// Holds the rows of a workflow that was overdue against its state, and mends what doesn't fit.
    mutating func inspect(_ evidence: RecordEvidence, in turn: inout Turn) throws(Rejection) {
        let sequence = state.sequence
        guard evidence.sequence == sequence else { return }
        var repairs: [String] = []
        try mendAttempts(evidence, repairs: &repairs, in: &turn)
        closeOrphans(evidence, repairs: &repairs)
        mendHolds(evidence, repairs: &repairs)
        if state.recordedWake != evidence.timer {
            let found = evidence.timer.map { "was set to \($0)" } ?? "was missing"
            let wanted = state.recordedWake.map { "\($0)" } ?? "none"
            repairs.append("its timer \(found), expected \(wanted)")
            // What the table holds is written down, so that the shell sees the difference and sets it right.
            state.recordedWake = evidence.timer
            find(
                .wakeMissing, stage: nil, reason: "the timer of the workflow \(found), expected \(wanted)",
                action: "the timer is set anew")
        }
        try wake(judgeDeadlines: false, in: &turn)
        try advance(in: &turn)
        if state.phase == .running, !waitsForSomething {
            repairs.append("nothing was left that could happen")
            stop(.init(phase: .failed, fault: .nothingToWaitFor, stage: nil), actor: "orchestrator", at: turn.now)
        }
        if !repairs.isEmpty {
            record(
                .workflowRepaired, severity: .critical,
                [
                    "found": .array(repairs.map { .string($0) }),
                    "next_wake_at": .string("\(evidence.nextWake)"),
                ])
        } else if state.sequence == sequence, turn.now - evidence.nextWake > Self.timerPatience,
            let nextWake, nextWake > turn.now
        {
            // Where a deadline has passed that is not judged at present, the timer did its work.

            find(
                .wakeMissing, stage: nil,
                reason: "nobody looked at the workflow, which was to happen by \(evidence.nextWake)",
                action: "it was looked at now; nothing was due")
        }
    }

    private var waitsForSomething: Bool {
        state.stages.contains { $0.open != nil || $0.retryAt != nil || $0.questions != nil }
    }

    /// Attempts that the state holds open: a missing row means a new attempt, another mark is taken over.
    private mutating func mendAttempts(
        _ evidence: RecordEvidence, repairs: inout [String], in turn: inout Turn
    ) throws(Rejection) {
        for index in state.stages.indices {
            guard let taskID = state.stages[index].taskID, let open = state.stages[index].open else { continue }
            let attempt = state.stages[index].attempt
            let name = definition.stages[index].name
            if let row = evidence.openAttempts.first(where: { $0.taskID == taskID && $0.attempt == attempt }) {
                guard row.dispatchID != open.dispatchID else { continue }
                repairs.append("attempt \(attempt) of stage \(name) bore another mark in its row")
                state.stages[index].open?.dispatchID = row.dispatchID
                continue
            }
            repairs.append("attempt \(attempt) of stage \(name) had no open row")
            find(
                .recordMismatch, stage: index, reason: "the row of the open attempt is closed or gone",
                action: "the attempt is given up, not counted, and tried again")
            close(
                stage: index, as: .lost, fault: .recordMismatch, agentID: open.agentID, keepsResult: false)
            state.stages[index].fault = .recordMismatch
            if state.phase == .stopping {
                endCancelled(stage: index, actor: "orchestrator", at: turn.now)
                finishStopping(at: turn.now)
            } else {
                try goOn(stage: index, in: &turn)
            }
        }
    }

    /// Rows that are open though the state holds no such attempt.
    private mutating func closeOrphans(_ evidence: RecordEvidence, repairs: inout [String]) {
        for row in evidence.openAttempts {
            let isHeld = state.stages.contains {
                $0.taskID == row.taskID && $0.attempt == row.attempt && $0.open != nil
            }
            guard !isHeld else { continue }
            repairs.append("a row of task \(row.taskID), attempt \(row.attempt), was open though it is over")
            directives.append(
                .close(
                    AttemptClosing(
                        taskID: row.taskID, attempt: row.attempt, status: .lost, faultCode: "RECORD_MISMATCH",
                        agentID: nil, keepsResult: false)))
        }
    }

    /// Queued sends wait while the workflow is paused, and no longer: a held one would be let go by nobody.
    private mutating func mendHolds(_ evidence: RecordEvidence, repairs: inout [String]) {
        guard state.phase == .running || state.phase == .paused else { return }
        let isPaused = state.phase == .paused
        for (index, stage) in state.stages.enumerated() {
            guard let taskID = stage.taskID, let open = stage.open, open.cancelledAt == nil else { continue }
            let reference = AttemptReference(taskID: taskID, attempt: stage.attempt, dispatchID: open.dispatchID)
            guard let isHeld = evidence.isHeld[reference], isHeld != isPaused else { continue }
            let name = "the queued attempt \(stage.attempt) of stage \(definition.stages[index].name)"
            repairs.append(isHeld ? "\(name) was held back" : "\(name) was not held back while paused")
            directives.append(.hold(reference, isHeld: isPaused))
        }
    }

    /// Keeps the task of a stage that failed as a dead letter.
    ///
    /// - Returns: what kind of trouble it was; nil if the stage failed before it had a task.
    mutating func park(stage index: Int, _ fault: WorkflowFault) -> ParkedTask.Cause? {
        guard let taskID = state.stages[index].taskID else { return nil }
        let cause = ParkedTask.Cause(fault)
        directives.append(
            .park(
                ParkedTask(
                    stage: definition.stages[index].name, generation: state.stages[index].generation, taskID: taskID,
                    attempt: state.stages[index].attempt, fault: fault, cause: cause)))
        return cause
    }
}
