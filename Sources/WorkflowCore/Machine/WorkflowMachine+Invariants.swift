public import JSONTools

/// What must hold after every event; checked in debug builds, tests and the simulator.
extension WorkflowMachine {
    /// The invariants that do not hold, in words; empty when all is well.
    ///
    /// - Parameter now: database time of the event just applied.
    public func invariantViolations(at now: Timestamp) -> [String] {
        var found: [String] = []
        let open = state.stages.filter { $0.open != nil }
        switch state.phase {
        case .initiated:
            if !open.isEmpty { found.append("a workflow that has not started has an open attempt") }
        case .running:
            let waits = state.stages.contains { $0.open != nil || $0.retryAt != nil || $0.questions != nil }
            if !waits { found.append("a running workflow waits for nothing: no open attempt, no timer, no question") }
            if state.outcome != nil { found.append("a running workflow has an outcome") }
            for (stage, stageState) in zip(definition.stages, state.stages)
            where stage.required && stageState.phase == .failed {
                found.append("the workflow runs on though required stage \(stage.name) failed")
            }
        case .paused:
            if state.outcome != nil { found.append("a paused workflow has an outcome") }
        case .stopping:
            if open.isEmpty { found.append("a stopping workflow has nothing left to close, yet has not ended") }
            if open.contains(where: { $0.open?.cancelledAt == nil }) {
                found.append("a stopping workflow has an attempt that was not asked to stop")
            }
            if state.outcome == nil { found.append("a stopping workflow has no outcome") }
        case .completed:
            for (stage, stageState) in zip(definition.stages, state.stages) where stage.required {
                if stageState.phase != .completed && stageState.phase != .skipped {
                    found.append("completed, but required stage \(stage.name) is \(stageState.phase)")
                }
            }
            if !open.isEmpty { found.append("a completed workflow has an open attempt") }
        case .failed, .cancelled:
            if !open.isEmpty { found.append("a workflow that is \(state.phase) has an open attempt") }
            if state.outcome?.phase != state.phase { found.append("the outcome is not the phase it led to") }
        }
        if (state.phase == .paused) != (state.pause != nil) {
            found.append("phase \(state.phase) and the note of a pause don't go together")
        }
        for (index, stage) in state.stages.enumerated() {
            let name = definition.stages[index].name
            if stage.phase == .running && (stage.open == nil) == (stage.retryAt == nil) {
                found.append("running stage \(name) must have either an open attempt or a time of the next one")
            }
            if stage.phase != .running && (stage.open != nil || stage.retryAt != nil) {
                found.append("stage \(name) is \(stage.phase) and still has an attempt or a timer")
            }
            if (stage.phase == .awaitingAnswers) != (stage.questions != nil) {
                found.append("stage \(name) is \(stage.phase), which doesn't go with its questions")
            }
            if stage.phase == .running && !needsAreMet(of: index) && state.phase == .running {
                found.append("stage \(name) runs before what it needs")
            }
            if let open = stage.open, (open.agentID == nil) != (open.deadline == nil) {
                found.append("stage \(name): bound to an agent and deadline must go together")
            }
        }
        return found
    }

    /// Finished stages over all stages, 0 ... 100; 100 only when completed.
    public var progressPercent: Int {
        if state.phase == .completed { return 100 }
        let finished = state.stages.count { $0.phase == .completed || $0.phase == .skipped }
        return min(99, finished * 100 / max(1, state.stages.count))
    }

    /// The stage that is running, else the next one, else the last; what lists show.
    public var currentStage: String? {
        if let running = state.stages.firstIndex(where: { $0.phase == .running || $0.phase == .awaitingAnswers }) {
            return definition.stages[running].name
        }
        if let stage = state.outcome?.stage { return stage }
        if let pending = state.stages.firstIndex(where: { $0.phase == .pending }) {
            return definition.stages[pending].name
        }
        return definition.stages.last?.name
    }
}
