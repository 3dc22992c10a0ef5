import AgentProtocol
import JSONTools
import OrchestratorEngine
import PostgresDriver
import Synchronization
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("The Advancer on a real PostgreSQL", .serialized)
struct AdvancerTests {
    private func created(_ outcome: SubmissionOutcome) throws -> UniqueID {
        guard case .created = outcome, let id = outcome.workflowID else {
            Issue.record("expected a new workflow, got \(outcome)")
            throw CancellationError()
        }
        return id
    }

    private func status(of id: UniqueID, _ fixture: EngineFixture) async throws -> String {
        let rows = try await fixture.pool.query(
            "SELECT status FROM workflows WHERE id = $1", [.uuid(PostgresUUID(high: id.high, low: id.low))])
        return try rows.only().text(0)
    }

    @Test("carries a workflow through seven stages; each result is acknowledged and settled, each stage has one output")
    func sevenStages() async throws {
        try await withDatabase { fixture in
            let stored = try await fixture.storeChain(7)
            let id = try created(await fixture.advancer.submit(.create(fixture.creation(stored))))
            for index in 1...7 {
                let task = try await fixture.bus.nextTask()
                #expect(task.stage == "s\(index)")
                #expect(task.workflowID == id)
                try await fixture.answer(task, output: ["n": .integer(Int64(index))], entry: "\(index)-0")
            }
            // A further submission is committed after everything before it.
            guard
                case .conflict(let phase) = await fixture.advancer.submit(
                    .event(.cancel(actor: "ann", reason: ""), workflowID: id))
            else {
                Issue.record("a completed workflow can't be cancelled")
                return
            }
            #expect(phase == .completed)
            #expect(try await status(of: id, fixture) == "completed")
            let rows = try await fixture.pool.query(
                """
                SELECT (SELECT count(*) FROM outputs), (SELECT count(*) FROM tasks WHERE status = 10),
                    (SELECT count(*) FROM tasks WHERE status < 10),
                    (SELECT count(*) FROM events WHERE kind = 'stage_completed'),
                    (SELECT max(seq) - count(*) FROM events)
                """)
            let row = try rows.only()
            #expect(try row.int8(0) == 7)
            #expect(try row.int8(1) == 7)
            #expect(try row.int8(2) == 0)
            #expect(try row.int8(3) == 7)
            #expect(try row.int8(4) == 0, "the audit trail must have no gaps")
        }
    }

    @Test("a result that comes twice is acknowledged twice and applied once")
    func duplicates() async throws {
        try await withDatabase { fixture in
            let stored = try await fixture.storeChain(2)
            let id = try created(await fixture.advancer.submit(.create(fixture.creation(stored))))
            let first = try await fixture.bus.nextTask()
            try await fixture.answer(first, entry: "1-0")
            try await fixture.answer(first, entry: "2-0")
            let second = try await fixture.bus.nextTask()
            #expect(second.stage == "s2")
            try await fixture.answer(second, entry: "3-0")
            _ = await fixture.advancer.submit(.event(.cancel(actor: "ann", reason: ""), workflowID: id))
            let rows = try await fixture.pool.query(
                "SELECT count(*) FROM events WHERE kind = 'result_ignored' AND workflow_id = $1",
                [.uuid(PostgresUUID(high: id.high, low: id.low))])
            #expect(try rows.only().int8(0) == 1)
            #expect(try await status(of: id, fixture) == "completed")
        }
    }

    @Test("the same idempotency key gives the same workflow, another body under it is told")
    func idempotency() async throws {
        try await withDatabase { fixture in
            let stored = try await fixture.storeChain(1)
            let id = try created(
                await fixture.advancer.submit(.create(fixture.creation(stored, key: "k", bodyHash: "a"))))
            let again = await fixture.advancer.submit(.create(fixture.creation(stored, key: "k", bodyHash: "a")))
            guard case .repeated(id) = again else {
                Issue.record("expected the same workflow, got \(again)")
                return
            }
            let other = await fixture.advancer.submit(.create(fixture.creation(stored, key: "k", bodyHash: "b")))
            guard case .keyReused(id) = other else {
                Issue.record("expected the key to be taken, got \(other)")
                return
            }
        }
    }

    @Test("garbage becomes a dead letter and is acknowledged; a hundred good workflows beside it go on")
    func garbage() async throws {
        try await withDatabase { fixture in
            let stored = try await fixture.storeChain(1)
            try await fixture.results.take([
                InboundMessage(entryID: "9-9", bytes: Array("not json".utf8), isPoisoned: false)
            ])
            for _ in 1...100 {
                _ = try created(await fixture.advancer.submit(.create(fixture.creation(stored))))
                try await fixture.answer(try await fixture.bus.nextTask())
            }
            let letters = try await fixture.pool.query("SELECT cause, bytes FROM dead_letters")
            #expect(try letters.only().bytes(1) == Array("not json".utf8))
            #expect(fixture.bus.record.withLock { $0.acknowledged.contains("9-9") })
        }
    }

    @Test("a result for a workflow that does not exist becomes a dead letter")
    func unknownWorkflow() async throws {
        try await withDatabase { fixture in
            let stored = try await fixture.storeChain(1)
            _ = try created(await fixture.advancer.submit(.create(fixture.creation(stored))))
            var task = try await fixture.bus.nextTask()
            let real = task
            task.workflowID = task.messageID
            try await fixture.answer(task, entry: "5-5")
            try await fixture.answer(real)
            // Passed over three times, then waited for: the next creations come after it.
            for _ in 1...8 { _ = await fixture.advancer.submit(.create(fixture.creation(stored))) }
            let letters = try await fixture.pool.query("SELECT cause FROM dead_letters")
            #expect(try letters.only().text(0) == "UNKNOWN_WORKFLOW")
        }
    }

    @Test(
        "the record's connections are killed again and again: nothing is lost, nothing advances twice",
        arguments: [1, 2])
    func lostConnections(lanes: Int) async throws {
        try await withDatabase(lanes: lanes) { fixture in
            let stored = try await fixture.storeChain(5)
            var ids: [UniqueID] = []
            for _ in 1...20 {
                ids.append(try created(await fixture.advancer.submit(.create(fixture.creation(stored)))))
            }
            for step in 1...100 {
                let task = try await fixture.bus.nextTask()
                if step % 10 == 0 {
                    _ = try? await fixture.pool.query(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = 'baton advancer'
                        """)
                }
                try await fixture.answer(task, entry: "\(step)-0")
            }
            // Everything submitted before this is committed once it answers; a lost connection answers unavailable.
            for id in ids {
                while case .unavailable = await fixture.advancer.submit(
                    .event(.cancel(actor: "ann", reason: ""), workflowID: id))
                {}
            }
            let rows = try await fixture.pool.query(
                """
                SELECT (SELECT count(*) FROM workflows WHERE status = 'completed'), (SELECT count(*) FROM outputs),
                    (SELECT count(*) FROM tasks WHERE status < 10),
                    (SELECT count(*) FROM (
                        SELECT 1 FROM events WHERE kind = 'stage_completed'
                        GROUP BY workflow_id, convert_from(data, 'UTF8')::json ->> 'stage' HAVING count(*) > 1) AS d)
                """)
            let row = try rows.only()
            #expect(try row.int8(0) == 20)
            #expect(try row.int8(1) == 100)
            #expect(try row.int8(2) == 0)
            #expect(try row.int8(3) == 0)
        }
    }

    @Test(
        "two hundred workflows at once: 64 tasks of a lane go out, the others wait in the record and follow; all end",
        arguments: [1, 2])
    func window(lanes: Int) async throws {
        try await withDatabase(isWindowed: true, lanes: lanes) { fixture in
            let stored = try await fixture.storeChain(1)
            var ids: [UniqueID] = []
            for _ in 1...200 {
                ids.append(try created(await fixture.advancer.submit(.create(fixture.creation(stored)))))
            }
            let queued = try await fixture.pool.query("SELECT count(*) FROM tasks WHERE status = 0")
            // Created one by one, so that each lane knows what the other sent.
            #expect(try queued.only().int8(0) == 136)
            #expect(fixture.bus.record.withLock { $0.tasks.count } <= 64)
            for step in 1...200 {
                try await fixture.answer(try await fixture.bus.nextTask(), entry: "\(step)-0")
            }
            // Each lane has committed what came before, once it answers.
            for id in ids {
                _ = await fixture.advancer.submit(.event(.cancel(actor: "ann", reason: ""), workflowID: id))
            }
            let last = try created(await fixture.advancer.submit(.create(fixture.creation(stored))))
            let rows = try await fixture.pool.query(
                """
                SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE id = $1) FROM workflows
                """, [.uuid(PostgresUUID(high: last.high, low: last.low))])
            #expect(try rows.only().int8(0) == 200)
            #expect(try rows.only().int8(1) == 1)
        }
    }
}
