import JSONTools
import WorkflowCore

/// A machine with a clock and a memory: what tests drive.
struct MachineHarness {
    static let epoch = Timestamp(milliseconds: 1_760_000_000_000)

    var machine: WorkflowMachine
    var now = MachineHarness.epoch
    var entropy: EntropySource
    /// Outputs as the store would keep them.
    var outputs: [String: StageOutput] = [:]
    /// Every directive so far.
    var directives: [Directive] = []

    init(_ stages: [StageDefinition], totalTimeout: Swift.Duration? = nil, seed: UInt64 = 1) {
        var entropy = EntropySource(seed: seed)
        let facts = WorkflowFacts(
            id: UniqueID.v7(at: MachineHarness.epoch, using: &entropy), type: "test", name: "a test",
            input: ["skip": false], traceID: String(repeating: "a", count: 32))
        machine = WorkflowMachine(
            definition: WorkflowDefinition(
                name: "test", description: "", input: nil, totalTimeout: totalTimeout, stages: stages), facts: facts)
        self.entropy = entropy
    }

    /// Applies an event as the Advancer would: outputs are given only when asked for; the state goes through its
    /// stored form.
    @discardableResult
    mutating func apply(_ event: WorkflowEvent) throws -> [Directive] {
        machine = WorkflowMachine(
            definition: machine.definition, facts: machine.facts,
            state: try WorkflowState(decoding: machine.state.encoded()))
        var given: [String: StageOutput] = [:]
        while true {
            do throws(Rejection) {
                let produced = try machine.apply(event, at: now, outputs: given, using: &entropy)
                keep(produced)
                return produced
            } catch .outputsNeeded(let stages) {
                for stage in stages { given[stage] = outputs[stage] }
                if stages.contains(where: { given[$0] == nil }) { throw Rejection.outputsNeeded(stages) }
            } catch {
                throw error
            }
        }
    }

    private mutating func keep(_ produced: [Directive]) {
        directives += produced
        for case .accept(let acceptance) in produced {
            outputs[acceptance.stage] = StageOutput(
                output: acceptance.output, commit: acceptance.commit, artifacts: acceptance.artifacts)
        }
    }

    func stage(_ name: String) -> StageState {
        guard let index = machine.definition.index(of: name) else {
            preconditionFailure("the test's definition has no stage \(name)")
        }
        return machine.state.stages[index]
    }

    /// The open attempt of a stage.
    func reference(_ name: String) -> AttemptReference? {
        let stage = stage(name)
        guard let taskID = stage.taskID, let open = stage.open else { return nil }
        return AttemptReference(taskID: taskID, attempt: stage.attempt, dispatchID: open.dispatchID)
    }

    /// A result for the open attempt of a stage.
    func result(
        _ name: String, _ status: AttemptOutcome.Status = .success, agent: String = "agent-1",
        output: JSONValue = .object([:]), commit: String? = nil, faults: [WorkflowFault] = [],
        questions: [AskedQuestion] = []
    ) -> WorkflowEvent {
        guard let reference = reference(name) else { preconditionFailure("stage \(name) has no open attempt") }
        return .taskFinished(
            AttemptOutcome(
                reference: reference, stage: name, agentID: agent, status: status, output: output, commit: commit,
                faults: faults, questions: questions))
    }

    /// The orders to dispatch so far.
    var orders: [AttemptOrder] {
        directives.compactMap { directive in
            if case .dispatch(let order) = directive { return order }
            return nil
        }
    }

    /// The names of the stages in a phase.
    func stages(in phase: StageState.Phase) -> [String] {
        zip(machine.definition.stages, machine.state.stages).filter { $1.phase == phase }.map(\.0.name)
    }

    /// What the rows of this workflow would say if they fitted its state.
    var evidence: RecordEvidence {
        RecordEvidence(
            sequence: machine.state.sequence,
            openAttempts: machine.definition.stages.compactMap { reference($0.name) },
            timer: machine.state.recordedWake, nextWake: now - .seconds(120))
    }

    /// The audit records so far.
    var trail: [AuditRecord] {
        directives.compactMap { directive in
            if case .record(let record) = directive { return record }
            return nil
        }
    }
}

extension StageDefinition {
    /// A stage for tests: no backoff jitter, so that times are exact.
    static func test(
        _ name: String, needs: [String] = [], workspace: WorkspaceUse = .none, with template: JSONValue = .object([:]),
        condition: String? = nil, required: Bool = true, attempts: Int = 3, onPartial: UnmetReaction = .fail
    ) throws -> StageDefinition {
        StageDefinition(
            name: name, agent: "scaffold", action: "noop", workspace: workspace, needs: needs,
            with: try CompiledTemplate(template), condition: try condition.map { try CompiledExpression(source: $0) },
            required: required, timeout: .seconds(60),
            retry: RetryPolicy(
                maxAttempts: attempts, initial: .seconds(1), factor: 2, max: .seconds(60), jitter: .none),
            onFailure: required ? .fail : .continue, onPartial: onPartial)
    }
}
