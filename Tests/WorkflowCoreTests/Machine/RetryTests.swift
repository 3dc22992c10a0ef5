import JSONTools
import Testing
import WorkflowCore

@Suite("Retry from a stage")
struct RetryTests {
    /// `one`, then `two` and `side`, then `three`; every stage has one attempt.
    private func graph(_ ends: [String: AttemptOutcome.Status] = [:]) throws -> MachineHarness {
        var harness = MachineHarness([
            try .test("one", workspace: .write, attempts: 1),
            try .test("two", needs: ["one"], workspace: .write, attempts: 1),
            try .test("side", needs: ["one"], attempts: 1),
            try .test("three", needs: ["two"], with: ["n": "{{ stages.two.output.n }}"], attempts: 1),
        ])
        try harness.apply(.start(actor: "ann"))
        for name in ["one", "side", "two", "three"] where harness.reference(name) != nil {
            try harness.apply(harness.result(name, ends[name] ?? .success, output: ["n": 1], commit: "commit-\(name)"))
        }
        return harness
    }

    @Test("of a failed workflow runs what did not end well, with new tasks, and keeps the rest")
    func failed() throws {
        var harness = try graph(["two": .failure])
        #expect(harness.machine.state.phase == .failed)
        #expect(try harness.machine.retryPlan(from: nil) == ["two", "three"])
        let before = (one: harness.stage("one"), two: harness.stage("two"))
        let produced = try harness.apply(.retry(RetryRequest(actor: "bob")))
        #expect(produced.contains(.reopen(actor: "bob", stages: ["two", "three"])))
        #expect(harness.machine.state.phase == .running)
        #expect(harness.machine.state.outcome == nil)
        #expect(harness.machine.state.endedAt == nil)
        #expect(harness.stage("one") == before.one)
        #expect(harness.stage("two").generation == 2)
        #expect(harness.stage("two").attempt == 1)
        #expect(harness.stage("two").taskID != before.two.taskID)
        #expect(harness.orders.last?.inputCommit == "commit-one")
        #expect(harness.orders.last?.generation == 2)
        try harness.apply(harness.result("two", output: ["n": 2], commit: "c2"))
        try harness.apply(harness.result("three"))
        #expect(harness.machine.state.phase == .completed)
    }

    @Test("from a named stage runs it and all that depends on it, though they were completed")
    func named() throws {
        var harness = try graph()
        #expect(harness.machine.state.phase == .completed)
        #expect(throws: Rejection.nothingToRetry) { try harness.machine.retryPlan(from: nil) }
        #expect(try harness.machine.retryPlan(from: "two") == ["two", "three"])
        #expect(try harness.machine.retryPlan(from: "one") == ["one", "two", "side", "three"])
        #expect(throws: Rejection.unknownStage("tow")) { try harness.machine.retryPlan(from: "tow") }
        try harness.apply(.retry(RetryRequest(actor: "bob", fromStage: "two")))
        #expect(harness.stages(in: .completed) == ["one", "side"])
        #expect(harness.machine.progressPercent == 50)
        try harness.apply(harness.result("two", output: ["n": 7]))
        #expect(harness.orders.last?.payload == ["n": 7], "the new generation's output is read, not the old one's")
    }

    @Test("from a stage whose needs did not end well takes those too, so that nothing waits for ever")
    func unmetNeeds() throws {
        let harness = try graph(["one": .failure])
        #expect(try harness.machine.retryPlan(from: "three") == ["one", "two", "side", "three"])
    }

    @Test("is refused on another version than it was decided on")
    func version() throws {
        var harness = try graph(["two": .failure])
        let version = harness.machine.state.sequence
        #expect(throws: Rejection.versionMismatch(expected: version - 1, found: version)) {
            try harness.apply(.retry(RetryRequest(actor: "bob", expectedVersion: version - 1)))
        }
        try harness.apply(.retry(RetryRequest(actor: "bob", expectedVersion: version)))
        #expect(throws: Rejection.conflict(event: .retry, phase: .running)) {
            try harness.apply(.retry(RetryRequest(actor: "bob", expectedVersion: version)))
        }
    }

    @Test("a result of the earlier generation is set aside, and total_timeout counts anew")
    func earlierGeneration() throws {
        var harness = MachineHarness([try .test("one", attempts: 1)], totalTimeout: .seconds(100))
        try harness.apply(.start(actor: "ann"))
        let old = harness.result("one")
        try harness.apply(harness.result("one", .failure))
        harness.now += .seconds(500)
        try harness.apply(.retry(RetryRequest(actor: "bob")))
        #expect(harness.machine.totalDeadline == harness.now + .seconds(100))
        for _ in 0..<15 { try harness.apply(old) }
        #expect(harness.stage("one").phase == .running)
        #expect(harness.trail.count { $0.kind == .resultIgnored } == 10)
        try harness.apply(harness.result("one"))
        #expect(harness.machine.state.phase == .completed)
    }

    @Test("a stage whose attempts are spent is parked with the class of its cause")
    func parked() throws {
        var harness = MachineHarness([try .test("one", attempts: 2)])
        try harness.apply(.start(actor: "ann"))
        for _ in 0..<2 {
            let reference = try #require(harness.reference("one"))
            try harness.apply(.taskStarted(reference, agentID: "agent-1"))
            try harness.apply(.leaseExpired(reference, agentID: "agent-1"))
            harness.now += .seconds(60)
            try harness.apply(.wake(judgeDeadlines: true))
        }
        let parked = harness.directives.compactMap { directive -> ParkedTask? in
            if case .park(let task) = directive { return task }
            return nil
        }
        #expect(parked.map(\.cause) == [.crash])
        #expect(parked.first?.attempt == 2)
        #expect(harness.machine.state.phase == .failed)
    }
}
