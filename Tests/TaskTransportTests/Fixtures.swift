import AgentProtocol
import JSONTools
import RedisDriver
import RedisTestSupport
import Synchronization
import TaskTransport

/// A road with one orchestrator, and what stands behind it.
struct Road {
    enum Kind: String, Sendable, CaseIterable {
        case redis, memory
    }

    let bus: any TaskBus
    let agent: @Sendable (_ id: String) -> any AgentTaskBus
    /// Another orchestrator.
    let orchestrator: @Sendable (_ name: String) -> any TaskBus
    private let server: RedisTestServer?

    init(_ kind: Kind) async throws {
        let names = ChannelNames(namespace: "test")
        switch kind {
        case .redis:
            let server = RedisTestServer()
            let configuration = server.overSocket
            self.server = server
            bus = RedisTaskBus(configuration, names: names, consumerName: "orchestrator-1")
            agent = { RedisAgentTaskBus(configuration, names: names, agentType: "scaffold", agentID: $0) }
            orchestrator = { RedisTaskBus(configuration, names: names, consumerName: $0) }
        case .memory:
            server = nil
            let clock = TestClock()
            let memory = InMemoryTaskBus(names: names, now: { clock.next() })
            bus = memory
            agent = { memory.agent(type: "scaffold", id: $0) }
            orchestrator = { memory.orchestrator(named: $0) }
        }
        try await bus.ensureGroups(agentTypes: ["scaffold"])
    }
}

/// A clock that goes on by a millisecond each time someone looks.
final class TestClock: Sendable {
    private let time = Atomic<Int64>(1_700_000_000_000)

    func next() -> Int64 { time.wrappingAdd(1, ordering: .relaxed).newValue }
}

extension RedisTestServer {
    /// How to reach the server, with time for a machine that has other things to do. No test waits for these to pass.
    var overSocket: RedisConfiguration {
        var configuration = RedisConfiguration(endpoint: .unix(path: socketPath))
        configuration.connectTimeout = .seconds(20)
        configuration.commandTimeout = .seconds(60)
        configuration.queueTimeout = .seconds(60)
        return configuration
    }
}

/// Messages with made-up contents.
enum Sample {
    static func id(_ number: Int) -> UniqueID { UniqueID(high: 0x0190_0000_0000_7000, low: 1 << 63 | UInt64(number)) }

    static func reference(_ number: Int) -> TaskReference {
        TaskReference(taskID: id(number), attempt: 1, dispatchID: DispatchID(rawValue: UInt64(number)))
    }

    static func envelope(_ number: Int, requirements: String = "a calculator") -> TaskEnvelope {
        TaskEnvelope(
            messageID: id(1_000 + number), taskID: id(number), workflowID: id(2_000), attempt: 1,
            dispatchID: DispatchID(rawValue: UInt64(number)), agentType: "scaffold", action: "noop", stage: "one",
            workflowContext: WorkflowContext(
                workflowType: "app", workflowName: "w", currentStage: "one", requirements: requirements),
            createdAt: Timestamp(microseconds: 1_700_000_000_000_000), createdBy: "orchestrator-1")
    }

    static func task(_ number: Int, lane: TaskLane = .medium) -> OutgoingTask {
        OutgoingTask(
            agentType: "scaffold", lane: lane, taskID: id(number), attempt: 1, envelope: envelope(number).encoded())
    }

    static func result(_ number: Int) -> [UInt8] {
        let time = Timestamp(microseconds: 1_700_000_000_000_000)
        return TaskResult(
            messageID: id(3_000 + number), taskID: id(number), workflowID: id(2_000), attempt: 1,
            dispatchID: DispatchID(rawValue: UInt64(number)), agentID: "scaffold-1", agentType: "scaffold",
            stage: "one", status: .success, startedAt: time, completedAt: time
        ).encoded()
    }

    static func outgoing(_ number: Int, _ task: ClaimedTask?) -> OutgoingResult {
        OutgoingResult(taskID: id(number), attempt: 1, bytes: result(number), task: task)
    }

    static func started(_ number: Int) -> AgentSignal {
        .started(
            StartedSignal(
                agentID: "scaffold-1", sentAt: Timestamp(microseconds: 1_700_000_000_000_000),
                reference: reference(number)))
    }
}

extension ClaimedTask {
    /// The task's number among the samples.
    var number: Int? {
        guard let envelope = try? TaskEnvelope(decoding: bytes) else { return nil }
        return Int(envelope.dispatchID.rawValue)
    }
}

/// Does it again as long as it fails because the connection is lost.
func reconnecting<Answer>(
    _ body: () async throws(TransportError) -> Answer
) async throws(TransportError) -> Answer {
    while true {
        do throws(TransportError) {
            return try await body()
        } catch {
            guard error.code == .unavailable || error.code == .outcomeUnknown else { throw error }
        }
    }
}
