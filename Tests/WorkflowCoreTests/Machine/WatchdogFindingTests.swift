import JSONTools
import Testing
import WorkflowCore

@Suite("What the watchdog finds")
struct WatchdogFindingTests {
    private func two() throws -> MachineHarness {
        var harness = MachineHarness([try .test("one"), try .test("two", needs: ["one"])])
        try harness.apply(.start(actor: "ann"))
        return harness
    }

    private func findings(_ harness: MachineHarness) -> [String] {
        harness.trail.filter { $0.kind == .watchdogFinding }.compactMap { $0.data["finding"]?.stringValue }
    }

    @Test("each has a row with a reason and what was done about it")
    func rows() throws {
        var harness = try two()
        let first = try #require(harness.reference("one"))
        try harness.apply(.sendLost(first, reason: .neverSent))
        let second = try #require(harness.reference("one"))
        try harness.apply(.sendLost(second, reason: .claimedAndSilent))
        let reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        harness.now += .seconds(61)
        try harness.apply(.wake(judgeDeadlines: true))
        harness.now += .seconds(2)
        try harness.apply(.wake(judgeDeadlines: true))
        let next = try #require(harness.reference("one"))
        try harness.apply(.leaseExpired(next, agentID: "agent-2"))
        #expect(findings(harness) == ["never_sent", "claimed_and_silent", "past_deadline", "agent_lost"])
        for record in harness.trail where record.kind == .watchdogFinding {
            #expect(record.data["reason"]?.stringValue?.isEmpty == false)
            #expect(record.data["action"]?.stringValue?.isEmpty == false)
            #expect(record.severity == .warning)
        }
    }

    @Test(
        "a result that an orchestrator left behind is applied, and noted if it still counts; so is a task passed over")
    func leftBehind() throws {
        var harness = try two()
        let queued = try #require(harness.reference("one"))
        try harness.apply(.sendLost(queued, reason: .queuedNotSent))
        guard case .taskFinished(var outcome) = harness.result("one") else { return }
        outcome.wasLeftBehind = true
        try harness.apply(.taskFinished(outcome))
        try harness.apply(.taskFinished(outcome))
        #expect(findings(harness) == ["queued_not_sent", "result_not_advanced"])
        #expect(harness.stage("one").phase == .completed)
    }

    @Test("a missing agent is noted once an attempt, and the workflow is never failed for it")
    func missingAgent() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        try harness.apply(.agentMissing(reference))
        #expect(try harness.apply(.agentMissing(reference)).isEmpty)
        harness.now += .seconds(86_400)
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(harness.machine.state.phase == .running)
        #expect(findings(harness) == ["agent_missing"])
    }

    @Test("a timer that fires late is noted once")
    func lateTimer() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        harness.machine.noteRecordedWake(harness.machine.nextWake)
        harness.now += .seconds(600)
        #expect(
            try harness.apply(.wake(judgeDeadlines: false)).isEmpty, "a deadline that is not judged is not overdue")
        #expect(try harness.apply(.inspected(harness.evidence)).isEmpty)
        try harness.apply(.wake(judgeDeadlines: true))
        #expect(findings(harness) == ["timer_overdue", "past_deadline"])
        harness.now += .seconds(600)
        try harness.apply(.wake(judgeDeadlines: false))
        #expect(
            findings(harness) == ["timer_overdue", "past_deadline", "timer_overdue"], "the backoff was overdue too")
    }

    @Test("a paused workflow's queued task is not sent because somebody found it waiting before the pause")
    func queuedWhilePaused() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        try harness.apply(.pause(actor: "bob", reason: ""))
        #expect(try harness.apply(.sendLost(reference, reason: .queuedNotSent)).isEmpty)
        try harness.apply(.resume(actor: "bob"))
        #expect(try !harness.apply(.sendLost(reference, reason: .queuedNotSent)).isEmpty)
    }

    @Test("rows that fit the state are left alone; a look that nobody took is noted")
    func fits() throws {
        var harness = try two()
        #expect(try harness.apply(.inspected(harness.evidence)).isEmpty, "nothing has to be waited for but an agent")
        let open = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(open, agentID: "agent-1"))
        harness.machine.noteRecordedWake(harness.machine.nextWake)
        let before = harness.stage("one")
        try harness.apply(.inspected(harness.evidence))
        #expect(harness.stage("one") == before)
        #expect(findings(harness) == ["wake_missing"])
    }

    @Test("a queued row is held back while the workflow is paused, and no longer")
    func holds() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        func holds(when isHeld: Bool) throws -> [Bool] {
            var evidence = harness.evidence
            evidence.isHeld = [reference: isHeld]
            return try harness.apply(.inspected(evidence)).compactMap { directive in
                if case .hold(reference, let isHeld) = directive { isHeld } else { nil }
            }
        }
        #expect(try holds(when: false) == [])
        #expect(try holds(when: true) == [false], "nobody would ever let it go")
        #expect(harness.trail.last?.kind == .workflowRepaired)
        try harness.apply(.pause(actor: "bob", reason: ""))
        #expect(try holds(when: true) == [])
        #expect(try holds(when: false) == [true])
        try harness.apply(.cancel(actor: "bob", reason: ""))
        #expect(try holds(when: true) == [], "what is stopping is not let go")
    }

    @Test("an attempt without an open row is given up, uncounted, and tried again")
    func lostRow() throws {
        var harness = try two()
        let lost = try #require(harness.reference("one"))
        var evidence = harness.evidence
        evidence.openAttempts = []
        try harness.apply(.inspected(evidence))
        #expect(harness.stage("one").attempt == 2)
        #expect(harness.stage("one").failures == 0)
        #expect(harness.trail.last?.kind == .workflowRepaired)
        #expect(
            harness.directives.contains { directive in
                if case .close(let closing) = directive {
                    closing.taskID == lost.taskID && closing.attempt == 1
                } else {
                    false
                }
            })
    }

    @Test("a row that is open though its attempt is over is closed")
    func orphanRow() throws {
        var harness = try two()
        let past = try #require(harness.reference("one"))
        try harness.apply(harness.result("one"))
        var evidence = harness.evidence
        evidence.openAttempts.append(past)
        let produced = try harness.apply(.inspected(evidence))
        #expect(produced.contains { if case .close(let closing) = $0 { closing.taskID == past.taskID } else { false } })
        #expect(harness.stages(in: .running) == ["two"])
    }

    @Test("an ended workflow's open rows and left timer are put in order")
    func orphansOfTheEnded() throws {
        var harness = try two()
        let past = try #require(harness.reference("one"))
        try harness.apply(harness.result("one"))
        try harness.apply(harness.result("two"))
        var evidence = harness.evidence
        evidence.openAttempts = [past]
        evidence.timer = harness.now
        let produced = try harness.apply(.inspected(evidence))
        #expect(harness.machine.state.phase == .completed)
        #expect(produced.contains { if case .close(let closing) = $0 { closing.taskID == past.taskID } else { false } })
        #expect(harness.machine.state.recordedWake == harness.now, "the shell sees that no timer is wanted")
        #expect(harness.trail.last?.kind == .workflowRepaired)
    }

    @Test("a missing timer is set anew")
    func lostTimer() throws {
        var harness = try two()
        try harness.apply(harness.result("one", .failure))
        harness.machine.noteRecordedWake(harness.machine.nextWake)
        var evidence = harness.evidence
        evidence.timer = nil
        try harness.apply(.inspected(evidence))
        #expect(harness.machine.state.recordedWake == nil)
        #expect(harness.machine.nextWake != nil, "the shell sees the difference and writes the row")
        #expect(findings(harness) == ["wake_missing"])
    }

    @Test("evidence about an earlier state proves nothing")
    func stale() throws {
        var harness = try two()
        var evidence = harness.evidence
        evidence.openAttempts = []
        try harness.apply(harness.result("one"))
        let before = harness.machine.state
        #expect(try harness.apply(.inspected(evidence)).isEmpty)
        #expect(harness.machine.state == before)
    }

    @Test("a state's messages and codes are cut at whole characters")
    func cut() throws {
        var harness = MachineHarness([try .test("one", attempts: 1)])
        try harness.apply(.start(actor: "ann"))
        let fault = WorkflowFault(
            code: "X", message: String(repeating: "é👩‍👩‍👧", count: 400), isRetryable: false)
        try harness.apply(harness.result("one", .failure, faults: [fault]))
        let stored = try WorkflowState(decoding: harness.machine.state.encoded())
        let message = try #require(stored.outcome?.fault.message)
        #expect(message.utf8.count <= 600)
        #expect(fault.message.hasPrefix(message))
    }
}
