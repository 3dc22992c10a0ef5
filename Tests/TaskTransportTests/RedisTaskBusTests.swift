import AgentProtocol
import JSONTools
import RedisDriver
import RedisTestSupport
import TaskTransport
import Testing

/// What Redis may do to us.
@Suite(.serialized) struct RedisTaskBusTests {
    private let names = ChannelNames(namespace: "x")
    private let wait = Duration.seconds(20)

    private func bus(_ server: RedisTestServer, _ name: String = "orchestrator-1") -> RedisTaskBus {
        RedisTaskBus(server.overSocket, names: names, consumerName: name)
    }

    private func agent(_ server: RedisTestServer, _ id: String = "scaffold-1") -> RedisAgentTaskBus {
        RedisAgentTaskBus(server.overSocket, names: names, agentType: "scaffold", agentID: id)
    }

    @Test func everyNameIsInTheNamespaceAndEntriesShowTaskAndAttempt() async throws {
        let server = RedisTestServer()
        let bus = bus(server)
        let watcher = RedisSubscriber(server.overSocket, channels: ["x:agent:scaffold:tasks"])
        var seen = watcher.events.makeAsyncIterator()
        while let event = await seen.next(), event != .subscribed(epoch: 1) {}
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        _ = try await bus.publish([Sample.task(1, lane: .high)])
        let message = RedisSubscriptionEvent.message(
            channel: "x:agent:scaffold:tasks", payload: Sample.task(1).envelope)
        #expect(await seen.next() == message, "Whoever watches sees the bytes of every lane.")

        let client = RedisClient(server.overSocket)
        let entries = try await client.entries(of: "x:agent:scaffold:tasks:high", count: 9)
        #expect(entries.map { $0.bytes(of: "envelope") } == [Sample.task(1).envelope])
        #expect(entries.map { $0.value(of: "task_id")?.string } == ["\(Sample.id(1))"])
        #expect(entries.map { $0.value(of: "attempt")?.integer } == [1])
        let keys = try await client.send(RedisCommand("KEYS", "*")).elements.compactMap(\.string)
        #expect(keys.count == 7)
        #expect(keys.allSatisfy { $0.hasPrefix("x:") })
        try await bus.mirrorDeadLetters([
            DeadLetterCopy(source: "here", cause: "INVALID_JSON", bytes: [UInt8](repeating: 1, count: 100_000))
        ])
        #expect(try await client.entries(of: "x:orchestrator:dead", count: 9)[0].bytes(of: "envelope")?.count == 65_536)
    }

    @Test func afterEverythingWasLostReadersMakeTheirGroupsAndGoOn() async throws {
        let server = RedisTestServer()
        let (bus, agent, client) = (bus(server), agent(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        let before = bus.epoch
        let results = _Concurrency.Task { try await bus.readResults(limit: 9, block: .seconds(60)) }
        let reports = _Concurrency.Task { try await bus.readReports(limit: 9, block: .seconds(60)) }
        let tasks = _Concurrency.Task { try await agent.claim(freeSlots: 1, block: .seconds(60)) }
        try await waitForBlockedClients(3, client)
        _ = try await client.send(RedisCommand("FLUSHALL"))
        _ = try await bus.publish([Sample.task(5)])
        #expect(try await tasks.value.map(\.number) == [5])
        try await agent.report([Sample.outgoing(5, tasks.value[0])])
        #expect(try await results.value.map(\.bytes) == [Sample.result(5)])
        try await agent.send(Sample.started(5))
        #expect(try await reports.value.signals.count == 1)
        #expect(bus.epoch > before, "What was lost must be noticed.")
    }

    @Test func aRestartIsSurvivedAndIsANewEpoch() async throws {
        let server = RedisTestServer()
        var configuration = server.overSocket
        configuration.queueTimeout = .milliseconds(300)
        let bus = RedisTaskBus(configuration, names: names, consumerName: "orchestrator-1")
        let agent = RedisAgentTaskBus(configuration, names: names, agentType: "scaffold", agentID: "scaffold-1")
        try await reconnecting { () async throws(TransportError) in
            try await bus.ensureGroups(agentTypes: ["scaffold"])
        }
        let before = bus.epoch
        _ = try await bus.publish([Sample.task(1)])
        let claimed = try await agent.claim(freeSlots: 1, block: wait)
        server.kill()
        let failing = await #expect(throws: TransportError.self) {
            try await agent.report([Sample.outgoing(1, claimed[0])])
        }
        #expect([.unavailable, .outcomeUnknown].contains(failing?.code))
        server.start()
        try await reconnecting { () async throws(TransportError) in
            try await agent.report([Sample.outgoing(1, claimed[0])])
        }
        var results: [InboundMessage] = []
        while results.isEmpty {
            results = try await reconnecting { () async throws(TransportError) in
                try await bus.readResults(limit: 9, block: wait)
            }
        }
        #expect(results.first?.bytes == Sample.result(1))
        try await reconnecting { () async throws(TransportError) in try await bus.ensureGroups(agentTypes: []) }
        #expect(bus.epoch > before)
    }

    @Test func whatWasDeliveredButNotReceivedComesFirstAndOnce() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        _ = try await bus.publish([Sample.task(1), Sample.task(2, lane: .low), Sample.task(3)])
        // The replies to these reads never reached the agent, as far as it knows.
        for stream in [names.tasks("scaffold", .medium), names.tasks("scaffold", .low)] {
            let lost = try await client.read(
                RedisGroupRead(group: "agents", consumer: "scaffold-1", streams: [stream], count: 1))
            #expect(lost.count == 1)
        }
        let agent = agent(server)
        #expect(try await agent.claim(freeSlots: 1, block: wait).map(\.number) == [1])
        #expect(try await agent.claim(freeSlots: 5, block: wait).map(\.number) == [2])
        #expect(try await agent.claim(freeSlots: 5, block: wait).map(\.number) == [3])
        // After a reconnect it is asked again, but everything is held.
        _ = try await client.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal"))
        _ = try await bus.publish([Sample.task(4)])
        var next: [ClaimedTask] = []
        while next.isEmpty {
            next = try await reconnecting { () async throws(TransportError) in
                try await agent.claim(freeSlots: 5, block: wait)
            }
        }
        #expect(next.map(\.number) == [4])
    }

    @Test func whatABlockedReadTakesBeyondTheSlotsGoesBack() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        let agent = agent(server)
        let waiting = _Concurrency.Task { try await agent.claim(freeSlots: 1, block: .seconds(60)) }
        try await waitForBlockedClients(1, client)
        // As one step, so that the blocked read gets one of each lane.
        var batch = RedisBatch()
        batch.beginTransaction()
        for (number, lane) in [(1, TaskLane.low), (2, .critical), (3, .medium)] {
            batch.xadd(to: names.tasks("scaffold", lane), fieldCount: 1)
            batch.add(literal: "envelope")
            batch.add(Sample.envelope(number).encoded())
        }
        batch.endTransaction()
        _ = try await client.submit(batch).checked()
        let first = try await waiting.value
        #expect(first.count == 1)
        var numbers = Set(first.compactMap(\.number))
        while numbers.count < 3 {
            numbers.formUnion(try await agent.claim(freeSlots: 1, block: wait).compactMap(\.number))
        }
        #expect(numbers == [1, 2, 3])
    }

    @Test func aResultThatIsTooLargeIsPoisonAndTheOthersAreNot() async throws {
        let server = RedisTestServer()
        var configuration = server.overSocket
        configuration.maximumReplyBytes = 1 << 20
        let bus = RedisTaskBus(configuration, names: names, consumerName: "orchestrator-1")
        try await bus.ensureGroups(agentTypes: [])
        let agent = agent(server)
        let huge = [UInt8](repeating: 65, count: 3 << 20)
        try await agent.report([Sample.outgoing(1, nil)])
        try await agent.report([OutgoingResult(taskID: Sample.id(2), attempt: 1, bytes: huge, task: nil)])
        try await agent.report([Sample.outgoing(3, nil)])
        var results: [InboundMessage] = []
        while results.count < 3 {
            results += try await reconnecting { () async throws(TransportError) in
                try await bus.readResults(limit: 300, block: wait)
            }
        }
        #expect(results.map(\.isPoisoned) == [false, true, false])
        #expect(results.map(\.bytes) == [Sample.result(1), [], Sample.result(3)])
        try await bus.acknowledgeResults(results.map(\.entryID))
        #expect(try await RedisClient(server.overSocket).length(of: names.results) == 0)
    }

    @Test func theInletTakesEachMessageInOnceHoweverManyListen() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let buses = (1...3).map { bus(server, "orchestrator-\($0)") }
        try await buses[0].ensureGroups(agentTypes: [])
        let inlets = buses.map { bus in _Concurrency.Task { await bus.runInlet() } }
        var listeners = 0
        while listeners < 3 {
            let reply = try await client.send(RedisCommand("PUBSUB", "NUMSUB", .text(names.results)))
            listeners = reply.elements[1]?.integer ?? 0
        }
        let garbage = Array("garbage".utf8)
        for message in [Sample.result(1), garbage, Sample.result(2)] {
            #expect(try await client.publish(message, to: names.results) == 3)
        }
        var results: [InboundMessage] = []
        while results.count < 3 { results += try await buses[0].readResults(limit: 9, block: wait) }
        #expect(results.map(\.bytes) == [Sample.result(1), garbage, Sample.result(2)])
        let entries = try await client.entries(of: names.results, count: 99)
        #expect(entries.count == 3)
        #expect(entries[0].value(of: "task_id")?.string == "\(Sample.id(1))")
        for bus in buses { await bus.close() }
        for inlet in inlets { await inlet.value }
    }

    @Test func aCancelledInletEnds() async throws {
        let server = RedisTestServer()
        let bus = bus(server)
        let inlet = _Concurrency.Task { await bus.runInlet() }
        inlet.cancel()
        await inlet.value
    }

    @Test func consumersOfDeadAgentsGoOnceNothingIsPendingThere() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        _ = try await bus.publish([Sample.task(1)])
        let idle = agent(server, "scaffold-idle")
        #expect(try await agent(server, "scaffold-busy").claim(freeSlots: 1, block: wait).count == 1)
        #expect(try await idle.claim(freeSlots: 1, block: .milliseconds(1)).isEmpty)
        #expect(try await agent(server, "scaffold-alive").claim(freeSlots: 1, block: .milliseconds(1)).isEmpty)
        try await bus.removeIdleConsumers(except: ["scaffold-alive"])
        let left = try await client.consumers(of: names.tasks("scaffold", .medium), group: "agents")
        #expect(Set(left.map(\.name)) == ["scaffold-alive", "scaffold-busy"])
    }

    @Test func aRedisOutOfMemoryHoldsUsBackAndLetsUsGoOnAfterwards() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        let agent = agent(server)
        _ = try await bus.publish([Sample.task(1), Sample.task(9)])
        let claimed = try await agent.claim(freeSlots: 1, block: wait)
        _ = try await client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
        let publishing = await #expect(throws: TransportError.self) { try await bus.publish([Sample.task(2)]) }
        #expect(publishing?.code == .outOfMemory)
        let other = try await agent.claim(freeSlots: 1, block: wait)
        #expect(other.map(\.number) == [9], "Taking needs no memory.")
        await #expect(throws: TransportError.self) { try await agent.handBack(other) }
        #expect(
            try await agent.claim(freeSlots: 5, block: wait) == other, "What could not be handed back is still ours.")
        let reporting = await #expect(throws: TransportError.self) {
            try await agent.report([Sample.outgoing(1, claimed[0])])
        }
        #expect(reporting?.code == .outOfMemory)
        #expect(try await bus.taskEntries(ofTypes: ["scaffold"]).count == 2, "Without its result a task stays.")
        _ = try await client.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
        try await agent.report([Sample.outgoing(1, claimed[0])])
        #expect(try await bus.taskEntries(ofTypes: ["scaffold"]).map(\.reference) == [Sample.reference(9)])
    }

    @Test func aLivingOrchestratorThatHasNoTimeToReadIsNotRobbed() async throws {
        let server = RedisTestServer()
        let (slow, other, client) = (bus(server), bus(server, "orchestrator-2"), RedisClient(server.overSocket))
        try await slow.ensureGroups(agentTypes: [])
        try await agent(server).report([Sample.outgoing(1, nil)])
        #expect(try await slow.readResults(limit: 9, block: wait).count == 1)
        let idle = 1_000
        var silence = 0
        while silence < idle {
            let consumers = try await client.consumers(of: names.results, group: "orchestrators")
            silence = consumers.first?.idleMilliseconds ?? 0
        }
        #expect(try await slow.claimResults(idleMilliseconds: idle).isEmpty, "Its sweeper still goes round.")
        #expect(try await other.claimResults(idleMilliseconds: idle).isEmpty)
    }

    @Test func theLagIsTheAgeOfTheOldestUnreadSignal() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        try await bus.ensureGroups(agentTypes: [])
        #expect(try await bus.signalLagMilliseconds() == 0)
        let time = try await client.send(RedisCommand("TIME")).elements[0]?.integer ?? 0
        _ = try await client.send(
            RedisCommand("XADD", .text(names.signals), .text("\(time - 100)000-0"), "envelope", "x"))
        let lag = try await bus.signalLagMilliseconds()
        #expect((100_000..<160_000).contains(lag))
    }

    @Test func whatIsUnfinishedIsAsOldAsRedisSaysAndNeverOlderThanAsked() async throws {
        let server = RedisTestServer()
        let (bus, client) = (bus(server), RedisClient(server.overSocket))
        #expect(try await bus.unfinished(within: 60_000) == UnfinishedMessages(), "There is neither stream nor group.")
        try await bus.ensureGroups(agentTypes: [])
        let time = try await client.send(RedisCommand("TIME")).elements[0]?.integer ?? 0
        for age in [100, 40, 20] {
            for stream in [names.results, names.signals] {
                _ = try await client.send(
                    RedisCommand("XADD", .text(stream), .text("\(time - age)000-0"), "envelope", "x"))
            }
        }
        #expect(try await bus.readReports(limit: 9, block: wait).signals.count == 3)
        let near = try await bus.unfinished(within: 60_000)
        #expect((40_000..<60_000).contains(near.resultMilliseconds ?? -1))
        #expect((40_000..<60_000).contains(near.signalMilliseconds ?? -1))
        let far = try await bus.unfinished(within: 1_000_000)
        #expect((100_000..<160_000).contains(far.resultMilliseconds ?? -1))
        #expect((100_000..<160_000).contains(far.signalMilliseconds ?? -1))
    }

    @Test func manyResultsGoThroughWithoutLossOrDouble() async throws {
        let server = RedisTestServer()
        let bus = bus(server)
        try await bus.ensureGroups(agentTypes: ["scaffold"])
        let count = 2_000
        let agents = (1...3).map { number in
            _Concurrency.Task {
                let agent = agent(server, "scaffold-\(number)")
                var done = 0
                while true {
                    let tasks = try await agent.claim(freeSlots: 8, block: wait)
                    for task in tasks {
                        guard let number = task.number else { continue }
                        if number == 0 {
                            try await agent.discard([task])
                            return done
                        }
                        try await agent.report([Sample.outgoing(number, task)])
                        done += 1
                    }
                }
            }
        }
        _ = try await bus.publish((1...count).map { Sample.task($0) })
        var seen: [UniqueID: Int] = [:]
        while seen.count < count {
            let results = try await bus.readResults(limit: 300, block: wait)
            for result in results { seen[try TaskResult(decoding: result.bytes).taskID, default: 0] += 1 }
            try await bus.acknowledgeResults(results.map(\.entryID))
        }
        #expect(seen.values.allSatisfy { $0 == 1 })
        // One for each agent, on which it ends; what the same claim had after it goes with the agent.
        for agent in agents {
            _ = try await bus.publish([Sample.task(0, lane: .low)])
            _ = agent
        }
        var done = 0
        for agent in agents { done += try await agent.value }
        #expect(done == count)
    }

    /// Asks the server until so many clients are blocked.
    private func waitForBlockedClients(_ count: Int, _ client: RedisClient) async throws {
        while true {
            let text = try await client.send(RedisCommand("INFO", "clients")).string ?? ""
            if text.contains("blocked_clients:\(count)\r\n") { return }
        }
    }
}
