import AgentProtocol
import JSONTools
import Logging
import RedisDriver
import RedisTestSupport
import TaskTransport
import Testing

@testable import AgentRuntime

/// An agent's shell on a Redis of its own, with the orchestrator's side of the road in the test's hands.
final class AgentUnderTest: Sendable {
    let server: RedisTestServer
    let orchestrator: RedisTaskBus
    let shell: AgentShell
    let agentID = "demo-00000001"
    /// Below it is what attempts make, homes of their tools included.
    let home: String
    private let running: Task<Void, Never>

    init(
        _ directory: TemporaryDirectory,
        actions: [any AgentAction],
        limits: TaskLoop.Limits = TaskLoop.Limits(),
        environment: [String: String] = [:]
    ) async throws {
        server = RedisTestServer()
        home = directory.path
        let redis = RedisConfiguration(endpoint: .unix(path: server.socketPath))
        orchestrator = RedisTaskBus(redis, names: ChannelNames(), consumerName: "orchestrator-1")
        try await orchestrator.connect()
        try await orchestrator.ensureGroups(agentTypes: ["demo"])
        let configuration = try AgentConfiguration(
            environment: directory.environment.merging(environment) { $1 }, executable: "agent")
        let catalog = try ActionCatalog(actions)
        shell = AgentShell(
            registration: RegisterSignal(
                agentID: agentID, sentAt: .now(), agentType: "demo", agentVersion: "1",
                actions: catalog.descriptions, slots: limits.slots, host: "here", pid: 1),
            limits: limits,
            bus: RedisAgentTaskBus(redis, names: ChannelNames(), agentType: "demo", agentID: agentID),
            runner: AttemptRunner(
                catalog: catalog, builder: ResultBuilder(agentID: agentID, agentType: "demo"),
                host: AttemptHost(configuration, agentID: agentID)),
            health: HealthFile(runDirectory: directory.path + "/run", agentType: "demo"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            level: LogLevelBox(.info)
        )
        let shell = shell
        running = Task { await shell.run() }
    }

    /// Runs a test against an agent and ends the agent after it.
    static func with(
        actions: [any AgentAction] = [],
        limits: TaskLoop.Limits = TaskLoop.Limits(),
        environment: [String: String] = [:],
        _ body: (AgentUnderTest) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { directory in
            let agent = try await AgentUnderTest(
                directory, actions: actions, limits: limits, environment: environment)
            do {
                try await body(agent)
            } catch {
                await agent.end()
                throw error
            }
            await agent.end()
        }
    }

    func end() async {
        shell.terminate()
        await running.value
        // What still ends writes into the test's directory.
        await shell.attempts.waitForNone()
        await orchestrator.close()
    }

    /// Waits until the agent has ended.
    func waitForEnd() async { await running.value }

    func envelope(
        _ number: Int, action: String = "noop", payload: JSONValue = [:], timeout: Int = 60_000
    ) -> TaskEnvelope {
        var envelope = LoopFixture.task(number, timeout: timeout).envelope
        envelope.action = action
        envelope.payload = payload
        return envelope
    }

    func publish(_ envelopes: TaskEnvelope...) async throws { try await publish(envelopes) }

    func publish(_ envelopes: [TaskEnvelope]) async throws {
        _ = try await orchestrator.publish(
            envelopes.map { envelope in
                OutgoingTask(
                    agentType: "demo", lane: .medium, taskID: envelope.taskID, attempt: envelope.attempt,
                    envelope: envelope.encoded())
            })
    }

    /// Waits for so many results and acknowledges them.
    func results(_ count: Int, within limit: Duration = .seconds(20)) async throws -> [TaskResult] {
        var results: [TaskResult] = []
        let deadline = ContinuousClock.now + limit
        while results.count < count {
            let rest = ContinuousClock.now.duration(to: deadline)
            try #require(rest > .zero, "only \(results.count) of \(count) results came")
            let messages = try await orchestrator.readResults(limit: 1000, block: min(rest, .seconds(1)))
            results += try messages.map { try TaskResult(decoding: $0.bytes) }
            try await orchestrator.acknowledgeResults(messages.map(\.entryID))
        }
        return results
    }

    /// Waits for a signal that fits, and tells all that came until then.
    @discardableResult
    func signals(until isLast: (AgentSignal) -> Bool) async throws -> [AgentSignal] {
        var seen: [AgentSignal] = []
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            let reports = try await orchestrator.readReports(limit: 100, block: .milliseconds(500))
            let signals = try reports.signals.map { try AgentSignal(decoding: $0.bytes) }
            try await orchestrator.acknowledgeReports(
                signals: reports.signals.map(\.entryID), logs: reports.logs.map(\.entryID))
            seen += signals
            if signals.contains(where: isLast) { return seen }
        }
        Issue.record("the signal never came; seen were \(seen.map(\.kind))")
        return seen
    }

    func say(_ message: ControlMessage) async throws { try await orchestrator.control([("demo", message)]) }

    func acknowledge(
        known: Bool = true, settled: [TaskReference] = [], granted: [TaskReference] = [], stop: [TaskReference] = []
    ) async throws {
        try await say(
            .heartbeatAck(
                HeartbeatAcknowledgement(
                    agentID: agentID, sentAt: .now(), known: known,
                    tasks: stop.map { TaskVerdict(reference: $0, verdict: .stop) }, granted: granted, settled: settled))
        )
    }
}

extension TaskLoop.Limits {
    /// The usual limits but for some, in milliseconds.
    init(slots: Int = 4, heartbeat: Int = 5000, stopGrace: Int = 5000, drain: Int = 25_000) {
        self.init()
        self.slots = slots
        self.heartbeat = .milliseconds(heartbeat)
        self.stopGrace = .milliseconds(stopGrace)
        self.drain = .milliseconds(drain)
    }
}
