import JSONTools
import Testing
import WorkflowCore

@Suite("Pause and resume")
struct PauseTests {
    private func two(attempts: Int = 3) throws -> MachineHarness {
        var harness = MachineHarness([try .test("one", attempts: attempts), try .test("two", needs: ["one"])])
        try harness.apply(.start(actor: "ann"))
        return harness
    }

    private func dispatches(_ directives: [Directive]) -> Int {
        directives.count { if case .dispatch = $0 { true } else { false } }
    }

    @Test("a result that comes while paused is kept; the next stage starts at the resume")
    func resultIsKept() throws {
        var harness = try two()
        try harness.apply(.pause(actor: "bob", reason: "release freeze"))
        let produced = try harness.apply(harness.result("one", output: ["n": 1]))
        #expect(harness.stage("one").phase == .completed)
        #expect(produced.contains { if case .accept = $0 { true } else { false } })
        #expect(dispatches(produced) == 0)
        #expect(harness.machine.state.phase == .paused)
        #expect(harness.machine.nextWake == nil)
        let resumed = try harness.apply(.resume(actor: "bob"))
        #expect(dispatches(resumed) == 1)
        try harness.apply(harness.result("two"))
        #expect(harness.machine.state.phase == .completed)
    }

    @Test("a backoff that ends while paused fires at the resume, not before")
    func backoff() throws {
        var harness = try two()
        try harness.apply(harness.result("one", .failure))
        try harness.apply(.pause(actor: "bob", reason: ""))
        harness.now += .seconds(60)
        #expect(dispatches(try harness.apply(.wake(judgeDeadlines: true))) == 0)
        let resumed = try harness.apply(.resume(actor: "bob"))
        #expect(dispatches(resumed) == 1)
    }

    @Test("a last failure that comes while paused ends the workflow at the resume")
    func failure() throws {
        var harness = try two(attempts: 1)
        try harness.apply(.pause(actor: "bob", reason: ""))
        try harness.apply(harness.result("one", .failure))
        #expect(harness.machine.state.phase == .paused)
        try harness.apply(.resume(actor: "bob"))
        #expect(harness.machine.state.phase == .failed)
        #expect(harness.machine.state.outcome?.stage == "one")
    }

    @Test("the deadline of what runs goes on while paused; its next attempt waits for the resume")
    func deadline() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        try harness.apply(.pause(actor: "bob", reason: ""))
        #expect(harness.machine.nextWake == harness.now + .seconds(60))
        harness.now += .seconds(90)
        let produced = try harness.apply(.wake(judgeDeadlines: true))
        #expect(produced.contains(.stop(reference, stage: 0)))
        #expect(harness.stage("one").fault?.code == "STAGE_TIMEOUT")
        harness.now += .seconds(90)
        #expect(dispatches(try harness.apply(.wake(judgeDeadlines: true))) == 0)
        let resumed = try harness.apply(.resume(actor: "bob"))
        #expect(dispatches(resumed) == 1)
    }

    @Test("an agent that leaves while paused costs nothing, and nothing goes out before the resume")
    func abandoned() throws {
        var harness = try two()
        let reference = try #require(harness.reference("one"))
        try harness.apply(.taskStarted(reference, agentID: "agent-1"))
        try harness.apply(.pause(actor: "bob", reason: ""))
        #expect(dispatches(try harness.apply(.abandoned(reference, agentID: "agent-1"))) == 0)
        let resumed = try harness.apply(.resume(actor: "bob"))
        #expect(dispatches(resumed) == 1)
        #expect(harness.stage("one").failures == 0)
    }

    @Test("a paused workflow can be cancelled, and total_timeout judges at the resume")
    func ends() throws {
        var harness = try two()
        try harness.apply(.pause(actor: "bob", reason: ""))
        try harness.apply(.cancel(actor: "bob", reason: ""))
        #expect(harness.machine.state.phase == .stopping)
        #expect(harness.machine.state.pause == nil)

        var timed = MachineHarness([try .test("one")], totalTimeout: .seconds(30))
        try timed.apply(.start(actor: "ann"))
        try timed.apply(.pause(actor: "bob", reason: ""))
        timed.now += .seconds(60)
        try timed.apply(.wake(judgeDeadlines: true))
        #expect(timed.machine.state.phase == .paused)
        try timed.apply(.resume(actor: "bob"))
        #expect(timed.machine.state.outcome?.fault.code == "TOTAL_TIMEOUT")
    }

    @Test("sends that nobody runs yet are held while paused and let go at the resume; what runs is not touched")
    func held() throws {
        var harness = MachineHarness([try .test("one"), try .test("two"), try .test("three", needs: ["one", "two"])])
        try harness.apply(.start(actor: "ann"))
        let running = try #require(harness.reference("one"))
        let waiting = try #require(harness.reference("two"))
        try harness.apply(.taskStarted(running, agentID: "agent-1"))
        let pause = try harness.apply(.pause(actor: "bob", reason: ""))
        #expect(pause.contains(.hold(waiting, isHeld: true)))
        #expect(!pause.contains(.hold(running, isHeld: true)))
        #expect(try harness.apply(.pause(actor: "bob", reason: "")).isEmpty, "a second pause changes nothing")
        #expect(try harness.apply(.resume(actor: "bob")).contains(.hold(waiting, isHeld: false)))
    }
}
