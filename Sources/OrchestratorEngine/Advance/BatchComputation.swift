import AgentProtocol
package import JSONTools
public import WorkflowCore
public import WorkflowStorage

/// One batch as a value: what was loaded and what was submitted go in, what is to be written and sent comes out.
///
/// Pure: no clock, no I/O. The ``Advancer`` is the shell around it.
public struct BatchComputation: Sendable {
    /// A workflow as it was when the batch locked it.
    public struct Loaded: Sendable {
        /// The workflow as a value.
        public var machine: WorkflowMachine
        /// SHA-256 of the pinned definition in canonical JSON, 64 lower-case hex digits.
        public var definitionHash: String
        /// Version of the row before the batch, from 1.
        public var version: Int64

        /// A locked workflow.
        public init(machine: WorkflowMachine, definitionHash: String, version: Int64) {
            self.machine = machine
            self.definitionHash = definitionHash
            self.version = version
        }
    }

    /// What is to be written, in one transaction.
    public private(set) var save: BatchSave
    /// What is to be done once that is committed.
    public private(set) var effects = BatchEffects()
    var entropy: EntropySource
    /// Who waits for which of the created workflows, and where its first attempts stand among the batch's tasks.
    private var requested: [(origin: Submission.Origin, index: Int, tasks: Range<Int>)] = []
    /// The states that are written, as they will be in the record.
    private(set) var written: [KnownState] = []
    /// What it does with the send windows, by type of agent.
    private(set) var use: [String: SendWindow.Use] = [:]
    let envelopes: EnvelopeFactory

    /// An empty batch.
    ///
    /// - Parameters:
    ///   - id: identity of the batch.
    ///   - now: database time.
    ///   - entropy: source of ids, dispatch marks and jitter.
    ///   - envelopes: how attempts become messages.
    package init(id: UniqueID, now: Timestamp, entropy: EntropySource, envelopes: EnvelopeFactory) {
        save = BatchSave(id: id, now: now)
        self.entropy = entropy
        self.envelopes = envelopes
    }

    /// Records a workflow and starts it.
    public mutating func create(_ creation: Creation, definition: WorkflowDefinition, origin: Submission.Origin) {
        let id = UniqueID.v7(at: save.now, using: &entropy)
        let facts = WorkflowFacts(
            id: id, type: creation.type, name: creation.name, description: creation.description,
            requirements: creation.requirements, priority: creation.priority, input: creation.input,
            traceID: creation.traceID ?? hexDigits(entropy.next(), entropy.next()))
        var machine = WorkflowMachine(definition: definition, facts: facts)
        let directives: [Directive]
        do {
            directives = try machine.apply(.start(actor: creation.createdBy), at: save.now, using: &entropy)
        } catch {
            preconditionFailure("a new workflow can always start and reads no outputs: \(error)")
        }
        let firstTask = save.tasks.count
        translate(directives, of: machine, result: nil)
        save.created.append(
            NewWorkflow(
                facts: facts, definitionHash: creation.definitionHash, definitionVersion: creation.definitionVersion,
                tenant: creation.tenant, createdBy: creation.createdBy, idempotencyKey: creation.idempotencyKey,
                bodyHash: creation.bodyHash))
        save.createdSummaries.append(WorkflowSummary(of: machine, version: 1))
        let wake = setTimer(of: &machine)
        save.newStates.append(
            BatchSave.State(
                id: id, definitionHash: creation.definitionHash, version: 1, isTerminal: machine.state.phase.isTerminal,
                bytes: machine.state.encoded(), nextWake: wake))
        written.append(KnownState(id: id, version: 1, state: machine.state))
        requested.append((origin, written.count - 1, firstTask..<save.tasks.count))
    }

    /// Applies what was submitted for one workflow, in order.
    ///
    /// - Returns: the stages whose outputs have to be loaded first; empty when all was applied. If it isn't empty,
    ///   nothing was applied.
    public mutating func apply(
        _ submissions: [Submission], to loaded: Loaded, outputs: [String: StageOutput]
    ) -> Set<String> {
        // What follows is kept apart until all events went through: a copy of the batch to fall back on would have all
        // its arrays copied for each workflow.
        var source = entropy
        var machine = loaded.machine
        var known = outputs
        var steps: [(origin: Submission.Origin, directives: [Directive], outcome: SubmissionOutcome)] = []
        for submission in submissions {
            guard case .event(let event, _) = submission.body else {
                preconditionFailure("a creation is not applied to a loaded workflow")
            }
            do throws(Rejection) {
                let directives = try machine.apply(event, at: save.now, outputs: known, using: &source)
                for case .accept(let acceptance) in directives { known[acceptance.stage] = StageOutput(acceptance) }
                steps.append((submission.origin, directives, .done(machine.facts.id)))
            } catch {
                switch error {
                case .outputsNeeded(let stages): return stages
                case .conflict(_, let phase): steps.append((submission.origin, [], .conflict(phase)))
                case .versionMismatch, .unknownStage, .nothingToRetry, .noOpenQuestions, .severalStagesAsk,
                    .roundMismatch, .invalidAnswers:
                    steps.append((submission.origin, [], .rejected(error)))
                }
            }
        }
        entropy = source
        for step in steps {
            translate(step.directives, of: machine, result: step.origin)
            settle(step.origin, with: step.outcome)
        }
        // A workflow that was inspected is written though nothing changed: its next look moves on.
        if machine.state != loaded.machine.state || submissions.contains(where: \.isInspection) {
            write(&machine, loaded: loaded)
        }
        return []
    }

    /// Answers a submission that found no workflow.
    public mutating func answerUnknown(_ submission: Submission) {
        if case .result(_, _, _, _, let bytes) = submission.origin {
            let letter = DeadLetter(
                kind: .message, source: "orchestrator:results", cause: "UNKNOWN_WORKFLOW",
                detail: "no workflow has the id that this result names", bytes: bytes)
            save.deadLetters.append(letter)
            effects.deadLetters.append(letter)
        }
        settle(submission.origin, with: .unknownWorkflow)
    }

    /// Answers a creation whose key was used before.
    public mutating func answer(_ origin: Submission.Origin, with outcome: SubmissionOutcome) {
        settle(origin, with: outcome)
    }

    /// Sends the new tasks, as far as there is room for them, now that all is applied; the others are recorded as queued.
    ///
    /// - Parameters:
    ///   - window: how much may be sent; nil for no limit.
    ///   - mayRelease: whether queued tasks may be let go in the same transaction.
    /// - Returns: what is let go. Each release has to be answered by ``SendWindow/released(_:got:)``.
    package mutating func send(within window: inout SendWindow?, mayRelease: Bool) -> [SendWindow.Release] {
        let releases = window?.decide(&use, mayRelease: mayRelease)
        save.releases = (releases ?? []).map { ($0.agentType, $0.count, $0.turn) }
        var sent: [String: Int] = [:]
        for (index, task) in save.tasks.enumerated() {
            if releases != nil {
                sent[task.agentType, default: 0] += 1
                guard sent[task.agentType, default: 0] <= use[task.agentType]?.sent ?? 0 else {
                    save.tasks[index].isQueued = true
                    continue
                }
            }
            effects.sends.append(
                BatchEffects.Send(
                    workflowID: task.workflowID, agentType: task.agentType, priority: task.priority,
                    reference: task.reference, payload: task.payload))
        }
        // Only now is it known which of them are queued.
        for (place, request) in requested.enumerated() {
            let created = CreatedWorkflow(
                workflow: save.created[place], summary: save.createdSummaries[place],
                state: written[request.index].state, tasks: Array(save.tasks[request.tasks]), at: save.now)
            settle(request.origin, with: .created(created))
        }
        return releases ?? []
    }

    private mutating func write(_ machine: inout WorkflowMachine, loaded: Loaded) {
        let wake = setTimer(of: &machine)
        let version = loaded.version + 1
        let isTerminal = machine.state.phase.isTerminal
        save.states.append(
            BatchSave.State(
                id: machine.facts.id, definitionHash: loaded.definitionHash, version: version, isTerminal: isTerminal,
                bytes: machine.state.encoded(), nextWake: wake))
        written.append(KnownState(id: machine.facts.id, version: version, state: machine.state))
        let summary = WorkflowSummary(of: machine, version: version)
        // What people look for at once: an end, and a new beginning.
        if isTerminal || loaded.machine.state.phase.isTerminal || machine.state.phase != loaded.machine.state.phase {
            save.summaries.append(summary)
            effects.current.append(machine.facts.id)
        } else {
            effects.summaries.append(summary)
        }
    }

    /// Keeps the timers table in step with the machine's earliest clock.
    ///
    /// - Returns: the lower bound for `next_wake_at`: that clock, or a look in a day.
    private mutating func setTimer(of machine: inout WorkflowMachine) -> Timestamp {
        let wake = machine.nextWake
        if machine.state.recordedWake != wake {
            save.timers.append((workflowID: machine.facts.id, due: wake))
            machine.noteRecordedWake(wake)
        }
        return wake ?? save.now + .seconds(86_400)
    }

    private mutating func settle(_ origin: Submission.Origin, with outcome: SubmissionOutcome) {
        switch origin {
        case .result(let entryID, let agentType, let agentID, let reference, _):
            effects.acknowledgements.append(entryID)
            effects.settled.append(
                BatchEffects.Settled(agentType: agentType, agentID: agentID, reference: reference))
        case .caller(let token):
            effects.replies.append((token, outcome))
        case .watch:
            break
        }
    }

    /// Only facts and definition of the machine count here, not its state: further events may have been applied since.
    private mutating func translate(
        _ directives: [Directive], of machine: WorkflowMachine, result origin: Submission.Origin?
    ) {
        let id = machine.facts.id
        for directive in directives {
            switch directive {
            case .dispatch(let order):
                dispatch(order, of: machine)
            case .sendAgain(let reference, _):
                save.sentAgain.append((workflowID: id, reference: reference))
            case .bind(let reference, let agentID, let deadline):
                save.bindings.append(
                    BatchSave.Binding(workflowID: id, reference: reference, agentID: agentID, deadline: deadline))
            case .close(let closing):
                var bytes: [UInt8]?
                if closing.keepsResult, case .result(_, _, _, _, let body)? = origin { bytes = body }
                save.closings.append(BatchSave.Closing(workflowID: id, closing: closing, result: bytes))
                effects.closed.append(closing.taskID)
                // What no agent had may never have been sent; the sweeper counts it.
                if closing.agentID != nil,
                    let stage = machine.state.stages.firstIndex(where: { $0.taskID == closing.taskID })
                {
                    use[machine.definition.stages[stage].agent, default: SendWindow.Use()].closed += 1
                }
            case .stop(let reference, let stage):
                save.stopping.append((workflowID: id, reference: reference))
                effects.stops.append(
                    BatchEffects.Stop(agentType: machine.definition.stages[stage].agent, reference: reference))
            case .accept(let acceptance):
                save.outputs.append((workflowID: id, acceptance: acceptance))
                if let commit = acceptance.commit {
                    effects.commits.append(
                        BatchEffects.AcceptedCommit(
                            workflowID: id, stage: acceptance.stage, generation: acceptance.generation, commit: commit))
                }
            case .ask(let round):
                save.questions += NewQuestion.all(of: round, workflowID: id)
            case .closeRound(let round):
                save.answered.append(AnsweredRound(round, workflowID: id))
            case .park(let task):
                save.parked.append(NewParkedTask(task, workflowID: id))
            case .hold(let reference, let isHeld):
                save.holds.append((workflowID: id, reference: reference, isHeld: isHeld))
            case .reopen(let actor, let stages):
                save.reopened.append((workflowID: id, actor: actor, stages: stages))
            case .record(let record):
                save.events.append((workflowID: id, record: record))
                effects.events.append(BatchEffects.Published(workflowID: id, record: record, at: save.now))
            case .finish:
                break
            }
        }
    }

    private mutating func dispatch(_ order: AttemptOrder, of machine: WorkflowMachine) {
        let stage = machine.definition.stages[order.stage]
        let payload = envelopes.body(for: order, of: machine, at: save.now, spanID: entropy.next())
        use[stage.agent, default: SendWindow.Use()].new += 1
        save.tasks.append(
            NewTask(
                workflowID: machine.facts.id, reference: order.reference, stage: stage.name,
                generation: order.generation, agentType: stage.agent, action: stage.action,
                priority: machine.facts.priority, payload: payload))
    }
}

/// Two words as 32 lower-case hex digits.
func hexDigits(_ high: UInt64, _ low: UInt64) -> String {
    let id = UniqueID(high: high, low: low)
    return String("\(id)".filter { $0 != "-" })
}
