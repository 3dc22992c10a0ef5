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

    private func event(_ name: WorkflowEvent.Name, _ reference: AttemptReference) -> WorkflowEvent {
        switch name {
        case .start: .start(actor: "ann")
        case .taskStarted: .taskStarted(reference, agentID: "agent-1")
        case .taskFinished:
            .taskFinished(
                AttemptOutcome(reference: reference, stage: "one", agentID: "agent-1", status: .success))
        case .leaseExpired: .leaseExpired(reference, agentID: "agent-1")
        case .abandoned: .abandoned(reference, agentID: "agent-1")
        case .sendLost: .sendLost(reference)
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
        let event = event(name, reference)
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
        case .applies:
            try harness.apply(event)
            let after = harness.machine.state.phase
            let reachable = TransitionTable.successors(of: phase).union([phase])
            let beyond = reachable.union(reachable.flatMap { TransitionTable.successors(of: $0) })
            #expect(beyond.contains(after), "\(phase) → \(after) by \(name)")
        }
        #expect(harness.machine.invariantViolations(at: harness.now).isEmpty)
    }

    @Test("a terminal phase has no successors, every other has")
    func terminality() {
        for phase in WorkflowState.Phase.allCases {
            #expect(TransitionTable.successors(of: phase).isEmpty == phase.isTerminal)
        }
        for phase in StageState.Phase.allCases {
            #expect(TransitionTable.successors(of: phase).isEmpty == phase.isClosed)
        }
    }
}
