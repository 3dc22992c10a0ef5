import AgentProtocol
import JSONTools
import TaskTransport
import Testing

/// What both buses must do.
@Suite(.serialized) struct TaskBusTests {
    private let wait = Duration.seconds(20)

    @Test(arguments: Road.Kind.allCases)
    func aTaskGoesToAnAgentAndItsResultComesBack(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let agent = road.agent("scaffold-1")
        let entries = try await road.bus.publish([Sample.task(1), Sample.task(2)])
        #expect(entries.count == 2 && !entries.contains(nil))
        #expect(try await road.bus.pendingTasks(ofType: "scaffold", lane: .medium) == TaskCounts(waiting: 2, taken: 0))

        let claimed = try await agent.claim(freeSlots: 4, block: wait)
        #expect(claimed.map(\.number) == [1, 2])
        #expect(claimed.map(\.entryID) == entries)
        #expect(try await road.bus.pendingTasks(ofType: "scaffold", lane: .medium) == TaskCounts(waiting: 0, taken: 2))

        try await agent.report([Sample.outgoing(1, claimed[0]), Sample.outgoing(2, claimed[1])])
        #expect(try await road.bus.taskEntries(ofTypes: ["scaffold"]).isEmpty)
        let results = try await road.bus.readResults(limit: 300, block: wait)
        #expect(results.map(\.bytes) == [Sample.result(1), Sample.result(2)])
        #expect(results.allSatisfy { !$0.isPoisoned })
        try await road.bus.acknowledgeResults(results.map(\.entryID))
        #expect(try await road.bus.readResults(limit: 300, block: .zero).isEmpty)
        await road.bus.close()
    }

    @Test(arguments: Road.Kind.allCases)
    func urgentLanesGoFirstAndEveryEighthRoundTheLast(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let agent = road.agent("scaffold-1")
        for number in 0..<9 {
            _ = try await road.bus.publish([Sample.task(number, lane: .low), Sample.task(100 + number, lane: .high)])
        }
        var numbers: [Int?] = []
        for _ in 0..<9 { numbers += try await agent.claim(freeSlots: 1, block: wait).map(\.number) }
        #expect(numbers == [100, 101, 102, 103, 104, 105, 106, 0, 107])
        let rest = try await agent.claim(freeSlots: 3, block: wait).map(\.number)
        #expect(rest == [108, 1, 2], "The slots that a lane leaves go to the next.")
    }

    @Test(arguments: Road.Kind.allCases)
    func whatIsHandedBackGoesToAnother(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        _ = try await road.bus.publish([Sample.task(1)])
        let first = road.agent("scaffold-1")
        let claimed = try await first.claim(freeSlots: 1, block: wait)
        try await first.handBack(claimed)
        let again = try await road.agent("scaffold-2").claim(freeSlots: 1, block: wait)
        #expect(again.map(\.number) == [1])
        #expect(again.map(\.entryID) != claimed.map(\.entryID))
        let entries = try await road.bus.taskEntries(ofTypes: ["scaffold"])
        #expect(entries.map(\.entryID) == again.map(\.entryID))
        #expect(entries.map(\.consumer) == ["scaffold-2"])
        #expect(entries.map(\.reference) == [Sample.reference(1)])
    }

    @Test(arguments: Road.Kind.allCases)
    func aRejectedTaskIsGoneAndTold(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let agent = road.agent("scaffold-1")
        var broken = Sample.task(1)
        broken.envelope = Array("not json".utf8)
        _ = try await road.bus.publish([broken])
        let claimed = try await agent.claim(freeSlots: 1, block: wait)
        #expect(claimed.map(\.bytes) == [broken.envelope])
        #expect(try await road.bus.taskEntries(ofTypes: ["scaffold"]).map(\.reference) == [nil])
        let signal = RejectedSignal(
            agentID: "scaffold-1", sentAt: Timestamp(microseconds: 0), stream: claimed[0].stream,
            entryID: claimed[0].entryID, reason: "not JSON", bytes: claimed[0].bytes)
        try await agent.reject(claimed[0], signal: signal)
        #expect(try await road.bus.taskEntries(ofTypes: ["scaffold"]).isEmpty)
        let reports = try await road.bus.readReports(limit: 10, block: wait)
        #expect(try reports.signals.map { try AgentSignal(decoding: $0.bytes) } == [.rejected(signal)])
    }

    @Test(arguments: Road.Kind.allCases)
    func signalsAndLogsComeToOneReader(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let agent = road.agent("scaffold-1")
        let time = Timestamp(microseconds: 1_700_000_000_000_000)
        let line = LogLine(number: 1, at: time, level: .info, stream: .agent, text: "hello")
        let log = LogBatch(
            agentID: "scaffold-1", sentAt: time, reference: Sample.reference(1), workflowID: Sample.id(9), lines: [line]
        )
        try await agent.send(Sample.started(1))
        try await agent.send(log)
        try await agent.send(Sample.started(2))
        #expect(try await road.bus.signalLagMilliseconds() >= 0)
        var reports = AgentReports()
        while reports.signals.count < 2 || reports.logs.isEmpty {
            let more = try await road.bus.readReports(limit: 1, block: wait)
            reports.signals += more.signals
            reports.logs += more.logs
        }
        #expect(
            try reports.signals.map { try AgentSignal(decoding: $0.bytes) } == [Sample.started(1), Sample.started(2)])
        #expect(try reports.logs.map { try LogBatch(decoding: $0.bytes) } == [log])
        try await road.bus.acknowledgeReports(
            signals: reports.signals.map(\.entryID), logs: reports.logs.map(\.entryID))
        #expect(try await road.bus.readReports(limit: 9, block: .zero).isEmpty)
        #expect(try await road.bus.signalLagMilliseconds() == 0)
    }

    @Test(arguments: Road.Kind.allCases)
    func whatNobodyIsDoneWithIsUnfinishedForAWhile(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        #expect(try await road.bus.unfinished(within: 60_000) == UnfinishedMessages())
        try await road.agent("scaffold-1").report([Sample.outgoing(1, nil)])
        try await road.agent("scaffold-1").send(Sample.started(1))
        var unfinished = try await road.bus.unfinished(within: 60_000)
        #expect(unfinished.resultMilliseconds.map { (0..<60_000).contains($0) } == true, "read or not")
        #expect(unfinished.signalMilliseconds == nil, "not read")
        let signals = try await road.bus.readReports(limit: 9, block: wait).signals
        let results = try await road.bus.readResults(limit: 9, block: wait)
        unfinished = try await road.bus.unfinished(within: 60_000)
        #expect(unfinished.signalMilliseconds.map { (0..<60_000).contains($0) } == true)
        #expect(unfinished.resultMilliseconds != nil)
        try await road.bus.acknowledgeReports(signals: signals.map(\.entryID), logs: [])
        #expect(try await road.bus.unfinished(within: 60_000).signalMilliseconds == nil)
        try await road.bus.acknowledgeResults(results.map(\.entryID))
        #expect(try await road.bus.unfinished(within: 60_000) == UnfinishedMessages())
    }

    @Test(arguments: Road.Kind.allCases)
    func whatWasSetAsideGoesBackOntoItsStream(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        try await road.bus.restore(Sample.result(1), to: .results)
        #expect(try await road.bus.readResults(limit: 9, block: wait).map(\.bytes) == [Sample.result(1)])
        try await road.bus.restore(Sample.started(1).encoded(), to: .signals)
        let signals = try await road.bus.readReports(limit: 9, block: wait).signals
        #expect(try signals.map { try AgentSignal(decoding: $0.bytes) } == [Sample.started(1)])
        try await road.bus.restore(Array("unreadable".utf8), to: .tasks(agentType: "scaffold", .high))
        let claimed = try await road.agent("scaffold-1").claim(freeSlots: 1, block: wait)
        #expect(claimed.map(\.bytes) == [Array("unreadable".utf8)])
    }

    @Test(arguments: Road.Kind.allCases)
    func whatADeadOrchestratorReadIsTakenOverUntilItIsPoison(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        try await road.agent("scaffold-1").report([Sample.outgoing(1, nil)])
        try await road.agent("scaffold-1").send(Sample.started(1))
        #expect(try await road.bus.readResults(limit: 9, block: wait).count == 1)
        #expect(try await road.bus.readReports(limit: 9, block: wait).signals.count == 1)
        // Each of these takes it over from the one before, which dies of it.
        for life in 2...5 {
            let heir = road.orchestrator("orchestrator-\(life)")
            let results = try await heir.claimResults(idleMilliseconds: 0)
            #expect(results.map(\.bytes) == [Sample.result(1)])
            #expect(results.map(\.isPoisoned) == [life == 5], "The fourth claim, of life \(life), is one too many.")
            #expect(try await heir.claimReports(idleMilliseconds: 0).signals.count == 1)
            #expect(try await heir.claimResults(idleMilliseconds: 0).isEmpty, "Nobody claims from itself.")
            if life == 5 {
                try await heir.acknowledgeResults(results.map(\.entryID))
                #expect(try await road.bus.claimResults(idleMilliseconds: 0).isEmpty)
            }
        }
    }

    @Test(arguments: Road.Kind.allCases)
    func agentsHearWhatIsSaidToTheirType(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let agent = road.agent("scaffold-1")
        var events = agent.controlEvents.makeAsyncIterator()
        while let event = await events.next(), event != .listening(epoch: 1) {}
        let message = ControlMessage.cancel(
            CancelMessage(agentID: nil, sentAt: Timestamp(microseconds: 0), reference: Sample.reference(7)))
        try await road.bus.control([("validation", message), ("scaffold", message)])
        #expect(await events.next() == .message(message))
        await agent.close()
        #expect(await events.next() == nil)
    }

    @Test(arguments: Road.Kind.allCases)
    func entriesThatAreNotOutstandingCanBeRemoved(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        _ = try await road.bus.publish([Sample.task(1), Sample.task(2, lane: .low)])
        _ = try await road.agent("scaffold-1").claim(freeSlots: 1, block: wait)
        let entries = try await road.bus.taskEntries(ofTypes: ["scaffold", "unknown"])
        #expect(entries.map(\.consumer) == ["scaffold-1", nil])
        try await road.bus.deleteTaskEntries(entries.map { ($0.stream, $0.entryID) })
        #expect(try await road.bus.taskEntries(ofTypes: ["scaffold"]).isEmpty)
        #expect(try await road.bus.pendingTasks(ofType: "scaffold", lane: .medium) == TaskCounts(waiting: 0, taken: 0))
    }

    @Test(arguments: Road.Kind.allCases)
    func aWaitEndsWithTheTaskOrTheBus(kind: Road.Kind) async throws {
        let road = try await Road(kind)
        let cancelled = _Concurrency.Task { try await road.bus.readResults(limit: 1, block: .seconds(60)) }
        cancelled.cancel()
        // The one says that it was cancelled, the other that there was nothing; neither waits.
        _ = await cancelled.result
        let closed = _Concurrency.Task { try await road.bus.readReports(limit: 1, block: .seconds(60)) }
        await road.bus.close()
        let error = await #expect(throws: TransportError.self) { _ = try await closed.value }
        #expect(error?.code == .closed)
    }
}
