import JSONTools
import WorkflowCore
import WorkflowStorage

/// What one stage that is under way waits for.
struct StageWait: Sendable {
    /// For how long a sent task may be on its way before its agents count as busy.
    static let patience: Swift.Duration = .seconds(2)

    var wait: WorkflowWait

    /// The types of agents that come with Baton.
    static let ownTypes: Set<String> = ["scaffold", "validation", "e2e", "integration", "deployment"]

    /// Nil if the stage is not under way: pending or over.
    init?(_ stage: StageDefinition, _ state: StageState, in detail: WorkflowDetail, isRedisUp: Bool) {
        switch state.phase {
        case .pending, .completed, .failed, .skipped, .cancelled:
            return nil
        case .awaitingAnswers:
            wait = Self.answers(stage, state, in: detail)
        case .running:
            let attempt = detail.newestAttempts[stage.name].flatMap { $0.generation == state.generation ? $0 : nil }
            wait =
                if let open = state.open {
                    Self.attempt(open, attempt, of: stage, in: detail, isRedisUp: isRedisUp)
                } else {
                    Self.next(stage, state, after: attempt, in: detail)
                }
        }
        wait.stage = stage.name
    }

    private static func answers(
        _ stage: StageDefinition, _ state: StageState, in detail: WorkflowDetail
    ) -> WorkflowWait {
        let count = state.questions?.ids.count ?? 0
        let assignments = (state.questions?.ids ?? []).prefix(3).map { "\($0)=…" }.joined(separator: " ")
        return WorkflowWait(
            kind: .answers,
            what: "\(count == 1 ? "the answer to a question" : "answers to \(count) questions") of \(stage.name)",
            since: state.questions?.askedAt ?? detail.row.updatedAt, until: state.questions?.expiresAt,
            help: "'baton answer \(detail.row.id) \(assignments)\(count > 3 ? " …" : "")' answers; without an answer "
                + "the stage fails then",
            status: detail.state.phase == .running ? "awaiting_clarification" : nil)
    }

    /// No attempt is out: the next one has its time.
    private static func next(
        _ stage: StageDefinition, _ state: StageState, after attempt: TaskRow?, in detail: WorkflowDetail
    ) -> WorkflowWait {
        let since = attempt?.completedAt ?? state.startedAt ?? detail.row.updatedAt
        let why = state.fault.map { "the attempt before failed: \($0.code): \($0.message)" }
        guard let retryAt = state.retryAt else {
            return WorkflowWait(
                kind: .moment, what: "the orchestrator to go on with \(stage.name)", since: since,
                help: why ?? "its next attempt is sent as soon as the workflow goes on")
        }
        return WorkflowWait(
            kind: .backoff, what: "the next attempt at \(stage.name)", since: since, until: retryAt,
            help: why ?? "the attempt before was given up")
    }

    private static func attempt(
        _ open: OpenAttempt, _ attempt: TaskRow?, of stage: StageDefinition, in detail: WorkflowDetail, isRedisUp: Bool
    ) -> WorkflowWait {
        if let cancelledAt = open.cancelledAt, let closesAt = open.closesAt {
            return WorkflowWait(
                kind: .stop,
                what: open.agentID == nil
                    ? "the task of \(stage.name) to be withdrawn"
                    : "the \(stage.agent) agent to stop \(stage.name)",
                since: cancelledAt,
                until: closesAt,
                help: "it was told to; an attempt whose agent does not answer counts as closed then")
        }
        if let agentID = open.agentID {
            let road =
                isRedisUp ? "" : "; Redis does not answer or is out of memory: the agent keeps its result meanwhile"
            return WorkflowWait(
                kind: .work, what: "the \(stage.agent) agent to finish \(stage.name)",
                since: attempt?.startedAt ?? open.sentAt,
                until: open.deadline, help: "\(agentID) works on it\(road)")
        }
        guard isRedisUp else {
            return WorkflowWait(
                kind: .redis, what: "Redis", since: open.sentAt,
                help: "Redis is away or out of memory; the task is recorded and is sent as soon as it can be"
            )
        }
        if detail.livingAgents[stage.agent, default: 0] == 0 {
            return WorkflowWait(
                kind: .agent, what: "\(article(of: stage.agent)) \(stage.agent) agent", since: open.sentAt,
                help: "no \(stage.agent) agent is running; \(start(of: stage.agent))",
                status: detail.state.phase == .running ? "waiting_for_agent" : nil)
        }
        return unclaimed(open, attempt, of: stage, in: detail)
    }

    /// How somebody starts an agent of a type.
    private static func start(of type: String) -> String {
        ownTypes.contains(type)
            ? "start one with '\(type)-agent', or all of them with 'baton up'" : "start yours, and see 'baton agents'"
    }

    /// Agents live, and none has taken it yet.
    private static func unclaimed(
        _ open: OpenAttempt, _ attempt: TaskRow?, of stage: StageDefinition, in detail: WorkflowDetail
    ) -> WorkflowWait {
        let what = "a free \(stage.agent) agent"
        let living = detail.livingAgents[stage.agent, default: 0]
        let agents = living == 1 ? "one \(stage.agent) agent is running" : "\(living) \(stage.agent) agents are running"
        let count = detail.tasksAhead[stage.name] ?? 0
        let most = PostgresReadStore.mostTasksAhead
        let ahead =
            switch count {
            case 0: "it is the next one of its type"
            case 1: "one task of its type is before it"
            case most...: "\(most) tasks or more are before it"
            default: "\(count) tasks of its type are before it"
            }
        if attempt?.status == .queued {
            return WorkflowWait(
                kind: .room, what: what, since: open.sentAt,
                help: "\(ahead); it is recorded and is sent when its turn comes; \(agents), more would help")
        }
        guard detail.now - open.sentAt >= patience else {
            return WorkflowWait(
                kind: .moment, what: "\(article(of: stage.agent)) \(stage.agent) agent to take \(stage.name)",
                since: open.sentAt,
                help: "it was sent a moment ago; \(agents)")
        }
        return WorkflowWait(
            kind: .room, what: what, since: open.sentAt,
            help: "\(agents) and busy; \(ahead), and another agent would take it at once")
    }

    private static func article(of word: String) -> String {
        word.first.map { "aeiou".contains($0) } == true ? "an" : "a"
    }
}
