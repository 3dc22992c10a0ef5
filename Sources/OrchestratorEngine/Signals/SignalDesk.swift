import AgentProtocol
import JSONTools
import WorkflowCore
import WorkflowStorage

/// What agents' signals mean, as a value: signals and what the record knows go in, what has to be done comes out.
struct SignalDesk: Sendable {
    /// How often agents say that they live, in milliseconds.
    var heartbeatMilliseconds: Int
    /// Whether an attempt that its agent no longer lists counts as lost: only while signals are read without delay.
    var judgesOmissions: Bool
    /// An agent that holds so many results may have left some out of its list; its silence about one proves nothing.
    static let heldListLimit = 500

    /// What has to be done.
    struct Decision {
        var submissions: [Submission] = []
        /// What leaving agents gave up; to be committed before they are noted as gone.
        var abandonments: [Submission.Body] = []
        /// Bindings that have to be committed before a grant may be given.
        var grants: [(agentID: String, row: OpenAttemptRow?, reference: TaskReference)] = []
        var answers: [HeartbeatAcknowledgement] = []
        var deadLetters: [DeadLetter] = []
    }

    /// The tasks that some signals speak of.
    static func taskIDs(in signals: [AgentSignal]) -> [UniqueID] {
        var ids: Set<UniqueID> = []
        for signal in signals {
            switch signal {
            case .heartbeat(let beat):
                for task in beat.running { ids.insert(task.reference.taskID) }
                for reference in beat.held { ids.insert(reference.taskID) }
            case .started(let started): ids.insert(started.reference.taskID)
            case .grantRequest(let request): ids.insert(request.reference.taskID)
            case .goodbye(let goodbye): for reference in goodbye.abandoned { ids.insert(reference.taskID) }
            case .register, .rejected: break
            }
        }
        return ids.sorted()
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - signals: what agents said, in order.
    ///   - open: the open attempts among the tasks named, and those bound to agents that sent a heartbeat.
    ///   - known: the registered agents among those that sent a heartbeat.
    ///   - now: for the answers' `sent_at`; nothing is decided by it.
    func decide(
        _ signals: [AgentSignal], open: [OpenAttemptRow], known: Set<String>, now: Timestamp
    ) -> Decision {
        var byTask: [UniqueID: OpenAttemptRow] = [:]
        var byAgent: [String: [OpenAttemptRow]] = [:]
        for row in open where byTask.updateValue(row, forKey: row.reference.taskID) == nil {
            if let agentID = row.agentID { byAgent[agentID, default: []].append(row) }
        }
        var decision = Decision()
        for signal in signals {
            switch signal {
            case .register(let register):
                decision.answers.append(
                    HeartbeatAcknowledgement(agentID: register.agentID, sentAt: now, known: true))
            case .heartbeat(let beat):
                weigh(
                    beat, byTask: byTask, bound: byAgent[beat.agentID] ?? [], isKnown: known.contains(beat.agentID),
                    now: now, into: &decision)
            case .started(let started):
                let row = byTask[started.reference.taskID]
                if Self.verdict(on: started.reference, from: started.agentID, row: row) == .stop {
                    // Stopping, closed, or another's: the agent learns it now, not with its next heartbeat.
                    decision.answers.append(
                        HeartbeatAcknowledgement(
                            agentID: started.agentID, sentAt: now, known: true,
                            tasks: [TaskVerdict(reference: started.reference, verdict: .stop)]))
                } else if let row, row.agentID == nil {
                    decision.submissions.append(bind(row, to: started.agentID))
                }
            case .grantRequest(let request):
                let row = byTask[request.reference.taskID].flatMap { $0.matches(request.reference) ? $0 : nil }
                decision.grants.append((agentID: request.agentID, row: row, reference: request.reference))
            case .rejected(let rejected):
                decision.deadLetters.append(
                    DeadLetter(
                        kind: .message, source: rejected.stream, cause: "REJECTED_BY_AGENT",
                        detail: "\(rejected.agentID) could not decode entry \(rejected.entryID): \(rejected.reason)",
                        bytes: rejected.bytes))
            case .goodbye(let goodbye):
                for reference in goodbye.abandoned {
                    guard let row = byTask[reference.taskID], row.matches(reference) else { continue }
                    decision.abandonments.append(
                        .event(.abandoned(row.reference, agentID: goodbye.agentID), workflowID: row.workflowID))
                }
            }
        }
        return decision
    }

    private func weigh(
        _ beat: HeartbeatSignal, byTask: [UniqueID: OpenAttemptRow], bound: [OpenAttemptRow], isKnown: Bool,
        now: Timestamp, into decision: inout Decision
    ) {
        var answer = HeartbeatAcknowledgement(agentID: beat.agentID, sentAt: now, known: isKnown)
        var listed: Set<UniqueID> = []
        for task in beat.running {
            listed.insert(task.reference.taskID)
            let row = byTask[task.reference.taskID]
            let verdict = Self.verdict(on: task.reference, from: beat.agentID, row: row)
            answer.tasks.append(TaskVerdict(reference: task.reference, verdict: verdict))
            if verdict == .continue, let row, row.agentID == nil {
                decision.submissions.append(bind(row, to: beat.agentID))
            }
        }
        for reference in beat.held {
            listed.insert(reference.taskID)
            let isOutstanding = byTask[reference.taskID]?.matches(reference) ?? false
            if !isOutstanding { answer.settled.append(reference) }
        }
        decision.answers.append(answer)
        guard beat.held.count < Self.heldListLimit else { return }
        decision.submissions += omissions(of: beat.agentID, bound: bound, listed: listed)
    }

    /// What an agent has lost: attempts that are bound to it and that its heartbeat doesn't list.
    func omissions(of agentID: String, bound: [OpenAttemptRow], listed: Set<UniqueID>) -> [Submission] {
        guard judgesOmissions else { return [] }
        var submissions: [Submission] = []
        for row in bound where !listed.contains(row.reference.taskID) {
            // Bound before the last two heartbeats, and this one doesn't list it: the agent has lost it.
            guard let boundMilliseconds = row.boundMilliseconds,
                boundMilliseconds > Int64(2 * heartbeatMilliseconds + 1000)
            else { continue }
            submissions.append(
                Submission(
                    .event(.leaseExpired(row.reference, agentID: agentID), workflowID: row.workflowID),
                    origin: .watch))
        }
        return submissions
    }

    /// Whether an agent may go on with a send that it says it runs.
    static func verdict(on reference: TaskReference, from agentID: String, row: OpenAttemptRow?) -> TaskVerdict.Verdict
    {
        guard let row, row.matches(reference), !row.isStopping, row.agentID == nil || row.agentID == agentID else {
            return .stop
        }
        return .continue
    }

    private func bind(_ row: OpenAttemptRow, to agentID: String) -> Submission {
        Submission(.event(.taskStarted(row.reference, agentID: agentID), workflowID: row.workflowID), origin: .watch)
    }
}

extension OpenAttemptRow {
    /// Whether this open attempt was sent under exactly that reference.
    func matches(_ reference: TaskReference) -> Bool {
        self.reference.taskID == reference.taskID && self.reference.attempt == reference.attempt
            && self.reference.dispatchID == reference.dispatchID.rawValue
    }
}

extension AttemptReference {
    /// The reference in the words of the wire.
    var wire: TaskReference {
        TaskReference(taskID: taskID, attempt: attempt, dispatchID: DispatchID(rawValue: dispatchID))
    }

    init(_ reference: TaskReference) {
        self.init(
            taskID: reference.taskID, attempt: reference.attempt, dispatchID: reference.dispatchID.rawValue)
    }
}
