import AgentProtocol
import JSONTools
import Testing

@testable import AgentRuntime

@Suite("What the loop does as time passes")
struct TaskLoopClockTests {
    @Test("Connected, it registers and beats at once, then every 5 s")
    func heartbeats() {
        var fixture = LoopFixture()
        let idle = Seen.heartbeat(running: [], held: [], free: 4)
        #expect(fixture.step(.connected) == [.register, idle, .claim(4)])
        #expect(fixture.pass(4999) == [])
        #expect(fixture.pass(1) == [idle])
        #expect(fixture.pass(5000) == [idle])
        _ = fixture.step(.disconnected)
        #expect(fixture.pass(60_000) == [], "nobody could hear it")
        #expect(fixture.step(.connected) == [.register, idle])
    }

    @Test("A heartbeat lists what runs and what is held, the oldest first and 500 at most")
    func heartbeatContent() {
        var fixture = LoopFixture.connected(slots: 1000)
        _ = fixture.step(.claimed((1...700).map { LoopFixture.task($0) }))
        for number in 1...600 { _ = fixture.finish(number) }
        let beats = fixture.pass(5000).filter { if case .heartbeat = $0 { true } else { false } }
        #expect(beats == [.heartbeat(running: Array(601...700), held: Array(1...500), free: 900)])
    }

    @Test("Progress goes with the next heartbeat")
    func progress() throws {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.step(.progress(LoopFixture.reference(1), 0.25, note: "a quarter"))
        fixture.milliseconds = 5000
        let beat = fixture.loop.step(.tick, now: fixture.moment).lazy.compactMap { effect -> HeartbeatSignal? in
            if case .signal(.heartbeat(let beat)) = effect { beat } else { nil }
        }.first
        let task = try #require(beat?.running.first)
        #expect(task.progress == 0.25)
        #expect(task.note == "a quarter")
    }

    @Test(
        "A task may ask for more frequent heartbeats, ten a second at most",
        arguments: [(500, 500), (1, 100), (60_000, 5000)])
    func heartbeatOfTask(asked: Int, expected: Int) {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1, heartbeat: asked)]))
        let isBeat = { (seen: Seen) in if case .heartbeat = seen { true } else { false } }
        #expect(fixture.pass(expected - 1).contains(where: isBeat) == false)
        #expect(fixture.pass(1).contains(where: isBeat))
    }

    @Test("`started` is said once, of attempts that outlive 250 ms")
    func started() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)]))
        #expect(fixture.pass(249) == [])
        _ = fixture.finish(2)
        #expect(fixture.pass(1) == [.started(1)])
        #expect(fixture.pass(1000) == [])
    }

    @Test("At its deadline an attempt is stopped, and reported without it if it goes on for 5 s more")
    func deadline() {
        var fixture = LoopFixture.connected(slots: 1)
        _ = fixture.step(.claimed([LoopFixture.task(1, timeout: 1000)]))
        #expect(fixture.pass(999) == [.started(1)])
        #expect(fixture.pass(1) == [.stop(1, .timedOut)])
        #expect(fixture.pass(4999).contains(.giveUp(1, .timedOut)) == false)
        #expect(fixture.pass(1) == [.giveUp(1, .timedOut), .warn])
        #expect(fixture.step(.givenUp(LoopFixture.reference(1), result: [1])) == [.report([1])])
        #expect(fixture.loop.wanted == 0, "its slot stays taken")
        #expect(fixture.pass(5000).contains(.heartbeat(running: [], held: [1], free: 0)))
        #expect(fixture.finish(1) == [.claim(1)], "what comes too late is not reported a second time")
    }

    @Test("An attempt that is given up is listed as running until its result is there, and then as held")
    func givenUpWithAHeartbeat() {
        var fixture = LoopFixture.connected(slots: 2)
        _ = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)]))
        for reference in [1, 2] { _ = fixture.cancel(reference) }
        let seen = fixture.pass(5000)
        #expect(seen.contains(.giveUp(1, .cancelled)) && seen.contains(.giveUp(2, .cancelled)))
        #expect(seen.contains(.heartbeat(running: [1, 2], held: [], free: 0)), "its result is not there yet")
        _ = fixture.step(.givenUp(LoopFixture.reference(1), result: [1]))
        #expect(fixture.finish(2).contains(.report([2])), "it ended just before its result was made without it")
        _ = fixture.step(.givenUp(LoopFixture.reference(2), result: [1]))
        #expect(fixture.pass(5000).contains(.heartbeat(running: [], held: [1, 2], free: 1)))
    }

    @Test("The reason that came first counts")
    func firstReason() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1, timeout: 1000)]))
        #expect(fixture.cancel(1) == [.stop(1, .cancelled)])
        #expect(fixture.pass(2000) == [])
        #expect(fixture.pass(3000).contains(.giveUp(1, .cancelled)))
    }
}

@Suite("How the loop ends")
struct TaskLoopEndTests {
    @Test("Idle, it leaves when its claim has come back")
    func idle() {
        var fixture = LoopFixture.connected()
        #expect(fixture.step(.terminate) == [])
        #expect(fixture.step(.claimed([])) == [.leave([])])
        #expect(fixture.step(.claimed([])) == [], "having left it does nothing more")
        #expect(fixture.pass(60_000) == [])
    }

    @Test("What comes after SIGTERM is handed back")
    func handsBack() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.terminate)
        #expect(fixture.step(.claimed([LoopFixture.task(1)])) == [.handBack(["1-0"]), .leave([])])
    }

    @Test("It waits for what runs, and for the reports to be on their stream")
    func waitsForWork() {
        var fixture = LoopFixture.connected(slots: 1)
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        #expect(fixture.step(.terminate) == [])
        #expect(fixture.finish(1) == [.report([1])])
        #expect(fixture.pass(1000) == [])
        #expect(fixture.reported(1) == [.leave([])])
    }

    @Test("After 25 s it stops what still runs, and lists it as abandoned")
    func abandons() {
        var fixture = LoopFixture.connected(slots: 2)
        _ = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)]))
        _ = fixture.step(.terminate)
        #expect(fixture.pass(24_999).contains { if case .stop = $0 { true } else { false } } == false)
        let stops = fixture.pass(1).filter { if case .stop = $0 { true } else { false } }
        #expect(stops.count == 2 && stops.contains(.stop(1, .shutdown)) && stops.contains(.stop(2, .shutdown)))
        #expect(fixture.step(.abandoned(LoopFixture.reference(2))) == [])
        #expect(fixture.pass(2499).contains(.leave([1, 2])) == false)
        #expect(fixture.pass(1) == [.leave([1, 2])], "it doesn't wait for ever for what won't stop")
    }

    @Test("A Redis that is gone can't keep it for longer than 27.5 s")
    func withoutRedis() {
        var fixture = LoopFixture.connected(slots: 1)
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        _ = fixture.step(.disconnected)
        _ = fixture.step(.terminate)
        _ = fixture.step(.notReported([LoopFixture.reference(1)]))
        #expect(fixture.pass(25_000) == [])
        #expect(fixture.pass(2500) == [.leave([])])
    }
}
