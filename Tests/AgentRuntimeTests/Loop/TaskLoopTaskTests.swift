import AgentProtocol
import JSONTools
import TaskTransport
import Testing

@testable import AgentRuntime

@Suite("What the loop does with tasks and results")
struct TaskLoopTaskTests {
    @Test("It claims as many as it has slots, and nothing more while a claim is under way")
    func claims() {
        var fixture = LoopFixture(slots: 3)
        #expect(fixture.step(.tick) == [.claim(3)])
        #expect(fixture.pass(10_000) == [])
        #expect(
            fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2)])) == [.start(1), .start(2), .claim(1)])
        #expect(fixture.step(.claimed([LoopFixture.task(3)])) == [.start(3)], "no slot is free, so nothing is claimed")
    }

    @Test("A result is reported at once and its slot is free before anybody has settled it")
    func resultFreesSlot() {
        var fixture = LoopFixture.connected(slots: 1)
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        #expect(fixture.finish(1) == [.report([1]), .claim(1)])
        #expect(fixture.loop.held.count == 1)
    }

    @Test("After a claim that failed it waits, longer each time and 2 s at most, and forgets that after a success")
    func claimBackoff() {
        var fixture = LoopFixture()
        #expect(fixture.step(.tick) == [.claim(4)])
        var waits: [Int] = []
        for _ in 0..<6 {
            #expect(fixture.step(.claimFailed) == [])
            var waited = 0
            while !fixture.step(.tick).contains(.claim(4)) {
                waited += 25
                fixture.milliseconds += 25
                if waited > 10_000 { break }
            }
            waits.append(waited)
        }
        #expect(waits == [125, 250, 500, 1000, 2000, 2000])
        #expect(fixture.step(.claimed([])) == [.claim(4)])
    }

    @Test("What a read returns beyond the free slots is handed back at once")
    func surplus() {
        var fixture = LoopFixture.connected(slots: 1)
        let effects = fixture.step(.claimed([LoopFixture.task(1), LoopFixture.task(2), LoopFixture.task(3)]))
        #expect(effects == [.start(1), .handBack(["2-0", "3-0"])])
    }

    @Test("What is answered already takes no slot; while whole claims are, more is taken at a time, up to a limit")
    func answers() {
        var fixture = LoopFixture.connected(slots: 2) { $0.surplus = 6 }
        #expect(fixture.loop.asked == 2)
        func answered(_ numbers: ClosedRange<Int>) -> [DecodedTask] {
            numbers.map { number in
                var task = LoopFixture.task(number)
                task.answer = [1]
                return task
            }
        }
        #expect(fixture.step(.claimed(answered(1...2))) == [.report([1, 2]), .claim(4)])
        #expect(fixture.loop.freeSlots == 2, "what could run is as much as before")
        let fewer = fixture.step(.claimed(answered(3...5)))
        #expect(fewer == [.report([3, 4, 5]), .claim(4)], "fewer came than were asked for")
        #expect(fixture.step(.claimed(answered(6...9))) == [.report([6, 7, 8, 9]), .claim(6)])
        #expect(fixture.step(.claimed(answered(10...15))).last == .claim(8))
        #expect(fixture.step(.claimed(answered(16...23))).last == .claim(8))
        let mixed = answered(24...27) + (28...31).map { LoopFixture.task($0) }
        #expect(
            fixture.step(.claimed(mixed))
                == [.start(28), .start(29), .report([24, 25, 26, 27]), .handBack(["30-0", "31-0"])])
        #expect(fixture.finish(28) == [.report([28]), .claim(1)], "no more than there are slots")
        #expect(fixture.loop.held.count == 28)
    }

    @Test("An answer that is known is held and settled like any other result, and not given twice")
    func answeredOnce() {
        var fixture = LoopFixture.connected(slots: 1)
        var task = LoopFixture.task(1)
        task.answer = [1]
        #expect(fixture.step(.claimed([task])) == [.report([1]), .claim(2)])
        #expect(fixture.step(.claimed([task])) == [.claim(2)], "its report is under way")
        _ = fixture.reported(1)
        _ = fixture.acknowledge(settled: [1])
        #expect(fixture.step(.claimed([task])).first == .discard(["1-0"]))
        _ = fixture.cancel(2)
        task = LoopFixture.task(2)
        task.answer = [1]
        #expect(fixture.step(.claimed([task])).first == .discard(["2-0"]), "it was cancelled before it got here")
    }

    @Test("What it runs already is not run twice; a second entry of the same send is removed")
    func duplicateOfRunning() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        #expect(fixture.step(.claimed([LoopFixture.task(1)])) == [.claim(3)])
        #expect(fixture.step(.claimed([LoopFixture.task(1, entry: "9-0")])) == [.discard(["9-0"]), .claim(3)])
    }

    @Test("An entry whose result is held was not acknowledged: the result is sent again with it")
    func duplicateOfHeld() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        _ = fixture.reported(1)
        #expect(fixture.step(.claimed([LoopFixture.task(1, entry: "9-0")])) == [.claim(4)])
        #expect(fixture.pass(500) == [.report([1])])
        #expect(fixture.loop.held[LoopFixture.reference(1)]?.order.entry?.entryID == "9-0")
    }

    @Test("What was settled is not run again")
    func duplicateOfSettled() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        _ = fixture.acknowledge(settled: [1])
        #expect(fixture.step(.claimed([LoopFixture.task(1, entry: "9-0")])) == [.discard(["9-0"]), .claim(4)])
    }

    @Test("What was cancelled meanwhile is not started", arguments: [true, false])
    func cancelledBefore(byVerdict: Bool) {
        var fixture = LoopFixture.connected()
        _ = byVerdict ? fixture.acknowledge(stop: [1]) : fixture.cancel(1)
        #expect(fixture.step(.claimed([LoopFixture.task(1)])) == [.discard(["1-0"]), .claim(4)])
    }

    @Test("An entry that names its task is answered with a failure, another is rejected")
    func undecodable() {
        var fixture = LoopFixture.connected()
        let entry = LoopFixture.task(1).entry
        let answer = ReportOrder(reference: LoopFixture.reference(1), bytes: [1], entry: entry)
        #expect(fixture.step(.undecodable(entry, reason: "bad", answer: answer)) == [.warn, .report([1])])
        #expect(fixture.loop.held.count == 1, "the answer is a result like any other")
        #expect(fixture.step(.undecodable(entry, reason: "bad", answer: nil)) == [.warn, .reject("1-0")])
    }

    @Test("While too many results are held, nothing is claimed")
    func backpressure() {
        var fixture = LoopFixture.connected(slots: 2) { $0.heldCount = 1 }
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        #expect(fixture.finish(1) == [.report([1])])
        #expect(fixture.step(.claimed([])) == [])
        #expect(fixture.acknowledge(settled: [1]) == [.heard, .claim(2)])

        fixture = LoopFixture.connected(slots: 2) { $0.heldBytes = 100 }
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1, bytes: 100)
        #expect(fixture.step(.claimed([])) == [])
        #expect(fixture.acknowledge(settled: [1]) == [.heard, .claim(2)])
        #expect(fixture.loop.heldBytes == 0)
    }

    @Test("A result that couldn't be sent is sent again after half a second")
    func notReported() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        #expect(fixture.step(.notReported([LoopFixture.reference(1)])) == [])
        #expect(fixture.pass(499) == [])
        #expect(fixture.pass(501) == [.report([1])])
        #expect(fixture.loop.held[LoopFixture.reference(1)]?.order.entry != nil, "its entry still has to go")
    }

    @Test("An unsettled result is sent again after 8 s, 16 s, … 120 s, if the orchestrator was heard since")
    func resends() {
        var fixture = LoopFixture.connected { $0.heartbeat = .seconds(1000) }
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        _ = fixture.reported(1)
        #expect(fixture.pass(60_000).contains(.report([1])) == false, "nobody is there who could settle it")
        _ = fixture.acknowledge()
        #expect(fixture.pass(1000) == [.report([1])])
        #expect(fixture.loop.held[LoopFixture.reference(1)]?.order.entry == nil, "its entry is gone already")
        var intervals: [Int] = []
        for _ in 0..<6 {
            _ = fixture.reported(1)
            var waited = 0
            repeat {
                waited += 1
                fixture.milliseconds += 999
                _ = fixture.acknowledge()
                fixture.milliseconds += 1
            } while !fixture.step(.tick).contains(.report([1])) && waited < 1000
            intervals.append(waited)
        }
        #expect(intervals == [16, 32, 64, 120, 120, 120])
    }

    @Test("What is settled before the reply to its report came is done with")
    func settledEarly() {
        var fixture = LoopFixture.connected()
        _ = fixture.step(.claimed([LoopFixture.task(1)]))
        _ = fixture.finish(1)
        _ = fixture.acknowledge(settled: [1])
        #expect(fixture.loop.held.isEmpty)
        #expect(fixture.reported(1) == [])
        #expect(fixture.step(.notReported([LoopFixture.reference(1)])) == [])
        #expect(fixture.pass(60_000).contains(.report([1])) == false)
    }
}
