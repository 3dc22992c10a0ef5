import JSONTools

/// Running a workflow that has ended again.
extension WorkflowMachine {
    /// The stages that a retry would run again, in the order of the definition: the stage named, whatever did not end
    /// well, and all that depends on them.
    ///
    /// - Parameter stage: where to begin; nil for whatever did not end well.
    /// - Throws: ``Rejection/unknownStage(_:)``, ``Rejection/nothingToRetry``.
    public func retryPlan(from stage: String?) throws(Rejection) -> [String] {
        var plan: Set<String> = []
        if let stage {
            guard definition.index(of: stage) != nil else { throw .unknownStage(stage) }
            plan.insert(stage)
        }
        for (definition, state) in zip(definition.stages, state.stages) {
            switch state.phase {
            case .completed, .skipped: break
            case .failed: if definition.required { plan.insert(definition.name) }
            case .pending, .running, .awaitingAnswers, .cancelled: plan.insert(definition.name)
            }
        }
        guard !plan.isEmpty else { throw .nothingToRetry }
        for name in plan { plan.formUnion(definition.dependents(of: name)) }
        return definition.stages.map(\.name).filter(plan.contains)
    }

    /// Opens a new generation of the stages in the plan, with new tasks; the others keep what they have.
    mutating func retry(_ request: RetryRequest, in turn: inout Turn) throws(Rejection) {
        if let expected = request.expectedVersion, expected != state.sequence {
            throw .versionMismatch(expected: expected, found: state.sequence)
        }
        let plan = try retryPlan(from: request.fromStage)
        let before = state.phase
        enter(.running)
        state.outcome = nil
        state.endedAt = nil
        state.retriedAt = turn.now
        for name in plan {
            guard let index = definition.index(of: name) else { continue }
            var fresh = StageState()
            fresh.generation = state.stages[index].generation + 1
            state.stages[index] = fresh
        }
        directives.append(.reopen(actor: request.actor, stages: plan))
        record(
            .workflowRetried, severity: .warning, actor: request.actor,
            [
                "from_stage": request.fromStage.map { .string($0) } ?? .null, "was": .string(before.rawValue),
                "stages": .array(plan.map { .string($0) }),
            ])
        try advance(in: &turn)
    }
}
