import JSONTools
import Testing
import WorkflowCore
import WorkflowStorage

extension WithRecord {
    /// Questions, parked tasks, workflows that run again.
    @Suite struct WaitingTests {
        private func question(
            _ id: String, of workflow: UniqueID, round: Int = 1, expiresAt: Timestamp
        ) -> NewQuestion {
            NewQuestion(
                workflowID: workflow, stage: "build", generation: 1, round: round, taskID: workflow, attempt: round,
                id: id, text: "Which \(id)?", options: ["a", "b"], expiresAt: expiresAt)
        }

        @Test("Answers stand beside their questions, and their round is closed")
        func answers() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                try await record.commit { save in
                    save.questions = ["q2", "q1"].map {
                        question($0, of: workflow, expiresAt: save.now + .seconds(600))
                    }
                }
                #expect(try await record.number("SELECT count(*) FROM questions WHERE closed_at IS NULL") == 2)
                try await record.commit { save in
                    save.answered = [
                        AnsweredRound(
                            workflowID: workflow, stage: "build", generation: 1, round: 1,
                            values: [(id: "q1", value: "a")], actor: "ann")
                    ]
                }
                #expect(try await record.number("SELECT count(*) FROM questions WHERE closed_at IS NULL") == 0)
                let answered = """
                    SELECT count(*) FROM questions
                    WHERE id = 'q1' AND answer = '"a"'::bytea AND answered_by = 'ann' AND answered_at IS NOT NULL
                    """
                #expect(try await record.number(answered) == 1)
                #expect(try await record.number("SELECT count(*) FROM questions WHERE answered_at IS NULL") == 1)
            }
        }

        @Test("A question without an expiry can't be recorded")
        func expiry() async throws {
            try await StoreFixture.with { record in
                await #expect(throws: (any Error).self) {
                    try await record.run(
                        """
                        INSERT INTO questions (
                            workflow_id, stage, generation, round, id, place, task_id, attempt, text, options, asked_at)
                        VALUES (gen_random_uuid(), 's', 1, 1, 'q', 1, gen_random_uuid(), 1, '', '', now())
                        """)
                }
            }
        }

        @Test("A parked task is one dead letter for each generation, with what it was asked to do")
        func parked() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow)
                let parked = NewParkedTask(
                    workflowID: workflow, stage: "build", generation: 1, taskID: task.reference.taskID, attempt: 1,
                    faultCode: "AGENT_LOST", faultMessage: "three agents died of it", causeClass: "poison")
                try await record.commit { save in
                    save.tasks = [task]
                    save.parked = [parked]
                }
                try await record.commit { $0.parked = [parked] }
                let kept = """
                    SELECT count(*) FROM dead_letters
                    WHERE kind = 'task' AND source = 'agent:scaffold:tasks' AND cause = 'AGENT_LOST'
                      AND cause_class = 'poison' AND state = 'open' AND stage = 'build' AND attempt = 1
                      AND convert_from(bytes, 'UTF8') LIKE '%"build"%' AND size_bytes = length(bytes)
                    """
                #expect(try await record.number(kept) == 1)
                #expect(try await record.number("SELECT count(*) FROM dead_letters") == 1)
            }
        }

        @Test(
            "When a workflow runs again, the parked tasks of the stages that do count as redriven; its questions are closed"
        )
        func reopened() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow(isTerminal: true)
                let other = try await record.makeWorkflow(isTerminal: true)
                let tasks = [
                    record.attempt(of: workflow), record.attempt(of: workflow, stage: "check"),
                    record.attempt(of: other),
                ]
                // Parked in the batch in which it is retried, too.
                try await record.commit { save in
                    save.tasks = tasks
                    save.questions = [question("q", of: workflow, expiresAt: save.now + .seconds(600))]
                }
                try await record.commit(locking: [workflow]) { save in
                    save.parked = tasks.map {
                        NewParkedTask(
                            workflowID: $0.workflowID, stage: $0.stage, generation: 1, taskID: $0.reference.taskID,
                            attempt: 1, faultCode: "TOOL_FAILED", faultMessage: "", causeClass: "failure")
                    }
                    save.reopened = [(workflowID: workflow, actor: "ann", stages: ["build", "deploy"])]
                }
                let redriven = """
                    SELECT count(*) FROM dead_letters
                    WHERE workflow_id = '\(workflow)' AND stage = 'build' AND state = 'redriven' AND resolved_by = 'ann'
                      AND resolved_at IS NOT NULL
                    """
                #expect(try await record.number(redriven) == 1)
                #expect(try await record.number("SELECT count(*) FROM dead_letters WHERE state = 'open'") == 2)
                #expect(try await record.number("SELECT count(*) FROM questions WHERE closed_at IS NULL") == 0)
            }
        }

        @Test("A tenant sees the letters of its workflows; those without a workflow are the default tenant's")
        func tenants() async throws {
            try await StoreFixture.with { record in
                let theirs = try await record.makeWorkflow(tenant: "theirs")
                let ours = try await record.makeWorkflow()
                let gone = UniqueID(high: 1, low: 2)
                try await record.watch.keep(
                    [("1", nil), ("2", theirs), ("3", ours), ("4", gone)].map { source, workflow in
                        DeadLetter(
                            kind: .message, source: source, cause: "INVALID_JSON", detail: "", bytes: [1],
                            workflowID: workflow)
                    })
                func sources(_ tenant: String) async throws -> Set<String> {
                    Set(try await record.reading.deadLetters(DeadLetterQuery(tenant: tenant)).map(\.source))
                }
                #expect(try await sources("theirs") == ["2"])
                #expect(try await sources("others") == [])
                #expect(try await sources("default") == ["1", "3", "4"])
                let letter = try #require(
                    try await record.reading.deadLetters(DeadLetterQuery(tenant: "default")).first)
                #expect(try await record.reading.deadLetter(letter.id, tenant: "theirs") == nil)
                let isDropped = try await record.reading.resolveDeadLetter(
                    letter.id, tenant: "theirs", as: .dropped, actor: "eve")
                #expect(!isDropped)
            }
        }

        @Test("A state of more than 32 KiB is refused as a fault of the data, and the session goes on")
        func largeState() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let error = await #expect(throws: BatchError.self) {
                    try await record.commit(locking: [workflow]) { save in
                        save.states = [
                            BatchSave.State(
                                id: workflow, definitionHash: "", version: 2, isTerminal: false,
                                bytes: Array(repeating: 0x20, count: WorkflowState.maximumEncodedBytes + 1),
                                nextWake: save.now)
                        ]
                    }
                }
                guard case .refused(let reason)? = error else { return #expect(Bool(false), "\(error as Any)") }
                #expect(reason.contains("\(workflow)"))
                await record.session.abandon()
                try await record.commit(locking: [workflow]) { $0.timers = [(workflowID: workflow, due: $0.now)] }
            }
        }

        @Test("A queued attempt that is sent again under a new mark counts as sent")
        func sendAgain() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([task])
                let fresh = AttemptReference(taskID: task.reference.taskID, attempt: 1, dispatchID: 42)
                let answer = try await record.commit { $0.sentAgain = [(workflowID: workflow, reference: fresh)] }
                #expect(answer.resent.map(\.reference) == [fresh])
                #expect(try await record.watch.releaseQueued(agentType: "scaffold", count: 1, turn: 0).isEmpty)
            }
        }
    }
}
