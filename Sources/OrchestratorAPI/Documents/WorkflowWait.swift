import JSONTools
import WorkflowCore
import WorkflowStorage

/// What a workflow that has not ended waits for, in words for people. There is no workflow that is under way and waits
/// for nothing.
struct WorkflowWait: Sendable, Hashable {
    /// What kind of thing is waited for, in one word for programs; what needs somebody most comes first.
    enum Kind: String, Sendable, Hashable, CaseIterable, Comparable {
        /// Somebody who resumes it.
        case resume
        /// People's answers.
        case answers
        /// Redis.
        case redis
        /// An agent of a type of which none lives.
        case agent
        /// A free agent, or room among the sends of its type.
        case room
        /// The time of the next attempt.
        case backoff
        /// The orchestrator or an agent, for a moment.
        case moment
        /// Attempts that were told to stop.
        case stop
        /// An agent that works.
        case work

        static func < (left: Kind, right: Kind) -> Bool { left.rank < right.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }
    }

    var kind: Kind
    /// What has to happen next: "a validation agent", "answers to 2 questions of plan".
    var what: String
    /// Since when it is waited for.
    var since: Timestamp
    /// By when it has happened, or something else happens instead; nil if that is up to somebody.
    var until: Timestamp?
    /// Why, and what would help.
    var help: String
    /// The stage that waits; nil if the workflow as a whole does.
    var stage: String?
    /// What other stages wait for, if several are under way.
    var others: [String] = []
    /// The status that the workflow has for this reason, if another than its phase.
    var status: String?

    var document: JSONValue {
        [
            "kind": .string(kind.rawValue), "what": .string(what), "since": JSONValue(since), "until": JSONValue(until),
            "help": .string(help),
            "stage": JSONValue(stage), "others": .array(others.map { .string($0) }),
        ]
    }

    /// What a workflow waits for; nil only if it has ended.
    ///
    /// Of several stages, the one counts that needs somebody most: a person, Redis, an agent, room, time, work.
    static func find(in detail: WorkflowDetail, definition: WorkflowDefinition, isRedisUp: Bool) -> WorkflowWait? {
        let state = detail.state
        let stages = waits(of: detail, definition: definition, isRedisUp: isRedisUp)
        switch state.phase {
        case .completed, .failed, .cancelled:
            return nil
        case .initiated:
            return WorkflowWait(
                kind: .moment, what: "the orchestrator to start it", since: detail.row.createdAt,
                help: "it is recorded; it starts as soon as an orchestrator takes it up")
        case .paused:
            return paused(detail, stages)
        case .running:
            return most(urgent: stages) ?? stranded(detail, definition)
        case .stopping:
            return stopping(detail, stages)
        }
    }

    /// The waits of the stages that are under way, in the order of the definition.
    private static func waits(
        of detail: WorkflowDetail, definition: WorkflowDefinition, isRedisUp: Bool
    ) -> [StageWait] {
        zip(definition.stages, detail.state.stages).compactMap { stage, state in
            StageWait(stage, state, in: detail, isRedisUp: isRedisUp)
        }
    }

    private static func most(urgent stages: [StageWait]) -> WorkflowWait? {
        guard let first = stages.min(by: { $0.wait.kind < $1.wait.kind }) else { return nil }
        var wait = first.wait
        wait.others = stages.map(\.wait).filter { $0.stage != wait.stage }.map(\.what)
        return wait
    }

    // MARK: The workflow as a whole

    private static func paused(_ detail: WorkflowDetail, _ stages: [StageWait]) -> WorkflowWait {
        let pause = detail.state.pause
        let by = pause.map { "\($0.actor) paused it" } ?? "it is paused"
        var help = "\(by); 'baton resume \(detail.row.id)' goes on"
        let working = stages.filter { $0.wait.kind == .work }.compactMap(\.wait.stage)
        if !working.isEmpty {
            help += "; what is under way goes on meanwhile (\(working.joined(separator: ", "))), and its result is kept"
        }
        return WorkflowWait(
            kind: .resume, what: "somebody to resume it", since: pause?.since ?? detail.row.updatedAt, help: help,
            others: stages.map(\.wait).filter { $0.kind != .work }.map(\.what))
    }

    private static func stopping(_ detail: WorkflowDetail, _ stages: [StageWait]) -> WorkflowWait {
        let state = detail.state
        let why = state.outcome.map { "\($0.fault.code): \($0.fault.message)" } ?? "it is being stopped"
        let ends = state.stages.compactMap { $0.open?.closesAt }
        guard let last = ends.max(), let first = state.stages.compactMap({ $0.open?.cancelledAt }).min(),
            var wait = stages.first?.wait
        else {
            return WorkflowWait(
                kind: .moment, what: "the orchestrator to record its end", since: state.endedAt ?? detail.row.updatedAt,
                help: "\(why); nothing is open any more")
        }
        if stages.count > 1 {
            wait.what =
                "\(stages.count) attempts to stop: "
                + stages.compactMap(\.wait.stage).joined(separator: ", ")
            wait.stage = nil
        }
        wait.since = first
        wait.until = last
        wait.help = "\(why); an attempt whose agent does not answer counts as closed then"
        return wait
    }

    /// No stage is under way although the workflow is. It can't be; if it is, the watchdog finds it.
    private static func stranded(_ detail: WorkflowDetail, _ definition: WorkflowDefinition) -> WorkflowWait {
        let next = zip(definition.stages, detail.state.stages).first { !$0.1.phase.isClosed }?.0.name
        return WorkflowWait(
            kind: .moment, what: next.map { "the orchestrator to start \($0)" } ?? "the orchestrator to record its end",
            since: detail.row.updatedAt,
            help: "this takes no time as a rule; the watchdog looks for such workflows every minute and mends them",
            stage: next)
    }
}
