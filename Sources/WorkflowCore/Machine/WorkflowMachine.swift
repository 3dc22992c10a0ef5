public import JSONTools

/// One workflow as a value: its pinned definition, its facts, its state. Applying an event gives what has to be done.
///
/// No clock, no I/O, no logger: time comes in as `now` (database time), ids and jitter from an ``EntropySource``. The
/// shell loads the value, applies events, writes state and directives in one transaction, then acts.
public struct WorkflowMachine: Sendable {
    /// How long a cancelled attempt may take to answer before it counts as closed.
    public static let cancelGrace: Swift.Duration = .seconds(20)
    /// The same for an attempt that no agent has said it runs: one that took it in that moment says so within a quarter of
    /// a second, is told to stop, and its result is set aside.
    public static let unboundCancelGrace: Swift.Duration = .seconds(2)

    /// The definition that the workflow is pinned to, whatever was stored under its name since.
    public let definition: WorkflowDefinition
    /// What never changes of the workflow.
    public let facts: WorkflowFacts
    /// Where the workflow is; changed by ``apply(_:at:outputs:using:)`` alone.
    public internal(set) var state: WorkflowState

    /// Directives of the event being applied.
    var directives: [Directive] = []

    /// A workflow that was just recorded, before its start.
    public init(definition: WorkflowDefinition, facts: WorkflowFacts) {
        self.init(definition: definition, facts: facts, state: WorkflowState(stageCount: definition.stages.count))
    }

    /// A workflow as loaded from the record.
    ///
    /// - Precondition: `state` has as many stages as `definition`; the store pins the definition by hash.
    public init(definition: WorkflowDefinition, facts: WorkflowFacts, state: WorkflowState) {
        precondition(
            definition.stages.count == state.stages.count,
            "a state of \(state.stages.count) stages does not belong to a definition of \(definition.stages.count)")
        self.definition = definition
        self.facts = facts
        self.state = state
    }

    /// Applies one event. Applying the same event twice has the effect of applying it once.
    ///
    /// - Parameters:
    ///   - event: what happened.
    ///   - now: database time of the batch.
    ///   - outputs: outputs of stages that completed in earlier batches, as far as loaded.
    ///   - entropy: source of dispatch marks, task ids and jitter.
    /// - Returns: what has to be done, in order.
    /// - Throws: ``Rejection``; then nothing has changed.
    public mutating func apply(
        _ event: WorkflowEvent,
        at now: Timestamp,
        outputs: [String: StageOutput] = [:],
        using entropy: inout EntropySource
    ) throws(Rejection) -> [Directive] {
        switch TransitionTable.rule(for: event.name, in: state.phase) {
        case .ignored:
            return []
        case .rejected:
            throw .conflict(event: event.name, phase: state.phase)
        case .recordedNoOp, .applies:
            break
        }
        var next = self
        var turn = Turn(now: now, outputs: outputs, entropy: entropy)
        try next.carryOut(event, in: &turn)
        entropy = turn.entropy
        let result = next.directives
        next.directives = []
        self = next
        assert(invariantViolations(at: now).isEmpty, "\(invariantViolations(at: now)) after \(event.name)")
        return result
    }

    private mutating func carryOut(_ event: WorkflowEvent, in turn: inout Turn) throws(Rejection) {
        switch event {
        case .start(let actor):
            try start(actor: actor, in: &turn)
        case .taskStarted(let reference, let agentID):
            bind(reference, to: agentID, in: &turn)
        case .taskFinished(let outcome):
            try finish(with: outcome, in: &turn)
        case .leaseExpired(let reference, let agentID):
            try lose(reference, agentID: agentID, counted: true, in: &turn)
        case .abandoned(let reference, let agentID):
            try lose(reference, agentID: agentID, counted: false, in: &turn)
        case .sendLost(let reference, let reason):
            sendAgain(reference, reason: reason, in: &turn)
        case .agentMissing(let reference):
            noteMissingAgent(reference)
        case .inspected(let evidence):
            try inspect(evidence, in: &turn)
        case .wake(let judgeDeadlines):
            try wake(judgeDeadlines: judgeDeadlines, in: &turn)
        case .cancel(let actor, let reason):
            cancel(actor: actor, reason: reason, in: &turn)
        case .pause(let actor, let reason):
            pause(actor: actor, reason: reason, at: turn.now)
        case .resume(let actor):
            try resume(actor: actor, in: &turn)
        case .retry(let request):
            try retry(request, in: &turn)
        case .answers(let answers):
            try take(answers, in: &turn)
        }
    }

    /// What one event may draw on.
    struct Turn {
        let now: Timestamp
        var outputs: [String: StageOutput]
        var entropy: EntropySource
    }
}

extension WorkflowMachine {
    /// Index of the stage whose open attempt is exactly this send; nil if there is none.
    func stageIndex(holding reference: AttemptReference) -> Int? {
        state.stages.firstIndex { stage in
            stage.taskID == reference.taskID && stage.attempt == reference.attempt
                && stage.open?.dispatchID == reference.dispatchID
        }
    }

    /// Moves the workflow to another phase along the table.
    mutating func enter(_ phase: WorkflowState.Phase) {
        precondition(
            TransitionTable.successors(of: state.phase).contains(phase), "no transition \(state.phase) → \(phase)")
        state.phase = phase
    }

    /// Moves a stage to another phase along the table, closing its books when it has ended.
    mutating func enter(_ phase: StageState.Phase, stage index: Int, at now: Timestamp) {
        precondition(
            TransitionTable.successors(of: state.stages[index].phase).contains(phase),
            "no transition \(state.stages[index].phase) → \(phase) of stage \(definition.stages[index].name)")
        state.stages[index].phase = phase
        if phase != .awaitingAnswers { state.stages[index].questions = nil }
        if phase.isClosed {
            state.stages[index].open = nil
            state.stages[index].retryAt = nil
            state.stages[index].answers = []
            state.stages[index].endedAt = now
        } else if phase == .running, state.stages[index].startedAt == nil {
            state.stages[index].startedAt = now
        }
    }

    /// Appends to the audit trail.
    mutating func record(
        _ kind: AuditKind,
        severity: AuditRecord.Severity = .info,
        actor: String = "orchestrator",
        _ data: JSONObject = [:]
    ) {
        state.sequence += 1
        directives.append(
            .record(
                AuditRecord(sequence: state.sequence, kind: kind, severity: severity, actor: actor, data: data)))
    }
}
