import AgentProtocol
import FaultKit
import Foundation
import JSONTools
import RedisDriver
import Synchronization
import Testing

extension SideBySideTests {
    @Suite("An agent made by hand of SUBSCRIBE and PUBLISH")
    struct HandmadeAgentTests {
        @Test("its result advances; the same again, or a stale one, is in the audit trail and changes nothing")
        func publishAndSubscribe() async throws {
            let shared = try TestStack.shared()
            let ear = Ear(shared.redisConfiguration, channel: "agent:handmade:tasks")
            defer { ear.close() }
            try await eventually(within: .seconds(5), "the channel is subscribed to") { ear.isListening }
            let id = try await shared.client.create("handmade", "by-hand")

            let first = try await ear.envelope(0)
            #expect(first.workflowID == id && first.stage == "first" && first.attempt == 1)
            #expect(first.agentType == "handmade" && first.action == "noop")
            var stale = result(of: first)
            stale.dispatchID = DispatchID(rawValue: first.dispatchID.rawValue &+ 1)
            try await publish(stale, shared)
            try await ignored(1, id, shared)
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty)

            let answer = result(of: first)
            try await publish(answer, shared)
            let second = try await ear.envelope(1)
            #expect(second.stage == "second" && second.workflowContext.stageOutputs["first"] == ["made": "by hand"])
            #expect(try await shared.record.stages(id, "stage_completed") == ["first"])

            // Within 2 s the same message counts as what every orchestrator hears; this is a later repetition.
            try await Task.sleep(for: .seconds(3))
            let before = try await shared.record.attempts(id)
            try await publish(answer, shared)
            try await ignored(2, id, shared)
            #expect(try await shared.record.stages(id, "stage_completed") == ["first"])
            #expect(try await shared.record.attempts(id) == before)

            try await publish(result(of: second), shared)
            try await shared.complete([id], within: .seconds(10))
            try await publish(stale, shared)
            try await ignored(3, id, shared)
            #expect(try await shared.record.status(id) == "completed")
            #expect(ear.count == 2, "each send is heard once")
            // Such an agent doesn't acknowledge entries of the stream; the walk of the streams, once a minute, removes them.
        }

        private func publish(_ result: TaskResult, _ shared: TestStack) async throws {
            let listeners = try await shared.redis.publish(result.encoded(), to: "orchestrator:results")
            #expect(listeners == 1)
        }

        private func ignored(_ count: Int, _ id: UniqueID, _ shared: TestStack) async throws {
            try await eventually(within: .seconds(5), "\(count) results were set aside") {
                try await shared.record.stages(id, "result_ignored").count == count
            }
        }

        private func result(of task: TaskEnvelope) -> TaskResult {
            var generator = SystemRandomNumberGenerator()
            let now = Timestamp.now()
            return TaskResult(
                messageID: .v7(at: now, using: &generator), taskID: task.taskID, workflowID: task.workflowID,
                attempt: task.attempt, dispatchID: task.dispatchID, agentID: "handmade-00000001",
                agentType: "handmade", stage: task.stage, status: .success, output: ["made": "by hand"],
                startedAt: now, completedAt: now)
        }
    }
}

/// Keeps what is said on a channel.
private final class Ear: Sendable {
    private struct State {
        var isListening = false
        var messages: [[UInt8]] = []
    }

    private let subscriber: RedisSubscriber
    private let state = Mutex(State())

    init(_ configuration: RedisConfiguration, channel: String) {
        subscriber = RedisSubscriber(configuration, channels: [channel])
        let events = subscriber.events
        Task {
            for await event in events {
                switch event {
                case .subscribed: state.withLock { $0.isListening = true }
                case .message(_, let payload): state.withLock { $0.messages.append(payload) }
                case .dropped, .interrupted: continue
                }
            }
        }
    }

    var isListening: Bool { state.withLock { $0.isListening } }
    var count: Int { state.withLock { $0.messages.count } }

    /// The message with this number, when it has come.
    func envelope(_ number: Int) async throws -> TaskEnvelope {
        try await eventually(within: .seconds(10), "message \(number) of the channel") { count > number }
        return try TaskEnvelope(decoding: state.withLock { $0.messages[number] })
    }

    func close() { subscriber.close() }
}
