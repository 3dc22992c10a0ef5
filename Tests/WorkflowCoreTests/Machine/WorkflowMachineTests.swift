import JSONTools
import Testing
import WorkflowCore

@Suite("A workflow of stages in sequence")
struct WorkflowMachineTests {
    private func three() throws -> MachineHarness {
        MachineHarness([try .test("one"), try .test("two", needs: ["one"]), try .test("three", needs: ["two"])])
    }

    @Test("runs its stages one after the other and completes")
    func runsThrough() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        for name in ["one", "two", "three"] {
            #expect(harness.stage(name).phase == .running)
            try harness.apply(harness.result(name))
        }
        #expect(harness.machine.state.phase == .completed)
        #expect(harness.machine.progressPercent == 100)
        #expect(harness.trail.map(\.sequence) == (1...Int64(harness.trail.count)).map { $0 })
        #expect(harness.trail.filter { $0.kind == .stageCompleted }.count == 3)
        #expect(harness.directives.last == .finish(.completed))
    }

    @Test("a result that comes twice changes nothing the second time, and is in the trail as ignored")
    func doubleResult() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let result = harness.result("one")
        try harness.apply(result)
        let before = harness.machine.state
        let produced = try harness.apply(result)
        #expect(harness.machine.state.stages[1] == before.stages[1])
        #expect(harness.machine.state.stages[0].phase == .completed)
        guard case .record(let record)? = produced.first, produced.count == 1 else {
            Issue.record("expected one audit record, got \(produced)")
            return
        }
        #expect(record.kind == .resultIgnored)
    }

    @Test("only ten ignored results of a task get a row; the rest are counted")
    func ignoredResultsAreBounded() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let result = harness.result("one")
        for _ in 0..<25 { try harness.apply(result) }
        #expect(harness.trail.filter { $0.kind == .resultIgnored }.count == 10)
        #expect(harness.stage("one").ignoredResults == 24)
    }

    @Test(
        "a result with a wrong mark, attempt, stage or agent is set aside",
        arguments: ["mark", "attempt", "stage", "agent"])
    func fence(_ what: String) throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        var reference = try #require(harness.reference("one"))
        var stage = "one"
        var agent = "agent-1"
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        switch what {
        case "mark": reference.dispatchID &+= 1
        case "attempt": reference.attempt += 1
        case "stage": stage = "two"
        default: agent = "agent-2"
        }
        try harness.apply(
            .taskFinished(AttemptOutcome(reference: reference, stage: stage, agentID: agent, status: .success)))
        #expect(harness.stage("one").phase == .running)
        #expect(harness.trail.last?.kind == .resultIgnored)
        try harness.apply(harness.result("one"))
        #expect(harness.stage("one").phase == .completed)
    }

    @Test("a retryable failure waits for its backoff and opens the next attempt of the same task")
    func retry() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let task = harness.stage("one").taskID
        try harness.apply(harness.result("one", .failure))
        #expect(harness.stage("one").open == nil)
        #expect(harness.stage("one").retryAt == harness.now + .seconds(1))
        #expect(harness.machine.nextWake == harness.now + .seconds(1))
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(harness.stage("one").attempt == 1, "a wake before the time must do nothing")
        harness.now += .seconds(1)
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(harness.stage("one").attempt == 2)
        #expect(harness.stage("one").taskID == task)
    }

    @Test("after max_attempts the stage fails, and the workflow with it")
    func attemptsRunOut() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        for _ in 0..<3 {
            try harness.apply(harness.result("one", .failure))
            harness.now += .seconds(60)
            try harness.apply(.wake(judgeDeadlines: true))
        }
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.stage("one").attempt == 3)
        #expect(harness.stage("two").phase == .cancelled)
        #expect(harness.machine.state.outcome?.stage == "one")
    }

    @Test("a failure that is not retryable fails at once")
    func notRetryable() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let fault = WorkflowFault(code: "TESTS_FAILED", message: "2 of 14 tests failed", isRetryable: false)
        try harness.apply(harness.result("one", .failure, faults: [fault]))
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.machine.state.outcome?.fault == fault)
    }

    @Test("partial, and needs_input without a question, end as failures with their codes")
    func partialAndQuestions() throws {
        for (status, code) in [
            (AttemptOutcome.Status.partial, "PARTIAL_RESULT"), (.needsInput, "NO_QUESTIONS"),
        ] {
            var harness = try three()
            try harness.apply(.start(actor: "ann"))
            try harness.apply(harness.result("one", status))
            #expect(harness.machine.state.phase == .failed)
            #expect(harness.machine.state.outcome?.fault.code == code)
        }
    }

    @Test("an agent that falls silent costs an attempt; one that was shut down in good order does not")
    func lost() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        var reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        try harness.apply(.abandoned(reference, agentID: "agent-1"))
        #expect(harness.stage("one").attempt == 2)
        #expect(harness.stage("one").failures == 0)
        reference = try #require(harness.reference("one"))
        try harness.apply(.leaseExpired(reference, agentID: "agent-1"))
        #expect(harness.stage("one").failures == 1)
        #expect(harness.stage("one").retryAt != nil)
    }

    @Test("a bound attempt times out at its deadline, unless silence proves nothing")
    func timeout() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let reference = try #require(harness.reference("one"))
        #expect(harness.machine.nextWake == nil, "an attempt that nobody has taken has no deadline")
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        harness.now += .seconds(61)
        try harness.apply(.wake(judgeDeadlines: false))
        #expect(harness.stage("one").open != nil)
        let produced = try harness.apply(.wake(judgeDeadlines: true))
        #expect(produced.contains(.stop(reference, stage: 0)))
        #expect(harness.stage("one").fault?.code == "STAGE_TIMEOUT")
        #expect(harness.stage("one").retryAt != nil)
    }

    @Test("a second claimant does not take a bound attempt over")
    func binding() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        let produced = try harness.apply(.taskStarted(reference, agentID: "agent-2"))
        #expect(produced.isEmpty)
        #expect(harness.stage("one").open?.agentID == "agent-1")
    }

    @Test("a lost send goes out again under a new mark; the older send is stale, a bound attempt stays")
    func sendAgain() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let first = try #require(harness.reference("one"))
        try harness.apply(.sendLost(first, reason: .neverSent))
        let second = try #require(harness.reference("one"))
        #expect(second.dispatchID != first.dispatchID)
        #expect(second.attempt == first.attempt)
        try harness.apply(.taskStarted(first, agentID: "agent-1"))
        #expect(harness.stage("one").open?.agentID == nil)
        try harness.apply(.taskStarted(second, agentID: "agent-2"))
        #expect(try harness.apply(.sendLost(second, reason: .neverSent)).isEmpty)
    }

    @Test("cancel stops the open attempt, waits for its end, and ends as cancelled")
    func cancel() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let reference = try #require(harness.reference("one"))
        let produced = try harness.apply(.cancel(actor: "bob", reason: "not needed"))
        #expect(produced.contains(.stop(reference, stage: 0)))
        #expect(harness.machine.state.phase == .stopping)
        try harness.apply(harness.result("one", .cancelled))
        #expect(harness.machine.state.phase == .cancelled)
        #expect(throws: Rejection.conflict(event: .cancel, phase: .cancelled)) {
            try harness.apply(.cancel(actor: "bob", reason: ""))
        }
    }

    @Test("a cancelled attempt that never answers is closed after the grace, sooner if nobody ever ran it")
    func cancelUnanswered() throws {
        for isBound in [false, true] {
            var harness = try three()
            try harness.apply(.start(actor: "ann"))
            if isBound {
                let reference = try #require(harness.reference("one"))
                try harness.apply(.taskStarted(reference, agentID: "agent-1"))
            }
            try harness.apply(.cancel(actor: "bob", reason: ""))
            let grace = isBound ? WorkflowMachine.cancelGrace : WorkflowMachine.unboundCancelGrace
            #expect(harness.machine.nextWake == harness.now + grace)
            harness.now += grace - .milliseconds(1)
            try harness.apply(.wake(judgeDeadlines: false))
            #expect(harness.machine.state.phase == .stopping)
            harness.now += .milliseconds(1)
            try harness.apply(.wake(judgeDeadlines: false))
            #expect(harness.machine.state.phase == .cancelled)
        }
    }

    @Test("a success that comes while stopping is kept in the trail, and does not complete the stage")
    func lateSuccess() throws {
        var harness = try three()
        try harness.apply(.start(actor: "ann"))
        let success = harness.result("one", output: ["n": 1])
        try harness.apply(.cancel(actor: "bob", reason: ""))
        try harness.apply(success)
        #expect(harness.machine.state.phase == .cancelled)
        #expect(harness.trail.contains { $0.kind == .lateSuccess && $0.data["output"] == ["n": 1] })
    }

    @Test("total_timeout ends the workflow as failed")
    func totalTimeout() throws {
        var harness = MachineHarness([try .test("one")], totalTimeout: .seconds(30))
        try harness.apply(.start(actor: "ann"))
        #expect(harness.machine.nextWake == harness.now + .seconds(30))
        harness.now += .seconds(30)
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(harness.machine.state.phase == .stopping)
        try harness.apply(harness.result("one"))
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.machine.state.outcome?.fault.code == "TOTAL_TIMEOUT")
    }

    @Test("outputs and commits are handed on: `with` reads them, a write stage without a commit passes its input on")
    func handsOn() throws {
        var harness = MachineHarness([
            try .test("one", workspace: .write),
            try .test("two", needs: ["one"], workspace: .write),
            try .test(
                "three", needs: ["two"], workspace: .read, with: ["stack": "{{ stages.one.output.stack }}"]),
        ])
        try harness.apply(.start(actor: "ann"))
        try harness.apply(harness.result("one", output: ["stack": "node"], commit: "c1"))
        try harness.apply(harness.result("two"))
        #expect(harness.stage("two").commit == "c1")
        let order = harness.directives.compactMap { directive -> AttemptOrder? in
            if case .dispatch(let order) = directive { return order }
            return nil
        }.last
        #expect(order?.payload == ["stack": "node"])
        #expect(order?.inputCommit == "c1")
    }

    @Test("a stage whose `if` is false is skipped with the reason; a wrong expression fails it without an attempt")
    func conditions() throws {
        var harness = MachineHarness([
            try .test("one"), try .test("two", needs: ["one"], condition: "input.skip == true"),
            try .test("three", needs: ["two"], with: ["x": "{{ stages.two.output.x.y }}"]),
        ])
        try harness.apply(.start(actor: "ann"))
        try harness.apply(harness.result("one"))
        #expect(harness.stage("two").phase == .skipped)
        #expect(harness.stage("three").phase.isClosed == (harness.machine.state.phase == .failed))
    }

    @Test("a stage that is not required may fail without failing the workflow")
    func optionalStage() throws {
        var harness = MachineHarness([
            try .test("one", required: false, attempts: 1), try .test("two", needs: ["one"]),
        ])
        try harness.apply(.start(actor: "ann"))
        try harness.apply(harness.result("one", .failure))
        #expect(harness.machine.state.phase == .running)
        try harness.apply(harness.result("two"))
        #expect(harness.machine.state.phase == .completed)
        #expect(harness.machine.state.stages[0].phase == .failed)
    }
}
