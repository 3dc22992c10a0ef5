import AgentProtocol
import JSONTools
import Testing

@testable import AgentRuntime

@Suite("What the loop does when the orchestrator speaks")
struct TaskLoopControlTests {
    @Test(
        "A stop, by cancel or by verdict, stops the attempt once; its result is reported all the same",
        arguments: [true, false])
    func stops(byVerdict: Bool) {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)]))
        let first = byVerdict ? fixture.acknowledge(stop: [1], go: [2]) : fixture.cancel(1)
        #expect(first.filter { $0 != .heard } == [.stop(1, .cancelled)])
        let second = byVerdict ? fixture.acknowledge(stop: [1]) : fixture.cancel(1)
        #expect(second.filter { $0 != .heard } == [])
        #expect(fixture.finish(1) == [.report([1])])
    }

    @Test(
        "A stop for a result that is held changes nothing: it is listed and sent again until it is settled",
        arguments: [true, false])
    func stopOfHeld(byVerdict: Bool) {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        #expect(fixture.finish(1).contains(.report([1])))
        _ = fixture.step(.notReported([LoopFixture.reference(1)]))
        _ = byVerdict ? fixture.acknowledge(stop: [1]) : fixture.cancel(1)
        let later = fixture.pass(5000)
        #expect(later.contains(.report([1])))
        #expect(later.contains(.heartbeat(running: [], held: [1], free: 4)))
        _ = fixture.acknowledge(settled: [1])
        #expect(fixture.loop.held.isEmpty)
    }

    @Test("What is said to another agent changes nothing")
    func othersAreIgnored() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        #expect(fixture.acknowledge(known: false, settled: [1], drain: true, of: "demo-ffffffff") == [])
        #expect(fixture.loop.held.count == 1)
        #expect(fixture.loop.wanted == 4)
    }

    @Test("Unknown to the orchestrator, it registers again, at most once a second")
    func registersAgain() {
        var fixture = LoopFixture.connected()
        #expect(fixture.acknowledge(known: false) == [.heard])
        fixture.milliseconds = 1000
        #expect(fixture.acknowledge(known: false) == [.heard, .register])
        #expect(fixture.acknowledge(known: false) == [.heard])
        #expect(fixture.pass(1) == [.heartbeat(running: [], held: [], free: 4)], "a heartbeat follows at once")
    }

    @Test("Drained, it takes nothing and goes on with what it runs; the next acknowledgement may end that")
    func drains() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.step(.claimed([]))
        #expect(fixture.step(.control(.drain(DrainMessage(agentID: nil, sentAt: fixture.moment.wall)))) == [])
        #expect(fixture.loop.wanted == 0)
        #expect(fixture.acknowledge(drain: true) == [.heard])
        _ = fixture.step(.claimed([]))
        #expect(fixture.finish(1) == [.report([1])])
        #expect(fixture.acknowledge(drain: false) == [.heard, .claim(4)])
    }

    @Test("The log level is passed on")
    func logLevel() {
        var fixture = LoopFixture.connected()
        let message = LogLevelMessage(agentID: nil, sentAt: fixture.moment.wall, level: .trace)
        #expect(fixture.step(.control(.logLevel(message))).contains(.logLevel(.trace)))
    }

    @Test("A grant is asked for at once and every 10 s, and given only by `granted`")
    func grants() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)]))
        #expect(fixture.step(.grantRequested(LoopFixture.reference(1))) == [.grantRequest(1)])
        #expect(fixture.acknowledge(go: [1]) == [.heard], "`continue` may be older than the question")
        #expect(fixture.pass(9999).contains(.grantRequest(1)) == false)
        #expect(fixture.pass(1).contains(.grantRequest(1)))
        #expect(fixture.acknowledge(granted: [2]) == [.heard], "it never asked for that one")
        #expect(fixture.acknowledge(granted: [1]) == [.heard, .grant(1)])
        #expect(fixture.acknowledge(granted: [1]) == [.heard], "it is given once")
        #expect(fixture.pass(20_000).contains(.grantRequest(1)) == false)
    }

    @Test("Stopped while it waits for a grant, an attempt never gets it")
    func grantRefused() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.step(.grantRequested(LoopFixture.reference(1)))
        #expect(fixture.acknowledge(stop: [1], granted: [1]) == [.heard, .stop(1, .cancelled)])
        #expect(fixture.acknowledge(granted: [1]) == [.heard])
        #expect(fixture.step(.grantRequested(LoopFixture.reference(1))) == [])
    }

    @Test("A grant that was asked for while the road was closed is asked for when it opens")
    func grantWhileDisconnected() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.step(.disconnected)
        #expect(fixture.step(.grantRequested(LoopFixture.reference(1))) == [])
        #expect(fixture.step(.connected).contains(.grantRequest(1)))
    }
}
