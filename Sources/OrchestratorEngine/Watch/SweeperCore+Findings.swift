import JSONTools
import TaskTransport
import WorkflowCore
import WorkflowStorage

// MARK: From findings to events

extension SweeperCore {
    /// Does something about what was found, judging as far as the verdict allows.
    mutating func act(
        on findings: WatchFindings, _ verdict: JudgementHold.Verdict, into effects: inout [Effect]
    ) {
        let submissions = submissions(for: findings, verdict, into: &effects)
        if !submissions.isEmpty {
            isBusy = true
            effects.append(.submit(submissions))
        }
        let doubtful = Self.doubtful(in: findings)
        guard !doubtful.isEmpty else { return claim(into: &effects) }
        isBusy = true
        phase = .inspecting
        effects.append(.readEvidence(doubtful))
    }

    /// The rows of doubtful workflows are held against their states, one event each.
    mutating func inspected(_ evidence: [WorkflowEvidence], into effects: inout [Effect]) {
        var submissions: [Submission] = []
        for found in evidence {
            effects.append(.report(.overdue(workflowID: found.workflowID)))
            submissions.append(
                Submission(.event(.inspected(RecordEvidence(found)), workflowID: found.workflowID), origin: .watch))
        }
        if !submissions.isEmpty { effects.append(.submit(submissions)) }
        claim(into: &effects)
    }

    /// Workflows whose rows may say something else than their state: nobody woke them, nothing could, or rows are open
    /// that should be closed.
    static func doubtful(in findings: WatchFindings) -> [UniqueID] {
        var ids = Set(findings.overdue)
        ids.formUnion(findings.stranded)
        ids.formUnion(findings.orphaned.map(\.workflowID))
        return ids.sorted()
    }

    /// Weighs what is to be judged against what is unfinished.
    mutating func weigh(
        _ findings: WatchFindings, against unfinished: UnfinishedMessages?, into effects: inout [Effect]
    ) -> JudgementHold.Verdict {
        // Asked again after the queries: if they took long, we did not listen meanwhile.
        guard judges else {
            hold.reset()
            return JudgementHold.Verdict()
        }
        let wasEmpty = hold.isEmpty
        let verdict = hold.weigh(findings, against: unfinished, at: monotonic)
        if verdict.heldOff > 0 {
            isBusy = true
            if wasEmpty { effects.append(.report(.heldOff(findings: verdict.heldOff))) }
        }
        looksSoon = verdict.beginsToWait
        if verdict.waitsForSignals {
            effects.append(.claimSignals(idleMilliseconds: JudgementHold.claimMilliseconds))
        }
        return verdict
    }

    /// The events that findings are, judged as far as the verdict allows.
    mutating func submissions(
        for findings: WatchFindings, _ verdict: JudgementHold.Verdict, into effects: inout [Effect]
    ) -> [Submission] {
        var submissions: [Submission] = []
        func submit(_ event: WorkflowEvent, _ workflowID: UniqueID) {
            submissions.append(Submission(.event(event, workflowID: workflowID), origin: .watch))
        }
        // Clocks: timers that are due, and what should have been woken by one.
        for id in findings.wakeable { submit(.wake(judgeDeadlines: verdict.deadlines.contains(id)), id) }
        // While Redis is away nothing is sent, and nothing is lost by waiting.
        for found in isRoadUp ? findings.unpublished : [] {
            submit(.sendLost(found.reference, reason: .neverSent), found.workflowID)
        }
        let lost = passedOver(in: findings)
        for found in lost { submit(.sendLost(found.reference, reason: .queuedNotSent), found.workflowID) }
        // What goes out as a finding is not let go at the same moment as well.
        let types = Set(lost.map(\.agentType))
        effects.append(
            .loads(
                findings.loads.map { load in
                    var load = load
                    if types.contains(load.agentType) { load.queued = 0 }
                    return load
                }))
        guard judges else { return submissions }
        for found in findings.expired where verdict.leases.contains(found.reference) {
            effects.append(.report(.silent(agentID: found.agentID, workflowID: found.workflowID)))
            submit(.leaseExpired(found.reference, agentID: found.agentID), found.workflowID)
        }
        for found in findings.agentless where !agentless.contains(found.reference) {
            submit(.agentMissing(found.reference), found.workflowID)
        }
        let present = Set(findings.agentless.map(\.reference))
        // A full list leaves out some of those that were in it before.
        let isFull = findings.agentless.count >= Self.fullList
        agentless = isFull && agentless.count < Self.auditLimit ? agentless.union(present) : present
        return submissions
    }

    /// Queued tasks that were passed over again and again though their type had room for them.
    private mutating func passedOver(in findings: WatchFindings) -> [WatchedAttempt] {
        var room: [String: Int] = [:]
        for load in findings.loads {
            // A window that is almost full tells nothing: places are taken as they become free.
            let window = SendWindow.size(slots: load.slots)
            guard load.sent <= window / 2 else { continue }
            // Nor does a queue that shrinks: its tasks wait for their turn.
            guard let before = queuedBefore[load.agentType], load.queued >= before else { continue }
            room[load.agentType] = window - load.sent
        }
        queuedBefore = Dictionary(findings.loads.map { ($0.agentType, $0.queued) }) { first, _ in first }
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

extension WatchFindings {
    /// Whether a list of what can be done at once holds all that one answer can.
    func isFull(_ limit: Int) -> Bool {
        [due.count, unpublished.count, expired.count, overdue.count, pastDeadline.count].contains { $0 >= limit }
    }
}

extension RecordEvidence {
    init(_ found: WorkflowEvidence) {
        self.init(
            sequence: found.newestEvent,
            openAttempts: found.attempts.filter { $0.status.rawValue < TaskStatus.firstClosed }.map(\.reference),
            isHeld: Dictionary(
                found.attempts.filter { $0.status == .queued }.map { ($0.reference, $0.isHeld) }
            ) { first, _ in first },
            timer: found.timerDue, nextWake: found.nextWake)
    }
}
