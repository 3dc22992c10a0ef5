import JSONTools
import Testing
import WorkflowCore

@Suite("Random walks of the machine")
struct MachineWalkTests {
    /// What an event may be about: the open attempt, or one of the past.
    private func reference(
        _ harness: MachineHarness, _ past: [AttemptReference], _ source: inout EntropySource
    ) -> AttemptReference? {
        let open = harness.machine.definition.stages.compactMap { harness.reference($0.name) }
        let pool = source.next() % 4 == 0 ? past : open
        return pool.isEmpty ? nil : pool[Int(source.next() % UInt64(pool.count))]
    }

    @Test("any order of events keeps the invariants, ends, and completes each stage at most once")
    func walks() throws {
        for seed in UInt64(1)...400 {
            var source = EntropySource(seed: seed)
            var harness = MachineHarness(
                [
                    try .test("one", attempts: 2), try .test("two", needs: ["one"], required: false),
                    try .test("three", needs: ["two"], condition: "stages.one.status == 'completed'"),
                    try .test("four", needs: ["three"]),
                ], totalTimeout: seed % 3 == 0 ? .seconds(400) : nil, seed: seed)
            var past: [AttemptReference] = []
            try harness.apply(.start(actor: "ann"))
            var steps = 0
            while !harness.machine.state.phase.isTerminal {
                steps += 1
                try #require(steps < 5000, "seed \(seed) doesn't end: \(harness.machine.state)")
                harness.now += .milliseconds(Int64(source.next() % 15_000))
                let event = next(harness, past, &source)
                if let open = harness.machine.definition.stages.compactMap({ harness.reference($0.name) }).first {
                    past.append(open)
                }
                do {
                    try harness.apply(event)
                } catch let rejection as Rejection {
                    guard case .conflict = rejection else { throw rejection }
                }
                let violations = harness.machine.invariantViolations(at: harness.now)
                try #require(violations.isEmpty, "seed \(seed), \(event.name): \(violations)")
            }
            let completed = harness.trail.filter { $0.kind == .stageCompleted }.compactMap { $0.data["stage"] }
            #expect(Set(completed).count == completed.count, "seed \(seed) completed a stage twice")
            #expect(
                harness.trail.map(\.sequence) == (1...Int64(harness.trail.count)).map { $0 }, "seed \(seed) has a gap")
            let opened = harness.directives.count { if case .dispatch = $0 { true } else { false } }
            let closed = harness.directives.count { if case .close = $0 { true } else { false } }
            #expect(opened == closed, "seed \(seed): \(opened) attempts opened, \(closed) closed")
        }
    }

    private func next(
        _ harness: MachineHarness, _ past: [AttemptReference], _ source: inout EntropySource
    ) -> WorkflowEvent {
        guard let reference = reference(harness, past, &source) else {
            return .wake(judgeDeadlines: source.next() % 2 == 0)
        }
        let stage =
            harness.machine.definition.stages.indices.first {
                harness.machine.state.stages[$0].taskID == reference.taskID
            }.map { harness.machine.definition.stages[$0].name } ?? "one"
        let agent = "agent-\(source.next() % 2)"
        switch source.next() % 12 {
        case 0, 1, 2, 3:
            let statuses = AttemptOutcome.Status.allCases
            let status = source.next() % 2 == 0 ? .success : statuses[Int(source.next() % UInt64(statuses.count))]
            return .taskFinished(
                AttemptOutcome(reference: reference, stage: stage, agentID: agent, status: status))
        case 4, 5: return .taskStarted(reference, agentID: agent)
        case 6: return .leaseExpired(reference, agentID: agent)
        case 7: return .abandoned(reference, agentID: agent)
        case 8: return .sendLost(reference)
        case 9 where source.next() % 8 == 0: return .cancel(actor: "bob", reason: "")
        default: return .wake(judgeDeadlines: source.next() % 2 == 0)
        }
    }
}
