import JSONTools
import WorkflowCore
import WorkflowStorage

// MARK: From findings to events

extension SweeperCore {
    /// Workflows whose rows may say something else than their state: nobody woke them, nothing could, or rows are open
    /// that should be closed.
    static func doubtful(in findings: WatchFindings) -> [UniqueID] {
        var ids = Set(findings.overdue)
        ids.formUnion(findings.stranded)
        ids.formUnion(findings.orphaned.map(\.workflowID))
        return ids.sorted()
    }

    /// The events that findings are.
    mutating func submissions(for findings: WatchFindings, into effects: inout [Effect]) -> [Submission] {
        var submissions: [Submission] = []
        func submit(_ event: WorkflowEvent, _ workflowID: UniqueID) {
            submissions.append(Submission(.event(event, workflowID: workflowID), origin: .watch))
        }
        // Clocks: timers that are due, and what should have been woken by one.
        var woken: Set<UniqueID> = []
        for id in findings.due + findings.expiredQuestions + findings.pastDeadline.map(\.workflowID)
        where woken.insert(id).inserted {
            submit(.wake(judgeDeadlines: judges), id)
        }
        // While Redis is away nothing is sent, and nothing is lost by waiting.
        for found in isRoadUp ? findings.unpublished : [] {
            submit(.sendLost(found.reference, reason: .neverSent), found.workflowID)
        }
        for found in passedOver(in: findings) {
            submit(.sendLost(found.reference, reason: .queuedNotSent), found.workflowID)
        }
        // Judged again after the query: if it took long, we did not listen meanwhile.
        guard judges else { return submissions }
        for found in findings.expired {
            effects.append(.report(.silent(agentID: found.agentID, workflowID: found.workflowID)))
            submit(.leaseExpired(found.reference, agentID: found.agentID), found.workflowID)
        }
        for found in findings.agentless where !agentless.contains(found.reference) {
            submit(.agentMissing(found.reference), found.workflowID)
        }
        agentless = Set(findings.agentless.map(\.reference))
        return submissions
    }

    /// Queued tasks that were passed over again and again though their type had room for them.
    private mutating func passedOver(in findings: WatchFindings) -> [WatchedAttempt] {
        var room: [String: Int] = [:]
        for load in findings.loads {
            // A window that is almost full tells nothing: places are taken as they become free.
            let window = SendWindow.size(slots: load.slots)
            if load.sent <= window / 2 { room[load.agentType] = window - load.sent }
        }
        var seen: [AttemptReference: Int] = [:]
        var lost: [WatchedAttempt] = []
        for found in isRoadUp ? findings.queuedLong : [] {
            guard let left = room[found.agentType], left > 0 else { continue }
            let looks = (passedOver[found.reference] ?? 0) + 1
            if looks < Self.passedOverLimit {
                seen[found.reference] = looks
            } else {
                room[found.agentType] = left - 1
                lost.append(found)
            }
        }
        passedOver = seen
        return lost
    }
}

extension RecordEvidence {
    init(_ found: WorkflowEvidence) {
        self.init(
            sequence: found.newestEvent,
            openAttempts: found.attempts.filter { $0.status.rawValue < TaskStatus.firstClosed }.map(\.reference),
            timer: found.timerDue, nextWake: found.nextWake)
    }
}
