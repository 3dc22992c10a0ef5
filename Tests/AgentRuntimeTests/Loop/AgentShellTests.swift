import AgentProtocol
import JSONTools
import RedisTestSupport
import Synchronization
import TaskTransport
import Testing

@testable import AgentRuntime

@Suite("An agent on a real Redis")
struct AgentShellTests {
    private static let waiting = ClosureAction("wait") { _ in
        try await Task.sleep(for: .seconds(60))
        return ActionOutcome()
    }

    private static func isKind(_ kind: AgentSignal.Kind) -> (AgentSignal) -> Bool { { $0.kind == kind } }

    @Test("It registers, beats, takes tasks, reports, and leaves nothing on the stream")
    func basics() async throws {
        try await AgentUnderTest.with { agent in
            let signals = try await agent.signals(until: Self.isKind(.heartbeat))
            #expect(signals.map(\.kind) == [.register, .heartbeat])
            try await agent.publish(
                (1...50).map { agent.envelope($0, payload: ["output": ["n": .integer(Int64($0))]]) })
            let results = try await agent.results(50)
            #expect(Set(results.map { $0.output["n"]?.intValue }) == Set((1...50).map { $0 }))
            #expect(results.allSatisfy { $0.status == .success && $0.agentID == agent.agentID })
            #expect(try await agent.orchestrator.taskEntries(ofTypes: ["demo"]).isEmpty)
        }
    }

    @Test("Results are held until settled, and said so in heartbeats")
    func held() async throws {
        try await AgentUnderTest.with(limits: .init(heartbeat: 100)) { agent in
            try await agent.publish(agent.envelope(1))
            _ = try await agent.results(1)
            try await agent.signals { signal in
                if case .heartbeat(let beat) = signal { beat.held == [LoopFixture.reference(1)] } else { false }
            }
            try await agent.acknowledge(settled: [LoopFixture.reference(1)])
            try await agent.signals { signal in
                if case .heartbeat(let beat) = signal { beat.held.isEmpty } else { false }
            }
            #expect(FileSystem.exists(agent.shell.health.path), "it was heard")
        }
    }

    @Test("A cancelled attempt ends within 5 s and is reported as cancelled", arguments: [true, false])
    func cancel(byVerdict: Bool) async throws {
        try await AgentUnderTest.with(actions: [Self.waiting]) { agent in
            try await agent.publish(agent.envelope(1, action: "wait"))
            try await agent.signals(until: Self.isKind(.started))
            let start = ContinuousClock.now
            if byVerdict {
                try await agent.acknowledge(stop: [LoopFixture.reference(1)])
            } else {
                try await agent.say(
                    .cancel(CancelMessage(agentID: nil, sentAt: .now(), reference: LoopFixture.reference(1))))
            }
            let results = try await agent.results(1)
            #expect(results.map(\.status) == [.cancelled])
            #expect(start.duration(to: .now) < .seconds(5))
        }
    }

    @Test("A cancelled attempt says after how long its whole process group was gone, the deaf ones in it too")
    func cancelledTools() async throws {
        // The shell and its child ignore SIGTERM: only SIGKILL after two seconds ends them.
        let stubborn = ClosureAction("stubborn") { context in
            _ = try await context.tools.run(
                ToolCommand("sh", ["-c", "trap '' TERM; sleep 60 & wait; sleep 60"]))
            return ActionOutcome()
        }
        try await AgentUnderTest.with(actions: [stubborn]) { agent in
            try await agent.publish(agent.envelope(1, action: "stubborn"))
            try await agent.signals(until: Self.isKind(.started))
            let start = ContinuousClock.now
            try await agent.say(
                .cancel(CancelMessage(agentID: nil, sentAt: .now(), reference: LoopFixture.reference(1))))
            let result = try #require(try await agent.results(1).first)
            let passed = start.duration(to: .now)
            #expect(result.status == .cancelled && result.errors.map(\.code) == ["CANCELLED"])
            let measured = try #require(result.errors.first?.detail["stopped_after_ms"]?.intValue)
            #expect(measured > 0 && .milliseconds(measured) <= passed, "\(measured) ms of \(passed)")
            #expect(passed < .seconds(5))
            let left = ProcessTable.all().filter {
                ProcessTable.variable("HOME", of: $0)?.hasPrefix(agent.home) ?? false
            }
            #expect(left == [], "processes of the group are left")
        }
    }

    @Test("An attempt that computes without end, deaf to everything, delays no heartbeat and no other task")
    func deafAction() async throws {
        let isDone = Mutex(false)
        let deaf = ClosureAction("deaf") { _ in
            while !isDone.withLock({ $0 }) {}
            return ActionOutcome()
        }
        try await AgentUnderTest.with(
            actions: [deaf],
            limits: .init(heartbeat: 200, stopGrace: 300)
        ) { agent in
            defer { isDone.withLock { $0 = true } }
            try await agent.publish(agent.envelope(1, action: "deaf", timeout: 300))
            try await agent.publish(agent.envelope(2, payload: ["sleep_ms": 50]))
            let results = try await agent.results(2)
            #expect(results.map(\.taskID.low).sorted() == [1, 2])
            let deafResult = try #require(results.first { $0.taskID.low == 1 })
            #expect(deafResult.errors.map(\.code) == ["TIMEOUT"])
            try await agent.signals { signal in
                if case .heartbeat(let beat) = signal { beat.held.count == 2 && beat.freeSlots == 3 } else { false }
            }
        }
    }

    @Test("An exclusive action begins its irreversible part when granted, not before")
    func grant() async throws {
        let hasBegun = Mutex(false)
        let careful = ClosureAction("careful", exclusive: true) { context in
            try await context.requestGrant()
            hasBegun.withLock { $0 = true }
            return ActionOutcome()
        }
        try await AgentUnderTest.with(actions: [careful]) { agent in
            try await agent.publish(agent.envelope(1, action: "careful"))
            try await agent.signals(until: Self.isKind(.grantRequest))
            try await agent.acknowledge()
            #expect(!hasBegun.withLock { $0 })
            try await agent.acknowledge(granted: [LoopFixture.reference(1)])
            #expect(try await agent.results(1).map(\.status) == [.success])
            #expect(hasBegun.withLock { $0 })

            hasBegun.withLock { $0 = false }
            try await agent.publish(agent.envelope(2, action: "careful"))
            try await agent.signals(until: Self.isKind(.grantRequest))
            try await agent.acknowledge(stop: [LoopFixture.reference(2)])
            #expect(try await agent.results(1).map(\.status) == [.cancelled])
            #expect(!hasBegun.withLock { $0 })
        }
    }

    @Test("Entries that are no tasks are answered or rejected, and gone")
    func garbage() async throws {
        try await AgentUnderTest.with { agent in
            _ = try await agent.orchestrator.publish([
                OutgoingTask(
                    agentType: "demo", lane: .high, taskID: LoopFixture.reference(1).taskID, attempt: 1,
                    envelope: Array("junk".utf8))
            ])
            let signals = try await agent.signals(until: Self.isKind(.rejected))
            let rejected = try #require(
                signals.lazy.compactMap { signal -> RejectedSignal? in
                    if case .rejected(let rejected) = signal { rejected } else { nil }
                }.first)
            #expect(rejected.bytes == Array("junk".utf8) && rejected.stream == "agent:demo:tasks:high")
            #expect(try await agent.orchestrator.taskEntries(ofTypes: ["demo"]).isEmpty)
        }
    }

    @Test("The log of an attempt comes in numbered batches")
    func log() async throws {
        let talker = ClosureAction("talk") { context in
            for number in 1...100 { context.logger.info("line \(number)") }
            return ActionOutcome()
        }
        try await AgentUnderTest.with(actions: [talker]) { agent in
            try await agent.publish(agent.envelope(1, action: "talk"))
            var lines: [LogLine] = []
            let deadline = ContinuousClock.now + .seconds(10)
            while lines.count < 100, ContinuousClock.now < deadline {
                let reports = try await agent.orchestrator.readReports(limit: 100, block: .milliseconds(500))
                for message in reports.logs {
                    let batch = try LogBatch(decoding: message.bytes)
                    #expect(batch.reference == LoopFixture.reference(1) && batch.lines.count <= 64)
                    lines += batch.lines
                }
            }
            #expect(lines.map(\.number) == Array(1...100))
            #expect(lines.map(\.text) == (1...100).map { "line \($0)" })
        }
    }

    @Test("Redis may die and come back: running work goes on and its result is delivered once it is there")
    func redisRestart() async throws {
        let isDone = Mutex(false)
        let patient = ClosureAction("patient") { _ in
            while !isDone.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
            return ActionOutcome(output: ["ok": true])
        }
        try await AgentUnderTest.with(actions: [patient]) { agent in
            try await agent.publish(agent.envelope(1, action: "patient"))
            try await agent.signals(until: Self.isKind(.started))
            agent.server.kill()
            isDone.withLock { $0 = true }
            await agent.shell.attempts.waitForNone()
            agent.server.start()
            let results = try await agent.results(1)
            #expect(results.map(\.output) == [["ok": true]])
            #expect(try await agent.orchestrator.taskEntries(ofTypes: ["demo"]).isEmpty)
            try await agent.publish(agent.envelope(2))
            #expect(try await agent.results(1).map(\.taskID.low) == [2])
        }
    }

    @Test("Asked to end, it hands back what it took too late, ends what it began and says goodbye")
    func drains() async throws {
        try await AgentUnderTest.with(limits: .init(slots: 1)) { agent in
            try await agent.publish(agent.envelope(1, payload: ["sleep_ms": 600]), agent.envelope(2))
            try await agent.signals(until: Self.isKind(.started))
            agent.shell.terminate()
            #expect(try await agent.results(1).map(\.taskID.low) == [1])
            let signals = try await agent.signals(until: Self.isKind(.goodbye))
            guard case .goodbye(let goodbye)? = signals.last else { return }
            #expect(goodbye.abandoned == [])
            await agent.waitForEnd()
            let entries = try await agent.orchestrator.taskEntries(ofTypes: ["demo"])
            #expect(entries.map(\.reference) == [LoopFixture.reference(2)])
            #expect(entries.map(\.consumer) == [nil], "nobody has it")
        }
    }

    @Test("What doesn't end in time is stopped with its tools and listed as abandoned")
    func abandons() async throws {
        let tool = ClosureAction("tool") { context in
            _ = try await context.tools.run(ToolCommand("sleep", ["60"]))
            return ActionOutcome()
        }
        try await AgentUnderTest.with(actions: [tool], limits: .init(drain: 200)) { agent in
            try await agent.publish(agent.envelope(1, action: "tool"))
            try await agent.signals(until: Self.isKind(.started))
            agent.shell.terminate()
            let signals = try await agent.signals(until: Self.isKind(.goodbye))
            guard case .goodbye(let goodbye)? = signals.last else { return }
            #expect(goodbye.abandoned == [LoopFixture.reference(1)])
            #expect(try await agent.orchestrator.readResults(limit: 10, block: .milliseconds(1)).isEmpty)
        }
    }
}
