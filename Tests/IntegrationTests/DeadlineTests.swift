import AgentProtocol
import FaultKit
import JSONTools
import PostgresDriver
import Testing

extension SideBySideTests {
    @Suite("Agents that hang, or are not there")
    struct DeadlineTests {
        @Test("an agent whose work outlasts its time: timed out at the deadline, tried again, then failed")
        func outlasts() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("hangs", "outlasts", ["sleep_ms": 600_000])
            try await shared.reach("failed", id, within: .seconds(25))
            let rows = try await shared.record.rows(
                """
                SELECT attempt::text, status::text, extract(epoch FROM completed_at - deadline)::text FROM tasks
                WHERE workflow_id = $1::uuid ORDER BY attempt
                """, [.text("\(id)")])
            #expect(rows.map { $0[0] } == ["1", "2"])
            for row in rows {
                let late = try #require(Double(row[2]))
                Measurement.note("agent-hangs", "DeadlineTests.outlasts", seconds: max(late, 0))
                #expect(late <= 5 * Double(patience))
            }
        }

        @Test("an agent that heartbeats and never ends: told to stop, timed out within 5 s of the deadline")
        func neverEnds() async throws {
            let shared = try TestStack.shared()
            let agent = HandmadeAgent("hand-hanging", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            agent.keepBeating()
            // Deadlines are judged by an orchestrator that has listened for a lease.
            try await Task.sleep(until: shared.begun + .seconds(16))
            let id = try await shared.client.create("hand-hanging", "never-ends")
            for number in 1...2 {
                var taken: [HandmadeAgent.Taken] = []
                try await eventually(within: .seconds(20), "attempt \(number) is sent") {
                    taken = try await agent.take()
                    return !taken.isEmpty
                }
                let task = try #require(taken.first)
                #expect(task.envelope.attempt == number)
                agent.list([task.envelope.reference])
                try await agent.started(task.envelope.reference)
                try await eventually(within: .seconds(15), "the attempt is closed") {
                    try await shared.record.attempts(id).first { $0.number == number }?.status
                        == Record.Attempt.timedOut
                }
                // The stop goes out when the closing is committed, which is when the record shows it.
                try await eventually(within: .seconds(5), "the agent is told to stop") {
                    agent.wasStopped(task.envelope.reference)
                }
                // It has understood at last, and its late success changes nothing.
                agent.list([])
                try await agent.finish(task, agent.result(of: task.envelope))
            }
            try await shared.reach("failed", id, within: .seconds(10))
            for row in try await shared.record.rows(
                "SELECT extract(epoch FROM completed_at - deadline)::text FROM tasks WHERE workflow_id = $1::uuid",
                [.text("\(id)")])
            {
                let late = try #require(Double(row[0]))
                Measurement.note("agent-hangs", "DeadlineTests.neverEnds", seconds: late)
                #expect(late <= 5 * Double(patience))
            }
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty)
        }

        @Test("no agent of a type was ever seen: the workflow says so within 10 s, and runs when one appears")
        func absent() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("hand-absent", "absent")
            let begun = ContinuousClock.now
            try await eventually(within: .seconds(10), "the workflow waits for an agent") {
                let workflow = try await shared.client.workflow(id)
                return workflow["status"] == "waiting_for_agent"
                    && workflow["waiting_for"]?["what"]?.stringValue?.contains("hand-absent agent") == true
            }
            Measurement.note("no-agent", "DeadlineTests.absent", ContinuousClock.now - begun)
            let agent = HandmadeAgent("hand-absent", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            let task = try #require(try await agent.take().first)
            try await agent.finish(task, agent.result(of: task.envelope))
            try await shared.complete([id], within: .seconds(10))
            #expect(try await shared.record.attempts(id).map(\.number) == [1])
        }
    }
}
