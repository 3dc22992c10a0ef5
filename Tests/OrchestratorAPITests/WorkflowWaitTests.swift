import Foundation
import JSONTools
import Testing
import WorkflowCore

@testable import OrchestratorAPI
@testable import WorkflowStorage

@Suite("What a workflow waits for")
struct WorkflowWaitTests {
    private let now = Timestamp(microseconds: 1_000_000_000)
    private let definition: WorkflowDefinition

    init() throws {
        definition = WorkflowDefinition(
            name: "pair",
            stages: [
                StageDefinition(name: "check", agent: "validation"), StageDefinition(name: "drive", agent: "e2e"),
            ])
    }

    /// A workflow whose stages are as given, at `now`.
    private func detail(
        _ phase: WorkflowState.Phase = .running, living: [String: Int] = [:], change: (inout [StageState]) -> Void
    ) -> WorkflowDetail {
        var state = WorkflowState(stageCount: 2)
        state.phase = phase
        change(&state.stages)
        let id = UniqueID(high: 1, low: 2)
        let row = WorkflowRow(
            id: id, type: "pair", definitionVersion: 1, name: "a", description: "", requirements: "",
            priority: "medium", input: [:], traceID: "", createdBy: "ann", status: "running", currentStage: nil,
            progress: 0, fault: nil, faultStage: nil, createdAt: now, updatedAt: now, startedAt: nil, completedAt: nil)
        return WorkflowDetail(
            row: row, definitionHash: "", state: state, outputs: [], newestAttempts: [:], livingAgents: living,
            now: now)
    }

    private func sent(_ stage: inout StageState, agoSeconds: Int) {
        stage.phase = .running
        stage.attempt = 1
        stage.open = OpenAttempt(dispatchID: 1, sentAt: now - .seconds(agoSeconds))
    }

    private func wait(in detail: WorkflowDetail, isRedisUp: Bool = true) -> WorkflowWait? {
        WorkflowWait.find(in: detail, definition: definition, isRedisUp: isRedisUp)
    }

    @Test("No agent of the type lives: the workflow says which, since when, and how to start one")
    func noAgent() throws {
        let found = try #require(wait(in: detail(living: ["e2e": 1]) { sent(&$0[0], agoSeconds: 1) }))
        #expect(found.what == "a validation agent" && found.kind == .agent)
        #expect(found.since == now - .seconds(1))
        #expect(found.help.contains("validation-agent"))
        #expect(found.status == "waiting_for_agent")
        let other = try #require(wait(in: detail { sent(&$0[1], agoSeconds: 1) }))
        #expect(other.what == "an e2e agent")
    }

    @Test("For an agent that isn't Baton's own no program is named: there is none that Baton knows")
    func noForeignAgent() throws {
        let own = WorkflowDefinition(name: "own", stages: [StageDefinition(name: "check", agent: "licence_header")])
        var alone = detail { sent(&$0[0], agoSeconds: 1) }
        alone.state.stages.removeLast()
        let found = try #require(WorkflowWait.find(in: alone, definition: own, isRedisUp: true))
        #expect(found.what == "a licence_header agent")
        #expect(found.help == "no licence_header agent is running; start yours, and see 'baton agents'")
        // What is named can be started: it is a product of this package.
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let agents = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "agents").path)
        #expect(Set(agents.filter { !$0.hasPrefix(".") }) == StageWait.ownTypes)
    }

    @Test("Agents live and none has taken it: first one that takes it is waited for, then a free one")
    func busyAgents() {
        let fresh = wait(in: detail(living: ["validation": 1]) { sent(&$0[0], agoSeconds: 1) })
        #expect(fresh?.what == "a validation agent to take check")
        var queue = detail(living: ["validation": 2]) { sent(&$0[0], agoSeconds: 9) }
        #expect(wait(in: queue)?.what == "a free validation agent")
        #expect(wait(in: queue)?.status == nil)
        #expect(wait(in: queue)?.help.contains("2 validation agents are running and busy; it is the next one") == true)
        queue.tasksAhead["check"] = 17
        #expect(wait(in: queue)?.help.contains("17 tasks of its type are before it") == true)
        queue.tasksAhead["check"] = 1000
        #expect(wait(in: queue)?.help.contains("1000 tasks or more are before it") == true)
    }

    @Test("A task that is recorded and not sent yet waits for its turn, with how many are before it")
    func queued() {
        var queue = detail(living: ["validation": 1]) { sent(&$0[0], agoSeconds: 1) }
        queue.newestAttempts["check"] = TaskRow(
            workflowID: queue.row.id, taskID: queue.row.id, attempt: 1, stage: "check", generation: 1,
            agentType: "validation", action: "check", status: .queued, dispatchID: 1, agentID: nil, faultCode: nil,
            createdAt: now, startedAt: nil, completedAt: nil, deadline: nil)
        queue.tasksAhead["check"] = 300
        let found = wait(in: queue)
        #expect(found?.what == "a free validation agent")
        #expect(found?.help.hasPrefix("300 tasks of its type are before it; it is recorded and is sent") == true)
    }

    @Test("People are asked: which question, until when, and how to answer")
    func answers() {
        let asking = detail(living: ["e2e": 1]) {
            $0[0].phase = .awaitingAnswers
            $0[0].questions = OpenQuestions(
                round: 1, ids: ["colour", "size"], askedAt: now - .seconds(60), expiresAt: now + .seconds(3600))
            sent(&$0[1], agoSeconds: 1)
        }
        let found = wait(in: asking)
        #expect(found?.what == "answers to 2 questions of check")
        #expect(found?.since == now - .seconds(60))
        #expect(found?.until == now + .seconds(3600))
        #expect(found?.help.hasPrefix("'baton answer \(asking.row.id) colour=… size=…' answers") == true)
        #expect(found?.status == "awaiting_clarification")
        #expect(found?.others == ["an e2e agent to take drive"])
    }

    @Test("A paused workflow says who paused it, since when, how it goes on, and what goes on meanwhile")
    func paused() {
        var held = detail(.paused) {
            sent(&$0[0], agoSeconds: 30)
            $0[0].open?.agentID = "validation-00000001"
        }
        held.state.pause = WorkflowState.Pause(since: now - .seconds(5), actor: "ann")
        let found = wait(in: held)
        #expect(found?.what == "somebody to resume it")
        #expect(found?.since == now - .seconds(5))
        #expect(found?.until == nil)
        #expect(
            found?.help
                == "ann paused it; 'baton resume \(held.row.id)' goes on; what is under way goes on meanwhile (check), and "
                + "its result is kept")
        #expect(found?.status == nil)
    }

    @Test("Without Redis no agent is missed: Redis is")
    func redisAway() {
        let found = wait(in: detail { sent(&$0[0], agoSeconds: 60) }, isRedisUp: false)
        #expect(found?.what == "Redis" && found?.kind == .redis)
        #expect(found?.status == nil)
    }

    @Test("In backoff the next attempt is waited for, until its time, with the cause")
    func backoff() {
        let found = wait(
            in: detail {
                $0[0].phase = .running
                $0[0].retryAt = now + .seconds(5)
                $0[0].fault = WorkflowFault(code: "TOOL_FAILED", message: "it broke", isRetryable: true)
            })
        #expect(found?.what == "the next attempt at check")
        #expect(found?.until == now + .seconds(5))
        #expect(found?.help.contains("TOOL_FAILED: it broke") == true)
    }

    @Test("A bound attempt is waited for until its deadline, even if its agent fell silent")
    func working() {
        let found = wait(
            in: detail {
                sent(&$0[0], agoSeconds: 30)
                $0[0].open?.agentID = "validation-00000001"
                $0[0].open?.deadline = now + .seconds(600)
            })
        #expect(found?.what == "the validation agent to finish check")
        #expect(found?.until == now + .seconds(600))
        #expect(found?.status == nil)
    }

    @Test("Of several stages the one counts that needs somebody most")
    func mostUrgent() {
        let found = wait(
            in: detail(living: ["validation": 1]) {
                sent(&$0[0], agoSeconds: 30)
                $0[0].open?.agentID = "validation-00000001"
                sent(&$0[1], agoSeconds: 3)
            })
        #expect(found?.what == "an e2e agent")
    }

    @Test("A stopping workflow waits for its agents to stop, at most for the grace; an ended one for nothing")
    func stopping() {
        let found = wait(
            in: detail(.stopping) {
                sent(&$0[0], agoSeconds: 30)
                $0[0].open?.agentID = "validation-00000001"
                $0[0].open?.cancelledAt = now
            })
        #expect(found?.what == "the validation agent to stop check")
        #expect(found?.until == now + WorkflowMachine.cancelGrace)
        let unbound = wait(
            in: detail(.stopping) {
                sent(&$0[0], agoSeconds: 30)
                $0[0].open?.cancelledAt = now
            })
        #expect(unbound?.what == "the task of check to be withdrawn")
        #expect(unbound?.until == now + WorkflowMachine.unboundCancelGrace)
        #expect(found?.status == nil)
        #expect(wait(in: detail(.completed) { _ in }) == nil)
        let both = wait(
            in: detail(.stopping) { stages in
                for index in 0...1 {
                    sent(&stages[index], agoSeconds: 30)
                    stages[index].open?.cancelledAt = now
                }
            })
        #expect(both?.what == "2 attempts to stop: check, drive")
    }
}
