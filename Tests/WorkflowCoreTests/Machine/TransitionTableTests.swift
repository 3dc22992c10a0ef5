import JSONTools
import Testing
import WorkflowCore

@Suite("The transition table")
struct TransitionTableTests {
    /// Brings a fresh workflow into a phase.
    private func harness(in phase: WorkflowState.Phase) throws -> (MachineHarness, AttemptReference) {
        var harness = MachineHarness([try .test("one", attempts: 1)])
        var reference = AttemptReference(
            taskID: UniqueID.v7(at: harness.now, using: &harness.entropy), attempt: 1, dispatchID: 7)
        guard phase != .initiated else { return (harness, reference) }
        try harness.apply(.start(actor: "ann"))
        reference = try #require(harness.reference("one"))
        switch phase {
        case .initiated, .running: break
        case .paused: try harness.apply(.pause(actor: "bob", reason: "lunch"))
        case .stopping: try harness.apply(.cancel(actor: "bob", reason: ""))
        case .completed: try harness.apply(harness.result("one"))
        case .failed: try harness.apply(harness.result("one", .failure))
        case .cancelled:
            try harness.apply(.cancel(actor: "bob", reason: ""))
            try harness.apply(.leaseExpired(reference, agentID: "agent-1"))
        }
        #expect(harness.machine.state.phase == phase)
        return (harness, reference)
    }

    private func event(
        _ name: WorkflowEvent.Name, _ reference: AttemptReference, sequence: Int64
    ) -> WorkflowEvent {
        switch name {
        case .start: .start(actor: "ann")
        case .taskStarted: .taskStarted(reference, agentID: "agent-1")
        case .taskFinished:
            .taskFinished(
                AttemptOutcome(reference: reference, stage: "one", agentID: "agent-1", status: .success))
        case .leaseExpired: .leaseExpired(reference, agentID: "agent-1")
        case .abandoned: .abandoned(reference, agentID: "agent-1")
        case .sendLost: .sendLost(reference, reason: .notOnStream)
        case .agentMissing: .agentMissing(reference)
        case .inspected:
            .inspected(
                RecordEvidence(
                    sequence: sequence, openAttempts: [reference], timer: nil, nextWake: MachineHarness.epoch))
        case .pause: .pause(actor: "bob", reason: "")
        case .resume: .resume(actor: "bob")
        case .retry: .retry(RetryRequest(actor: "bob", fromStage: "one"))
        case .answers: .answers(AnswerSet(actor: "bob", values: [GivenAnswer(id: "q1", value: "yes")]))
        case .wake: .wake(judgeDeadlines: true)
        case .cancel: .cancel(actor: "bob", reason: "")
        }
    }

    @Test(
        "every event in every phase does what its rule says",
        arguments: WorkflowState.Phase.allCases, WorkflowEvent.Name.allCases)
    func enumerated(phase: WorkflowState.Phase, name: WorkflowEvent.Name) throws {
        var (harness, reference) = try harness(in: phase)
        let before = harness.machine.state
        let event = event(name, reference, sequence: before.sequence)
        switch TransitionTable.rule(for: name, in: phase) {
        case .ignored:
            #expect(try harness.apply(event).isEmpty)
            #expect(harness.machine.state == before)
        case .rejected:
            #expect(throws: Rejection.conflict(event: name, phase: phase)) { try harness.apply(event) }
            #expect(harness.machine.state == before)
        case .recordedNoOp:
            let produced = try harness.apply(event)
            #expect(produced.allSatisfy { if case .record = $0 { true } else { false } })
            #expect(harness.machine.state.phase == phase)
            #expect(harness.machine.state.stages.map(\.phase) == before.stages.map(\.phase))
        case .applies where name == .answers:
            // Here nobody asked; the tests of questions answer.
            #expect(throws: Rejection.noOpenQuestions(stage: nil)) { try harness.apply(event) }
        case .applies:
            try harness.apply(event)
            let after = harness.machine.state.phase
            let reachable = TransitionTable.successors(of: phase).union([phase])
            let beyond = reachable.union(reachable.flatMap { TransitionTable.successors(of: $0) })
            #expect(beyond.contains(after), "\(phase) → \(after) by \(name)")
        }
        #expect(harness.machine.invariantViolations(at: harness.now).isEmpty)
    }

    @Test("only a retry leads out of a terminal phase: to running, with the stages concerned pending again")
    func terminality() {
        for phase in WorkflowState.Phase.allCases {
            #expect((TransitionTable.successors(of: phase) == [.running]) == phase.isTerminal)
            #expect((TransitionTable.rule(for: .retry, in: phase) == .applies) == phase.isTerminal)
        }
        for phase in StageState.Phase.allCases {
            #expect((TransitionTable.successors(of: phase) == [.pending]) == phase.isClosed)
        }
    }

    @Test("every phase but the first can be reached, and from every phase a terminal one can")
    func reachability() {
        func reach(_ start: WorkflowState.Phase) -> Set<WorkflowState.Phase> {
            var seen: Set<WorkflowState.Phase> = [start]
            var open = [start]
            while let phase = open.popLast() {
                for next in TransitionTable.successors(of: phase) where seen.insert(next).inserted { open.append(next) }
            }
            return seen
        }
        #expect(reach(.initiated) == Set(WorkflowState.Phase.allCases))
        for phase in WorkflowState.Phase.allCases { #expect(reach(phase).contains { $0.isTerminal }) }
    }
}
