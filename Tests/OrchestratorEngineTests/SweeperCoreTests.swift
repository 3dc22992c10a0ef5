import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("The watch as a value")
struct SweeperCoreTests {
    @Test("looks five times within seconds at start, then every 4 s idle; walks after a heartbeat, then each minute")
    func rhythm() {
        var bench = WatchBench()
        bench.run(for: 130_000)
        #expect(Array(bench.looks.prefix(6)) == [0, 1000, 2000, 3000, 4000, 5000])
        #expect(zip(bench.looks, bench.looks.dropFirst()).dropFirst(6).allSatisfy { $1 - $0 <= 4000 })
        #expect(bench.walks.count == 3)
        #expect(bench.walks.first == 6000)
        #expect(zip(bench.walks, bench.walks.dropFirst()).allSatisfy { $1 - $0 >= 60_000 && $1 - $0 < 65_000 })
        #expect(bench.upkeeps == 1)
        #expect(bench.questions.filter(\.looksForOverdue).count == 3)
    }

    @Test("results of dead orchestrators are looked for each time while attempts are open, and now and then otherwise")
    func claims() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        let (looks, claims) = (bench.looks.count, bench.claims)
        bench.run(for: 64_000)
        #expect(bench.claims - claims <= (bench.looks.count - looks) / 8 + 1)
        bench.findings.loads = [AgentTypeLoad(agentType: "scaffold", sent: 1, queued: 0, slots: 2)]
        let before = (bench.looks.count, bench.claims)
        bench.run(for: 32_000)
        #expect(bench.looks.count - before.0 == bench.claims - before.1)
    }

    @Test("looks every 2 s while there is something to do")
    func busy() {
        var bench = WatchBench()
        bench.findings.due = [workflow]
        bench.run(for: 60_000)
        #expect(zip(bench.looks, bench.looks.dropFirst()).allSatisfy { $1 - $0 <= 2000 })
        #expect(Set(bench.events) == [.wake])
    }

    @Test("judges leases only after a whole lease of listening, and anew after Redis or the record was away")
    func listening() {
        var bench = WatchBench()
        bench.findings.expired = [(workflowID: workflow, reference: reference(1), agentID: "scaffold-1")]
        bench.run(for: 14_000)
        #expect(bench.questions.allSatisfy { !$0.judgesLeases })
        #expect(bench.events.isEmpty, "nothing is judged before a lease has passed")
        bench.run(for: 6000)
        #expect(bench.events.contains(.leaseExpired))
        for spoil in [{ (bench: inout WatchBench) in bench.lag = nil }, { $0.lag = 12_000 }, { $0.failsToAsk = true }] {
            spoil(&bench)
            bench.run(for: 30_000)
            bench.lag = 0
            bench.failsToAsk = false
            let before = bench.submitted.count
            bench.run(for: 12_000)
            #expect(bench.submitted.count == before, "silence during an outage proves nothing")
            bench.run(for: 10_000)
            #expect(bench.submitted.count > before)
        }
    }

    @Test("an orchestrator that stood still judges nothing before it has listened for a lease again")
    func standstill() {
        var bench = WatchBench()
        bench.run(for: 30_000)
        #expect(bench.core.hearing.hasListened(for: 15_000, at: bench.monotonic))
        bench.monotonic += 30_000
        #expect(!bench.core.hearing.hasListened(for: 15_000, at: bench.monotonic), "before anything is noted")
        bench.findings.expired = [(workflowID: workflow, reference: reference(1), agentID: "scaffold-1")]
        bench.run(for: 12_000)
        #expect(bench.events.isEmpty)
    }

    @Test("sends that were not published are sent again, but not while Redis is away")
    func unpublished() {
        var bench = WatchBench()
        bench.findings.unpublished = [(workflowID: workflow, reference: reference(1))]
        bench.lag = nil
        bench.run(for: 20_000)
        #expect(bench.events.isEmpty)
        bench.lag = 0
        bench.run(for: 5000)
        #expect(bench.events.contains(.sendLost))
    }

    @Test(
        "an open send that no stream holds counts as lost when two walks miss it; a walk's first miss hastens the next")
    func suspects() {
        var bench = WatchBench()
        bench.run(for: 1)
        bench.open = [row(1), row(2)]
        bench.entries = [entry(2)]
        bench.run(for: 8000)
        #expect(bench.walks.count == 1)
        #expect(bench.events.isEmpty, "a result may be on its way")
        bench.run(for: 13_000)
        #expect(bench.walks.count == 2)
        #expect(bench.events == [.sendLost])
    }

    @Test("a send missed once and found again is not lost")
    func foundAgain() {
        var bench = WatchBench()
        bench.open = [row(1)]
        bench.run(for: 8000)
        bench.entries = [entry(1)]
        bench.run(for: 120_000)
        #expect(bench.events.isEmpty)
    }

    @Test("after Redis lost its data, what nobody has claimed within a heartbeat and a second is sent again at once")
    func wipe() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.open = [row(1), row(2, agent: "scaffold-1")]
        bench.epoch = 2
        let lost = bench.monotonic
        bench.run(for: 9000)
        #expect(bench.events == [.sendLost], "the bound attempt goes on")
        #expect(bench.walks.last.map { $0 - lost >= 6000 && $0 - lost <= 8000 } ?? false)
    }

    /// What a walk makes of one entry and one row.
    @Test(
        "a walk removes what is not open; what a dead agent took is lost, what a silent one keeps is sent again",
        arguments: [
            (taker: nil, idle: 0, isOpen: true, event: nil, isRemoved: false),
            (taker: nil, idle: 0, isOpen: false, event: nil, isRemoved: true),
            (taker: "scaffold-1", idle: 5000, isOpen: true, event: nil, isRemoved: false),
            (taker: "scaffold-1", idle: 30_000, isOpen: true, event: .sendLost, isRemoved: true),
            (taker: "scaffold-9", idle: 5000, isOpen: true, event: nil, isRemoved: false),
            (taker: "scaffold-9", idle: 30_000, isOpen: true, event: .leaseExpired, isRemoved: true),
        ] as [(taker: String?, idle: Int64, isOpen: Bool, event: WorkflowEvent.Name?, isRemoved: Bool)])
    func walk(taker: String?, idle: Int64, isOpen: Bool, event: WorkflowEvent.Name?, isRemoved: Bool) {
        var bench = WatchBench()
        bench.run(for: 30_000)
        bench.open = isOpen ? [row(1)] : []
        bench.entries = [entry(1, taker: taker, idle: idle)]
        while bench.walks.count < 2 { bench.run(for: 1000) }
        #expect(bench.events == (event.map { [$0] } ?? []))
        #expect(bench.removed == (isRemoved ? ["1-0"] : []))
    }

    @Test("what an agent took just as it ended in good order is lost too, and does not count as its crash")
    func takenWhileLeaving() {
        var bench = WatchBench()
        bench.run(for: 30_000)
        bench.gone = ["scaffold-9"]
        bench.open = [row(1), row(2), row(3, agent: "scaffold-9")]
        bench.entries = [
            entry(1, taker: "scaffold-9", idle: 30_000), entry(2, taker: "scaffold-8", idle: 30_000),
            entry(3, taker: "scaffold-9", idle: 30_000),
        ]
        while bench.walks.count < 2 { bench.run(for: 1000) }
        #expect(bench.events == [.abandoned, .leaseExpired])
        #expect(bench.removed == ["1-0", "2-0"])
    }

    private func watched(_ number: UInt64, type: String = "scaffold") -> WatchedAttempt {
        WatchedAttempt(
            workflowID: workflow, reference: reference(number), agentType: type, milliseconds: 20_000)
    }

    @Test("that no agent lives who could take a task is submitted once, and again when it comes up anew")
    func agentMissing() {
        var bench = WatchBench()
        bench.run(for: 16_000)
        bench.findings.agentless = [watched(1)]
        bench.run(for: 20_000)
        #expect(bench.events == [.agentMissing])
        bench.findings.agentless = []
        bench.run(for: 8000)
        bench.findings.agentless = [watched(1)]
        bench.run(for: 8000)
        #expect(bench.events == [.agentMissing, .agentMissing])
    }

    @Test("a workflow that is overdue, stranded, or has rows left open is inspected with what its rows say")
    func inspection() {
        var bench = WatchBench()
        let others = [UniqueID(high: 1, low: 2), UniqueID(high: 1, low: 3)]
        bench.findings.overdue = [workflow]
        bench.findings.stranded = [workflow, others[0]]
        bench.findings.orphaned = [
            WatchedAttempt(workflowID: others[1], reference: reference(1), agentType: "scaffold", milliseconds: 1)
        ]
        bench.run(for: 1)
        #expect(bench.inspected == [workflow] + others)
        #expect(bench.events == [.inspected, .inspected, .inspected])
        guard case .event(.inspected(let evidence), workflow)? = bench.submitted.first?.body else {
            Issue.record("expected what the rows say")
            return
        }
        #expect(evidence.sequence == 9)
        #expect(evidence.nextWake == Timestamp(microseconds: 5))
    }

    @Test("timers, expired questions and deadlines that passed wake their workflow once a look")
    func clocks() {
        var bench = WatchBench()
        bench.findings.due = [workflow]
        bench.findings.expiredQuestions = [workflow]
        bench.findings.pastDeadline = [watched(1)]
        bench.run(for: 1)
        #expect(bench.events == [.wake])
    }

    @Test("a queued task is sent after three looks that found room for it, and waits while its type's window is full")
    func queuedLong() {
        var bench = WatchBench()
        bench.findings.queuedLong = [watched(1)]
        bench.findings.loads = [AgentTypeLoad(agentType: "scaffold", sent: 64, queued: 1, slots: 2)]
        bench.run(for: 20_000)
        #expect(bench.events.isEmpty)
        #expect(bench.shown.last == bench.findings.loads, "the door learns what is under way")
        bench.findings.loads = [AgentTypeLoad(agentType: "scaffold", sent: 10, queued: 1, slots: 2)]
        let before = bench.looks.count
        while bench.events.isEmpty { bench.run(for: 1) }
        #expect(bench.looks.count == before + 3)
        #expect(bench.events == [.sendLost])
        #expect(bench.shown.last?.map(\.queued) == [0], "what goes out as a finding is not let go as well")
    }

    @Test("a queue that shrinks passes nobody over: its tasks wait for their turn")
    func shrinkingQueue() {
        var bench = WatchBench()
        bench.findings.queuedLong = [watched(1)]
        for queued in stride(from: 400, to: 380, by: -1) {
            bench.findings.loads = [AgentTypeLoad(agentType: "scaffold", sent: 10, queued: queued, slots: 2)]
            let looks = bench.looks.count
            while bench.looks.count == looks { bench.run(for: 1) }
        }
        #expect(bench.events.isEmpty)
    }

    @Test("when the record had more than one answer holds, the next look follows at once")
    func fullAnswer() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.findings.due = (1...500).map { UniqueID(high: 9, low: $0) }
        bench.run(for: 5000)
        let before = bench.looks.count
        bench.run(for: 2000)
        #expect(bench.looks.count - before == 10)
    }
}
