import JSONTools
import Testing
import WorkflowCore

@testable import OrchestratorAPI
@testable import WorkflowStorage

/// No workflow that is under way waits for nothing.
@Suite("Every workflow that has not ended says what it waits for")
struct WorkflowWaitPropertyTests {
    private static let now = Timestamp(microseconds: 1_000_000_000)
    private static let statuses = [
        "initiated", "running", "awaiting_clarification", "waiting_for_agent", "paused", "stopping",
    ]

    private func detail(_ state: WorkflowState, living: Int, at now: Timestamp) -> WorkflowDetail {
        let row = WorkflowRow(
            id: UniqueID(high: 1, low: 2), type: "t", definitionVersion: 1, name: "a", description: "",
            requirements: "", priority: "medium", input: [:], traceID: "", createdBy: "ann", status: "running",
            currentStage: nil, progress: 0, fault: nil, faultStage: nil, createdAt: Self.now, updatedAt: Self.now,
            startedAt: nil, completedAt: nil)
        return WorkflowDetail(
            row: row, definitionHash: "", state: state, outputs: [], newestAttempts: [:],
            livingAgents: living == 0 ? [:] : ["a": living], now: now)
    }

    private func check(_ wait: WorkflowWait?, _ state: WorkflowState, _ place: String) {
        guard !state.phase.isTerminal else {
            #expect(wait == nil, "\(place): an ended workflow waits for nothing")
            return
        }
        guard let wait else {
            Issue.record("\(place): waits for nothing")
            return
        }
        #expect(!wait.what.isEmpty && !wait.help.isEmpty, "\(place)")
        #expect(Self.statuses.contains(wait.status ?? state.phase.rawValue), "\(place)")
    }

    /// All that can be told apart about one stage.
    private static func stageStates() -> [StageState] {
        StageState.Phase.allCases.flatMap { phase -> [StageState] in
            var plain = StageState()
            plain.phase = phase
            guard phase == .running || phase == .awaitingAnswers else { return [plain] }
            var asked = plain
            asked.questions = OpenQuestions(round: 1, ids: ["q"], askedAt: now, expiresAt: now + .seconds(60))
            var backoff = plain
            backoff.retryAt = now + .seconds(1)
            var sent = plain
            sent.attempt = 1
            sent.open = OpenAttempt(dispatchID: 1, sentAt: now - .seconds(60))
            var bound = sent
            bound.open?.agentID = "a-1"
            bound.open?.deadline = now + .seconds(60)
            var stopped = bound
            stopped.open?.cancelledAt = now
            return [plain, asked, backoff, sent, bound, stopped]
        }
    }

    @Test("In every phase, with two stages in every pair of states, with and without agents and Redis")
    func everyState() {
        let definition = WorkflowDefinition(
            name: "pair", stages: [StageDefinition(name: "one", agent: "a"), StageDefinition(name: "two", agent: "a")])
        var count = 0
        for phase in WorkflowState.Phase.allCases {
            for first in Self.stageStates() {
                for second in Self.stageStates() {
                    var state = WorkflowState(stageCount: 2)
                    state.phase = phase
                    state.stages = [first, second]
                    for (living, isRedisUp) in [(0, true), (1, true), (1, false), (0, false)] {
                        let detail = detail(state, living: living, at: Self.now)
                        let wait = WorkflowWait.find(in: detail, definition: definition, isRedisUp: isRedisUp)
                        check(wait, state, "\(phase), \(first.phase), \(second.phase), \(living), \(isRedisUp)")
                        count += 1
                    }
                }
            }
        }
        #expect(count == 7 * 17 * 17 * 4)
    }

    /// A workflow that random events are applied to.
    private struct Walk {
        var machine: WorkflowMachine
        var source: EntropySource
        var entropy: EntropySource
        var outputs: [String: StageOutput] = [:]
        var now = WorkflowWaitPropertyTests.now

        init(seed: UInt64) {
            let definition = WorkflowDefinition(
                name: "graph",
                stages: [
                    StageDefinition(name: "one", agent: "a"), StageDefinition(name: "two", agent: "a", needs: ["one"]),
                    StageDefinition(
                        name: "three", agent: "a", needs: ["one"], required: false, retry: RetryPolicy(maxAttempts: 2)),
                    StageDefinition(name: "four", agent: "a", needs: ["two", "three"]),
                ])
            machine = WorkflowMachine(
                definition: definition,
                facts: WorkflowFacts(id: UniqueID(high: 1, low: 2), type: "graph", name: "x", traceID: ""))
            source = EntropySource(seed: seed)
            entropy = EntropySource(seed: ~seed)
        }

        mutating func number(below bound: Int) -> Int { Int(source.next() % UInt64(bound)) }

        private func references() -> [(stage: String, reference: AttemptReference)] {
            zip(machine.definition.stages, machine.state.stages).compactMap { stage, state in
                guard let taskID = state.taskID, let open = state.open else { return nil }
                return (
                    stage.name,
                    AttemptReference(taskID: taskID, attempt: state.attempt, dispatchID: open.dispatchID)
                )
            }
        }

        private mutating func event() -> WorkflowEvent {
            if machine.state.phase.isTerminal { return .retry(RetryRequest(actor: "bob", fromStage: "one")) }
            if machine.state.phase == .initiated { return .start(actor: "ann") }
            switch number(below: 24) {
            case 0: return .pause(actor: "bob", reason: "")
            case 1, 2: return .resume(actor: "bob")
            case 3 where number(below: 8) == 0: return .cancel(actor: "bob", reason: "")
            case 4, 5:
                let asking = zip(machine.definition.stages, machine.state.stages).first { $1.questions != nil }
                if let (stage, state) = asking, let ids = state.questions?.ids {
                    let values = ids.map { GivenAnswer(id: $0, value: "yes") }
                    return .answers(AnswerSet(actor: "eve", stage: stage.name, values: values))
                }
            default: break
            }
            let open = references()
            guard !open.isEmpty, number(below: 6) > 0 else { return .wake(judgeDeadlines: true) }
            let (stage, reference) = open[number(below: open.count)]
            switch number(below: 5) {
            case 0: return .taskStarted(reference, agentID: "a-1")
            case 1: return .leaseExpired(reference, agentID: "a-1")
            default:
                let statuses = AttemptOutcome.Status.allCases + [.success, .success, .success]
                let status = statuses[number(below: statuses.count)]
                let faults =
                    status == .failure ? [WorkflowFault(code: "X", message: "it broke", isRetryable: true)] : []
                return .taskFinished(
                    AttemptOutcome(
                        reference: reference, stage: stage, agentID: "a-1", status: status, faults: faults,
                        questions: status == .needsInput ? [AskedQuestion(id: "q", text: "Really?")] : []))
            }
        }

        mutating func step() {
            now += .milliseconds(Int64(number(below: 8000)))
            let event = event()
            while true {
                do throws(Rejection) {
                    let directives = try machine.apply(event, at: now, outputs: outputs, using: &entropy)
                    for case .accept(let acceptance) in directives {
                        outputs[acceptance.stage] = StageOutput(
                            output: acceptance.output, commit: acceptance.commit, artifacts: acceptance.artifacts)
                    }
                    return
                } catch {
                    guard case .outputsNeeded(let names) = error else { return }
                    for name in names {
                        outputs[name] = StageOutput(output: .object([:]), commit: nil, artifacts: [])
                    }
                }
            }
        }
    }

    @Test("Whatever happens to a workflow, a person can read what it waits for; never a state that can't be")
    func everyWalk() {
        var seen: Set<String> = []
        for seed in 0..<300 as Range<UInt64> {
            var walk = Walk(seed: seed)
            for step in 0..<80 {
                walk.step()
                let state = walk.machine.state
                let detail = detail(state, living: walk.number(below: 2), at: walk.now)
                let wait = WorkflowWait.find(
                    in: detail, definition: walk.machine.definition, isRedisUp: walk.number(below: 3) > 0)
                check(wait, state, "seed \(seed), step \(step), \(state.phase)")
                guard let wait else { continue }
                let isStrange = wait.help.contains("watchdog") || wait.what == "the orchestrator to record its end"
                #expect(!isStrange, "seed \(seed), step \(step): \(wait.what) in \(state)")
                #expect(wait.since <= walk.now, "seed \(seed), step \(step): \(wait.what) since the future")
                seen.insert(wait.status ?? state.phase.rawValue)
            }
        }
        #expect(seen == Set(Self.statuses).subtracting(["initiated"]))
    }
}
