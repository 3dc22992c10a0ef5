import JSONTools
import Testing
import WorkflowStorage

@testable import WorkflowCore

extension WithRecord {
    /// What the sweeper is told.
    @Suite struct FindingsTests {
        @Test("A workflow that waits for an agent, and one whose attempts run, give no finding")
        func nothing() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                try await record.registerAgent()
                try await record.dispatch([record.attempt(of: workflow)])
                let findings = try await record.findings()
                #expect(findings.isEmpty, "\(findings)")
            }
        }

        @Test("Attempts that nobody can take are found, sent or queued; not held ones, and not while nobody listens")
        func agentless() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let sent = record.attempt(of: workflow)
                let queued = record.attempt(of: workflow, number: 2, isQueued: true)
                let held = record.attempt(of: workflow, number: 3, isQueued: true)
                try await record.commit { save in
                    save.tasks = [sent, queued, held]
                    save.holds = [(workflowID: workflow, reference: held.reference, isHeld: true)]
                }
                #expect(try await record.findings().agentless.isEmpty, "not yet: ten seconds have not passed")
                try await record.run("UPDATE tasks SET created_at = created_at - interval '12 seconds'")
                let found = try await record.findings().agentless
                #expect(Set(found.map(\.reference)) == [sent.reference, queued.reference])
                #expect(found.allSatisfy { $0.agentType == "scaffold" && $0.milliseconds >= 12_000 })
                #expect(try await record.findings(judges: false).agentless.isEmpty)
                try await record.registerAgent()
                #expect(try await record.findings().agentless.isEmpty)
                try await record.run("UPDATE agents SET last_heartbeat_at = clock_timestamp() - interval '16 seconds'")
                #expect(try await record.findings().agentless.count == 2, "a silent agent is none")
            }
        }

        @Test("Many attempts of one type that nobody can take do not hide those of another")
        func limitOfEachType() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let many = (1...5).map { record.attempt(of: workflow, number: $0, agentType: "a") }
                let queued = (1...5).map { record.attempt(of: workflow, number: $0, agentType: "b", isQueued: true) }
                let few = [record.attempt(of: workflow, agentType: "z", isQueued: true)]
                try await record.dispatch(many + queued + few)
                try await record.run("UPDATE tasks SET created_at = created_at - interval '12 seconds'")
                let findings = try await record.watch.findings(
                    WatchQuestion(judgesLeases: true, leaseMilliseconds: 15_000, looksForOverdue: false, limit: 2))
                let types = { (found: [WatchedAttempt]) in found.map(\.agentType).sorted() }
                #expect(types(findings.agentless) == ["a", "a", "b", "b", "z"])
                #expect(types(findings.queuedLong) == ["b", "b", "z"])
            }
        }

        @Test("A queued attempt that waits for long is found")
        func queuedLong() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let queued = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([queued, record.attempt(of: workflow, number: 2)])
                #expect(try await record.findings().queuedLong.isEmpty)
                try await record.run("UPDATE tasks SET created_at = created_at - interval '11 seconds'")
                #expect(try await record.findings().queuedLong.map(\.reference) == [queued.reference])
            }
        }

        @Test("A bound attempt past its deadline is found")
        func pastDeadline() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow)
                try await record.dispatch([task])
                try await record.registerAgent()
                try await record.commit { save in
                    save.bindings = [
                        BatchSave.Binding(
                            workflowID: workflow, reference: task.reference, agentID: "scaffold-00000001",
                            deadline: save.now - .seconds(5))
                    ]
                }
                #expect(try await record.findings().pastDeadline.isEmpty)
                #expect(try await record.findings(patience: 4_000).pastDeadline.map(\.reference) == [task.reference])
            }
        }

        @Test("A timer that is due long ago is late; a workflow whose time has passed without one is timerless")
        func timers() async throws {
            try await StoreFixture.with { record in
                let late = try await record.makeWorkflow()
                let due = try await record.makeWorkflow()
                let timerless = try await record.makeWorkflow()
                try await record.commit { save in
                    save.timers = [
                        (workflowID: late, due: save.now - .seconds(40)), (workflowID: due, due: save.now),
                    ]
                }
                try await record.run("UPDATE workflow_state SET next_wake_at = now() - interval '2 minutes'")
                let findings = try await record.findings()
                #expect(findings.due == [late, due], "the one that is due for longer comes first")
                #expect(findings.lateTimers.map(\.workflowID) == [late])
                #expect(findings.lateTimers.allSatisfy { $0.lateMilliseconds >= 40_000 })
                #expect(Set(findings.overdue) == [late, due, timerless])
                #expect(findings.timerless == [timerless])
            }
        }

        @Test("A queued attempt held back though its workflow is not paused, or not though it is, is looked into")
        func wronglyHeld() async throws {
            try await StoreFixture.with { record in
                var wrong: [UniqueID] = []
                for (status, isHeld) in [("running", true), ("paused", false), ("running", false), ("paused", true)] {
                    let workflow = try await record.makeWorkflow(status: status)
                    let queued = record.attempt(of: workflow, isQueued: true)
                    try await record.commit { save in
                        save.tasks = [queued]
                        save.holds = [(workflowID: workflow, reference: queued.reference, isHeld: isHeld)]
                    }
                    if isHeld != (status == "paused") { wrong.append(workflow) }
                }
                #expect(try await Set(record.findings().stranded) == Set(wrong))
                try await record.run("UPDATE tasks SET is_stopping = true")
                #expect(try await record.findings().stranded.isEmpty, "what is stopping is never sent")
            }
        }

        @Test("A running workflow that nothing could wake is stranded; a paused one is not")
        func stranded() async throws {
            try await StoreFixture.with { record in
                let stranded = try await record.makeWorkflow()
                _ = try await record.makeWorkflow(status: "paused")
                _ = try await record.makeWorkflow(isTerminal: true)
                let asked = try await record.makeWorkflow()
                let timed = try await record.makeWorkflow()
                let working = try await record.makeWorkflow()
                try await record.dispatch([record.attempt(of: working)])
                try await record.commit { save in
                    save.timers = [(workflowID: timed, due: save.now + .seconds(60))]
                    save.questions = [
                        NewQuestion(
                            workflowID: asked, stage: "build", generation: 1, round: 1, taskID: asked, attempt: 1,
                            id: "q1", text: "?", options: [], expiresAt: save.now + .seconds(60))
                    ]
                }
                #expect(try await record.findings().stranded == [stranded])
            }
        }

        @Test("An open attempt of a workflow that has ended is an orphan")
        func orphaned() async throws {
            try await StoreFixture.with { record in
                let ended = try await record.makeWorkflow(isTerminal: true)
                let task = record.attempt(of: ended)
                try await record.dispatch([task])
                #expect(try await record.findings().orphaned.map(\.reference) == [task.reference])
            }
        }

        @Test("Evidence: timer, trail, attempts, outputs and questions of a workflow")
        func evidence() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let first = record.attempt(of: workflow)
                let second = record.attempt(of: workflow, number: 2, taskID: first.reference.taskID)
                try await record.commit { save in
                    save.tasks = [first, second]
                    save.closings = [
                        BatchSave.Closing(
                            workflowID: workflow,
                            closing: AttemptClosing(
                                taskID: first.reference.taskID, attempt: 1, status: .failed, faultCode: "TOOL_FAILED",
                                agentID: "scaffold-1", keepsResult: false), result: nil)
                    ]
                    save.timers = [(workflowID: workflow, due: save.now + .seconds(60))]
                    save.outputs = [
                        (
                            workflowID: workflow,
                            acceptance: StageAcceptance(
                                stage: "plan", generation: 2, output: [:], commit: nil, artifacts: [])
                        )
                    ]
                    save.events = [
                        (
                            workflowID: workflow,
                            record: AuditRecord(
                                sequence: 7, kind: .stageStarted, severity: .info, actor: "orchestrator", data: [:])
                        )
                    ]
                }
                var generator = SystemRandomNumberGenerator()
                let nobody = UniqueID.v7(at: .now(), using: &generator)
                let found = try await record.watch.evidence(of: [workflow, nobody])
                try #require(found.count == 1)
                let evidence = found[0]
                #expect(evidence.workflowID == workflow)
                #expect(evidence.version == 1)
                #expect(evidence.newestEvent == 7)
                #expect(evidence.timerDue != nil)
                #expect(evidence.openQuestions == 0)
                #expect(evidence.outputs == [OutputKey(workflowID: workflow, stage: "plan", generation: 2)])
                #expect(
                    evidence.attempts == [
                        WorkflowEvidence.Attempt(
                            stage: "build", generation: 1, reference: second.reference, status: .dispatched,
                            agentID: nil)
                    ], "the newest of the stage; the first one is closed and older")
            }
        }
    }
}
