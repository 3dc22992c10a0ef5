import AgentProtocol
import FaultKit
import JSONTools
import PostgresDriver
import Testing

extension SideBySideTests {
    @Suite("Two agents, one attempt")
    struct FenceTests {
        @Test("both begin it: one is told to stop, the other's result counts")
        func twins() async throws {
            let shared = try TestStack.shared()
            let first = HandmadeAgent("hand-twins", shared.redisConfiguration)
            let second = HandmadeAgent("hand-twins", shared.redisConfiguration)
            defer {
                first.close()
                second.close()
            }
            try await eventually(within: .seconds(5), "both listen") { first.isListening && second.isListening }
            for agent in [first, second] { try await agent.register() }
            let id = try await shared.client.create("hand-twins", "twins")
            let task = try #require(try await first.take().first)
            let reference = task.envelope.reference
            try await first.started(reference)
            try await second.started(reference)
            for agent in [first, second] {
                agent.list([reference])
                agent.keepBeating()
            }
            let begun = ContinuousClock.now
            try await eventually(within: .seconds(10), "one of them is told to stop") {
                first.wasStopped(reference) || second.wasStopped(reference)
            }
            Measurement.note("two-agents", "FenceTests.twins", ContinuousClock.now - begun)
            let bound = try await shared.record.rows(
                "SELECT agent_id FROM tasks WHERE workflow_id = $1::uuid", [.text("\(id)")])
            #expect(bound == [[first.id]], "who says so first has it")
            #expect(second.wasStopped(reference))
            #expect(!first.wasStopped(reference))
            try await second.addResult(second.result(of: task.envelope, output: ["by": "second"]).encoded())
            try await eventually(within: .seconds(5), "the second one's result is set aside") {
                try await shared.ignoredResults(id) == 1
            }
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty)
            try await first.finish(task, first.result(of: task.envelope, output: ["by": "first"]))
            try await shared.complete([id], within: .seconds(10))
            let outputs = try await shared.record.rows(
                "SELECT convert_from(output, 'UTF8') FROM outputs WHERE workflow_id = $1::uuid", [.text("\(id)")])
            #expect(outputs == [[#"{"by":"first"}"#]])
        }

        @Test("both ask for leave to begin an exclusive action: it is given to one, the other is told to stop")
        func leave() async throws {
            let shared = try TestStack.shared()
            let agents = (0..<2).map { _ in HandmadeAgent("hand-leave", shared.redisConfiguration) }
            defer { for agent in agents { agent.close() } }
            try await eventually(within: .seconds(5), "both listen") { agents.allSatisfy(\.isListening) }
            for agent in agents {
                try await agent.register(actions: [ActionDescription(name: "noop", workspace: .none, exclusive: true)])
            }
            var ids: [UniqueID] = []
            for number in 1...5 {
                let id = try await shared.client.create("hand-leave", "leave-\(number)")
                ids.append(id)
                let task = try #require(try await agents[0].take().first)
                let reference = task.envelope.reference
                // Both at the same moment, then again, as an agent does that got no answer.
                for _ in 1...2 {
                    async let one: Void = agents[0].askGrant(reference)
                    async let other: Void = agents[1].askGrant(reference)
                    _ = try await (one, other)
                }
                let begun = ContinuousClock.now
                try await eventually(within: .seconds(10), "both are answered") {
                    agents.allSatisfy { $0.wasGranted(reference) || $0.wasStopped(reference) }
                }
                Measurement.note("exclusive", "FenceTests.leave", ContinuousClock.now - begun)
                let granted = agents.filter { $0.wasGranted(reference) }
                #expect(granted.count == 1)
                let owner = try #require(granted.first)
                try await owner.finish(task, owner.result(of: task.envelope))
            }
            try await shared.complete(ids, within: .seconds(10))
        }
    }
}
