import JSONTools
import WorkflowCore
import WorkflowStorage

/// What a workflow that has not ended waits for, in words for people.
struct WorkflowWait: Sendable, Hashable {
    /// For how long a sent task may be on its way before that is worth a word.
    static let patience: Swift.Duration = .seconds(2)

    var what: String
    var since: Timestamp?
    var until: Timestamp?
    var help: String?
    /// The status that the workflow has for this reason, if another than its phase.
    var status: String?

    var document: JSONValue {
        [
            "what": .string(what), "since": JSONValue(since), "until": JSONValue(until), "help": JSONValue(help),
        ]
    }

    /// What a workflow waits for; nil if it has ended, or is about to go on by itself.
    ///
    /// Of several stages, the one counts that needs somebody most: no agent, then a free agent, a backoff, work.
    static func find(in detail: WorkflowDetail, definition: WorkflowDefinition, isRedisUp: Bool) -> WorkflowWait? {
        guard !detail.state.phase.isTerminal else { return nil }
        var best: (rank: Int, wait: WorkflowWait)?
        for (stage, state) in zip(definition.stages, detail.state.stages) where state.phase == .running {
            guard let (rank, wait) = wait(stage, state, in: detail, isRedisUp: isRedisUp) else { continue }
            if rank < best?.rank ?? .max { best = (rank, wait) }
        }
        return best?.wait
    }

    private static func wait(
        _ stage: StageDefinition, _ state: StageState, in detail: WorkflowDetail, isRedisUp: Bool
    ) -> (rank: Int, wait: WorkflowWait)? {
        let attempt = detail.newestAttempts[stage.name].flatMap { $0.generation == state.generation ? $0 : nil }
        guard let open = state.open else {
            guard let retryAt = state.retryAt else { return nil }
            return (
                3,
                WorkflowWait(
                    what: "the next attempt at \(stage.name)", since: attempt?.completedAt ?? state.startedAt,
                    until: retryAt,
                    help: state.fault.map { "the attempt before failed: \($0.code): \($0.message)" })
            )
        }
        if let cancelledAt = open.cancelledAt, let closesAt = open.closesAt {
            return (
                4,
                WorkflowWait(
                    what: "the \(stage.agent) agent to stop", since: cancelledAt,
                    until: closesAt)
            )
        }
        if let agentID = open.agentID {
            return (
                5,
                WorkflowWait(
                    what: "the \(stage.agent) agent to finish \(stage.name)", since: attempt?.startedAt ?? open.sentAt,
                    until: open.deadline,
                    help: "\(agentID) works on it")
            )
        }
        guard isRedisUp else {
            return (
                0,
                WorkflowWait(
                    what: "Redis", since: open.sentAt,
                    help: "Redis does not answer; the task is recorded and is sent once it does")
            )
        }
        if detail.livingAgents[stage.agent, default: 0] == 0 {
            return (
                1,
                WorkflowWait(
                    what: "\(article(of: stage.agent)) \(stage.agent) agent", since: open.sentAt,
                    help: "no \(stage.agent) agent is running; start one with '\(stage.agent)-agent', "
                        + "or all of them with 'baton up'",
                    status: detail.state.phase == .running ? "waiting_for_agent" : nil)
            )
        }
        guard detail.now - open.sentAt >= patience else { return nil }
        return (
            2,
            WorkflowWait(
                what: "a free \(stage.agent) agent", since: open.sentAt,
                help: "the running \(stage.agent) agents are busy; another one would take it at once")
        )
    }

    private static func article(of word: String) -> String {
        word.first.map { "aeiou".contains($0) } == true ? "an" : "a"
    }
}
