import AgentProtocol
import JSONTools
import OrchestratorEngine
import PostgresDriver
import Synchronization
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("Pause, retry, questions and versions on a real PostgreSQL", .serialized)
struct WholeMachineTests {
    private func create(_ stored: StoredDefinition, _ fixture: EngineFixture) async throws -> UniqueID {
        let outcome = await fixture.advancer.submit(.create(fixture.creation(stored)))
        guard case .created = outcome, let id = outcome.workflowID else {
            Issue.record("expected a new workflow, got \(outcome)")
            throw CancellationError()
        }
        return id
    }

    private func submit(_ event: WorkflowEvent, _ id: UniqueID, _ fixture: EngineFixture) async throws {
        let outcome = await fixture.advancer.submit(.event(event, workflowID: id))
        guard case .done = outcome else {
            Issue.record("\(event.name) was answered by \(outcome)")
            throw CancellationError()
        }
    }

    private func text(_ query: SQLText, _ id: UniqueID, _ fixture: EngineFixture) async throws -> String {
        try await fixture.pool.query(query, [.uuid(PostgresUUID(high: id.high, low: id.low))]).only().text(0)
    }

    /// How many tasks have been published.
    private func published(_ fixture: EngineFixture) -> Int {
        fixture.bus.record.withLock { $0.tasks.count }
    }

    @Test("what comes in while paused is in the record at once; the next stage is sent at the resume")
    func pause() async throws {
        try await withDatabase { fixture in
            let id = try await create(try await fixture.storeChain(2), fixture)
            let first = try await fixture.bus.nextTask()
            try await submit(.pause(actor: "ann", reason: "freeze"), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "paused")
            try await fixture.answer(first, output: ["n": 1])
            // Another submission is committed after the result.
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT stage FROM outputs WHERE workflow_id = $1", id, fixture) == "s1")
            #expect(published(fixture) == 1)
            try await submit(.resume(actor: "ann"), id, fixture)
            let second = try await fixture.bus.nextTask()
            #expect(second.stage == "s2")
            #expect(second.workflowContext.stageOutputs["s1"] == ["n": 1])
            try await fixture.answer(second)
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "completed")
        }
    }

    @Test("a failed task is parked as a dead letter; a retry runs it as a new generation and the letter is redriven")
    func retry() async throws {
        try await withDatabase { fixture in
            let id = try await create(try await fixture.storeChain(2), fixture)
            try await fixture.answer(try await fixture.bus.nextTask(), output: ["n": 1])
            let failing = try await fixture.bus.nextTask()
            try await fixture.answer(
                failing, status: .failure,
                errors: [TaskFault(code: "TOOL_MISSING", message: "no node", retryable: false)])
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "failed")
            let letter: SQLText =
                "SELECT kind || ' ' || cause_class || ' ' || stage || ' ' || state FROM dead_letters WHERE workflow_id = $1"
            #expect(try await text(letter, id, fixture) == "task environment s2 open")

            let version = try #require(
                Int64(try await text("SELECT max(seq)::text FROM events WHERE workflow_id = $1", id, fixture)))
            let stale = await fixture.advancer.submit(
                .event(.retry(RetryRequest(actor: "ann", expectedVersion: version - 1)), workflowID: id))
            guard case .rejected(.versionMismatch(version - 1, version)) = stale else {
                Issue.record("expected the version to be refused, got \(stale)")
                return
            }
            try await submit(.retry(RetryRequest(actor: "ann", expectedVersion: version)), id, fixture)
            let again = try await fixture.bus.nextTask()
            #expect(again.stage == "s2")
            #expect(again.generation == 2)
            #expect(again.taskID != failing.taskID)
            #expect(again.workflowContext.stageOutputs["s1"] == ["n": 1])
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "running")
            #expect(try await text(letter, id, fixture) == "task environment s2 redriven")
            try await fixture.answer(failing, entry: "8-8")
            try await fixture.answer(again, entry: "9-9")
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "completed")
            let ignored: SQLText =
                "SELECT count(*)::text FROM events WHERE workflow_id = $1 AND kind = 'result_ignored'"
            #expect(try await text(ignored, id, fixture) == "1", "the earlier generation's late result is set aside")
        }
    }

    @Test("questions are kept with an expiry; the answers are kept and go out with the next attempt")
    func questions() async throws {
        try await withDatabase { fixture in
            let id = try await create(try await fixture.storeChain(1), fixture)
            try await fixture.answer(
                try await fixture.bus.nextTask(), status: .needsInput,
                questions: [Question(id: "q1", text: "Which?", options: ["a", "b"])])
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            let asked: SQLText = """
                SELECT id || ' ' || text || ' ' || (expires_at > clock_timestamp() + interval '6 days')
                FROM questions WHERE workflow_id = $1
                """
            #expect(try await text(asked, id, fixture) == "q1 Which? true")
            try await submit(
                .answers(AnswerSet(actor: "eve", values: [GivenAnswer(id: "q1", value: "b")])), id, fixture)
            let next = try await fixture.bus.nextTask()
            #expect(next.attempt == 2)
            #expect(next.answers == [Answer(id: "q1", value: "b")])
            let answered: SQLText = "SELECT answered_by FROM questions WHERE workflow_id = $1"
            #expect(try await text(answered, id, fixture) == "eve")
            try await fixture.answer(next, entry: "2-2")
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "completed")
        }
    }

    @Test("a workflow keeps the definition it was created under, whatever is stored under its name later")
    func pinned() async throws {
        try await withDatabase { fixture in
            let id = try await create(try await fixture.storeChain(3), fixture)
            let newer = try await fixture.storeChain(1)
            #expect(newer.version == 2)
            for index in 1...3 {
                let task = try await fixture.bus.nextTask()
                #expect(task.stage == "s\(index)")
                try await fixture.answer(task, entry: "\(index)-0")
            }
            try await submit(.retry(RetryRequest(actor: "ann", fromStage: "s3")), id, fixture)
            #expect(try await fixture.bus.nextTask().stage == "s3", "a retry stays with it too")
        }
    }

    @Test("rows that were damaged by hand are mended: an attempt without its row runs again, a lost timer is set")
    func repaired() async throws {
        try await withDatabase { fixture in
            let id = try await create(try await fixture.storeChain(1), fixture)
            let first = try await fixture.bus.nextTask()
            _ = try await fixture.pool.query("DELETE FROM tasks", [])
            let sequence = try #require(
                Int64(try await text("SELECT max(seq)::text FROM events WHERE workflow_id = $1", id, fixture)))
            try await submit(
                .inspected(RecordEvidence(sequence: sequence, openAttempts: [], timer: nil, nextWake: .now())), id,
                fixture)
            let second = try await fixture.bus.nextTask()
            #expect(second.attempt == 2)
            try await fixture.answer(first, entry: "1-0")
            try await fixture.answer(second, entry: "2-0")
            try await submit(.wake(judgeDeadlines: true), id, fixture)
            #expect(try await text("SELECT status FROM workflows WHERE id = $1", id, fixture) == "completed")
            let kinds: SQLText = """
                SELECT string_agg(kind, ' ' ORDER BY seq) FROM events
                WHERE workflow_id = $1 AND kind IN ('watchdog_finding', 'workflow_repaired', 'result_ignored')
                """
            #expect(
                try await text(kinds, id, fixture) == "watchdog_finding workflow_repaired result_ignored")
        }
    }

    @Test("what two branches hand in with one batch is at hand for the stage that joins them")
    func join() async throws {
        var entropy = EntropySource(seed: 1)
        func stage(_ name: String, needs: [String]) throws -> StageDefinition {
            StageDefinition(
                name: name, agent: "scaffold", action: "noop", workspace: .none, needs: needs,
                with: try CompiledTemplate(
                    needs.isEmpty ? [:] : ["sum": "{{ stages.a.output.n }} and {{ stages.b.output.n }}"]))
        }
        let definition = WorkflowDefinition(
            name: "join",
            stages: [
                try stage("a", needs: []), try stage("b", needs: []), try stage("c", needs: ["a", "b"]),
            ])
        let facts = WorkflowFacts(
            id: UniqueID.v7(at: .now(), using: &entropy), type: "join", name: "j",
            traceID: String(repeating: "a", count: 32))
        var machine = WorkflowMachine(definition: definition, facts: facts)
        _ = try machine.apply(.start(actor: "ann"), at: .now(), using: &entropy)
        let results = ["a", "b"].enumerated().map { index, name in
            let state = machine.state.stages[index]
            let reference = AttemptReference(
                taskID: state.taskID ?? facts.id, attempt: 1, dispatchID: state.open?.dispatchID ?? 0)
            return Submission(
                .event(
                    .taskFinished(
                        AttemptOutcome(
                            reference: reference, stage: name, agentID: "agent-1", status: .success,
                            output: ["n": .integer(Int64(index))])), workflowID: facts.id), origin: .watch)
        }
        var computation = BatchComputation(
            id: facts.id, now: .now(), entropy: entropy,
            envelopes: EnvelopeFactory(orchestrator: "o", dataDirectory: "/nowhere"))
        let needs = computation.apply(
            results, to: .init(machine: machine, definitionHash: "", version: 1), outputs: [:])
        #expect(needs.isEmpty, "no output has to be loaded that this batch has brought itself")
        var unlimited: SendWindow?
        #expect(computation.send(within: &unlimited, mayRelease: true).isEmpty)
        let sent = try #require(computation.effects.sends.first)
        #expect(String(decoding: sent.payload, as: UTF8.self).contains("0 and 1"))
    }
}
