import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import Testing

/// Everything that needs a stack, one test after the other: they share it, and kill its processes.
@Suite(.serialized, .sharedStack(.killed))
struct RealProcessTests {
    /// The stages of the workflow type `noop`.
    static let stages = [
        "initialization", "scaffolding", "dependency_installation", "validation", "e2e_testing", "integration",
        "deployment",
    ]
}

extension RealProcessTests {
    @Suite("Workflows pass through five processes", .serialized)
    struct RelayTests {
        @Test("seven stages in order over five agents, each completed once in one attempt")
        func sevenStages() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("noop", "seven-stages")
            try await shared.complete([id], within: .seconds(20))
            #expect(try await shared.record.stages(id, "stage_completed") == RealProcessTests.stages)
            let attempts = try await shared.record.attempts(id)
            #expect(attempts.map(\.stage) == RealProcessTests.stages)
            #expect(attempts.allSatisfy { $0.number == 1 && $0.status == Record.Attempt.succeeded })
            let agents = try await shared.record.rows(
                "SELECT DISTINCT agent_id FROM tasks WHERE workflow_id = $1::uuid", [.text("\(id)")])
            #expect(agents.count == 5)
            try await shared.checkConservation()
        }

        @Test("a cancelled workflow stops its agent within 5 s")
        func cancel() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("nap-scaffold", "cancelled", ["sleep_ms": 60_000])
            _ = try await shared.running(id, "first")
            let asked = try await shared.record.now()
            try await shared.client.cancel(id)
            try await eventually(within: .seconds(15), "the workflow is cancelled") {
                try await shared.record.status(id) == "cancelled"
            }
            let attempt = try #require(try await shared.record.attempt(id, "first"))
            #expect(attempt.status == Record.Attempt.cancelled)
            #expect(attempt.hasResult, "the agent itself said that it stopped")
            Measurement.note("cancel", "RelayTests.cancel", seconds: attempt.completedAt - asked)
            #expect(attempt.completedAt - asked <= 5 * Double(patience))
            #expect(try await shared.record.attempts(id).count == 1)
            try await shared.checkConservation()
        }

        @Test("without an agent of its type a workflow says within 10 s what it waits for, and goes on when one comes")
        func noAgent() async throws {
            let shared = try TestStack.shared()
            try await shared.stack.stop("e2e-agent")
            let id = try await shared.client.create("noop", "waits")
            let begun = ContinuousClock.now
            try await eventually(within: .seconds(10), "the workflow waits for an e2e agent") {
                let workflow = try await shared.client.workflow(id)
                return workflow["status"] == "waiting_for_agent"
                    && workflow["waiting_for"]?["what"]?.stringValue?.contains("e2e agent") == true
            }
            Measurement.note("no-agent", "RelayTests.noAgent", ContinuousClock.now - begun)
            #expect(try await shared.record.stages(id, "stage_completed") == Array(RealProcessTests.stages.prefix(4)))
            try await shared.stack.start("e2e-agent")
            try await shared.complete([id], within: .seconds(20))
            #expect(try await shared.record.attempts(id).count == RealProcessTests.stages.count)
            try await shared.checkConservation()
        }
    }
}
