import JSONTools
import Testing
import WorkflowCore

@Suite("Random walks of the machine")
struct MachineWalkTests {
    /// One walk: a machine, the sends of the past, and what decides.
    private struct Walk {
        var harness: MachineHarness
        var source: EntropySource
        var past: [AttemptReference] = []
        /// How often the workflow was retried; a walk retries at most twice.
        var retries = 0

        init(seed: UInt64) throws {
            source = EntropySource(seed: seed)
            harness = MachineHarness(
                try seed % 2 == 0 ? Walk.sequence() : Walk.graph(), totalTimeout: seed % 3 == 0 ? .seconds(400) : nil,
                seed: seed)
        }

        private static func sequence() throws -> [StageDefinition] {
            [
                try .test("one", attempts: 2), try .test("two", needs: ["one"], required: false),
                try .test("three", needs: ["two"], condition: "stages.one.status == 'completed'"),
                try .test("four", needs: ["three"]),
            ]
        }

        private static func graph() throws -> [StageDefinition] {
            [
                try .test("one", workspace: .write), try .test("two", needs: ["one"], attempts: 2),
                try .test("three", needs: ["one"], required: false, attempts: 1),
                try .test("four", needs: ["one"], workspace: .write, onPartial: .continue),
                try .test("five", needs: ["two", "three"], with: ["n": "{{ stages.two.output }}"]),
                try .test("six", needs: ["five", "four"]),
            ]
        }

        mutating func number(below bound: Int) -> Int { Int(source.next() % UInt64(bound)) }

        mutating func oneIn(_ count: Int) -> Bool { number(below: count) == 0 }

        /// What an event may be about: an open attempt, or one of the past.
        private mutating func reference() -> AttemptReference? {
            let open = harness.machine.definition.stages.compactMap { harness.reference($0.name) }
            let pool = oneIn(4) ? past : open
            return pool.isEmpty ? nil : pool[number(below: pool.count)]
        }

        private func stageName(of reference: AttemptReference) -> String {
            let state = harness.machine.state
            return state.stages.firstIndex { $0.taskID == reference.taskID }.map {
                harness.machine.definition.stages[$0].name
            } ?? "one"
        }

        private mutating func answers() -> WorkflowEvent? {
            let asking = zip(harness.machine.definition.stages, harness.machine.state.stages).filter {
                $1.questions != nil
            }
            guard let (stage, state) = asking.first, let questions = state.questions else { return nil }
            return .answers(
                AnswerSet(
                    actor: "eve", stage: stage.name, values: questions.ids.map { GivenAnswer(id: $0, value: "yes") }))
        }

        mutating func next() -> WorkflowEvent {
            if harness.machine.state.phase.isTerminal {
                retries += 1
                return .retry(RetryRequest(actor: "bob", fromStage: oneIn(2) ? "one" : nil))
            }
            switch number(below: 30) {
            case 0: return .pause(actor: "bob", reason: "")
            case 1, 2, 3: return .resume(actor: "bob")
            case 4 where oneIn(6): return .cancel(actor: "bob", reason: "")
            case 5:
                var evidence = harness.evidence
                if oneIn(3), !evidence.openAttempts.isEmpty { evidence.openAttempts.removeLast() }
                if oneIn(3) { evidence.openAttempts += past.suffix(1) }
                return .inspected(evidence)
            case 6, 7, 8:
                if let answers = answers() { return answers }
            default: break
            }
            guard let reference = reference() else { return .wake(judgeDeadlines: oneIn(2)) }
            let agent = "agent-\(number(below: 2))"
            switch number(below: 12) {
            case 0, 1, 2, 3, 4:
                let statuses = AttemptOutcome.Status.allCases
                let status = oneIn(2) ? .success : statuses[number(below: statuses.count)]
                return .taskFinished(
                    AttemptOutcome(
                        reference: reference, stage: stageName(of: reference), agentID: agent, status: status,
                        questions: oneIn(3) ? [] : [AskedQuestion(id: "q", text: "Really?")]))
            case 5, 6: return .taskStarted(reference, agentID: agent)
            case 7: return .leaseExpired(reference, agentID: agent)
            case 8: return .abandoned(reference, agentID: agent)
            case 9: return .sendLost(reference, reason: .notOnStream)
            case 10: return .agentMissing(reference)
            default: return .wake(judgeDeadlines: oneIn(2))
            }
        }

        /// - Returns: the event that was applied, and what came of it.
        mutating func step() throws -> (event: WorkflowEvent, produced: [Directive]) {
            harness.now += .milliseconds(Int64(number(below: 15_000)))
            harness.machine.noteRecordedWake(harness.machine.nextWake)
            let event = next()
            past += harness.machine.definition.stages.compactMap { harness.reference($0.name) }.suffix(1)
            if past.count > 20 { past.removeFirst(10) }
            do {
                return (event, try harness.apply(event))
            } catch let rejection as Rejection {
                switch rejection {
                case .conflict, .nothingToRetry: return (event, [])
                default: throw rejection
                }
            }
        }
    }

    @Test("any order of events keeps the invariants, ends, and completes each stage at most once a generation")
    func walks() throws {
        var retried = 0
        for seed in UInt64(1)...600 {
            var walk = try Walk(seed: seed)
            try walk.harness.apply(.start(actor: "ann"))
            var steps = 0
            var progress = 0
            while !walk.harness.machine.state.phase.isTerminal || walk.retries < Int(seed % 3) {
                steps += 1
                try #require(steps < 8000, "seed \(seed) doesn't end: \(walk.harness.machine.state)")
                let phase = walk.harness.machine.state.phase
                let (event, produced) = try walk.step()
                let machine = walk.harness.machine
                let violations = machine.invariantViolations(at: walk.harness.now)
                try #require(violations.isEmpty, "seed \(seed), \(event.name): \(violations)")
                if phase == .paused, machine.state.phase == .paused {
                    try #require(
                        !produced.contains { if case .dispatch = $0 { true } else { false } },
                        "seed \(seed): \(event.name) dispatched while paused")
                }
                if event.name == .retry { progress = 0 }
                try #require(machine.progressPercent >= progress, "seed \(seed): progress fell by \(event.name)")
                progress = machine.progressPercent
            }
            retried += walk.retries
            check(walk.harness, seed: seed)
        }
        #expect(retried > 100, "the walks should retry often, or they show little")
    }

    private func check(_ harness: MachineHarness, seed: UInt64) {
        let accepted = harness.directives.compactMap { directive -> String? in
            if case .accept(let acceptance) = directive { return "\(acceptance.stage)/\(acceptance.generation)" }
            return nil
        }
        #expect(Set(accepted).count == accepted.count, "seed \(seed) completed a stage twice")
        #expect(
            harness.trail.map(\.sequence) == (1...Int64(harness.trail.count)).map { $0 }, "seed \(seed) has a gap")
        let opened = Set(
            harness.directives.compactMap { directive -> String? in
                if case .dispatch(let order) = directive {
                    return "\(order.reference.taskID)/\(order.reference.attempt)"
                }
                return nil
            })
        let closed = Set(
            harness.directives.compactMap { directive -> String? in
                if case .close(let closing) = directive { return "\(closing.taskID)/\(closing.attempt)" }
                return nil
            })
        #expect(opened == closed, "seed \(seed): \(opened.count) attempts opened, \(closed.count) closed")
    }
}
