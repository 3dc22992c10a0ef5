import JSONTools
import TaskTransport
import WorkflowCore
import WorkflowStorage

// MARK: Holding the streams against the record

extension SweeperCore {
    /// Carries a walk on by one answer.
    mutating func walk(_ input: Input, _ present: Phase, into effects: inout [Effect]) {
        switch (input, present) {
        case (.living(let living), .readingLiving):
            phase = .readingTypes(Walk(living: living))
            effects.append(.readTypes)
        case (.definedTypes(let types), .readingTypes(var walk)):
            walk.types = types.union(walk.living.values)
            phase = .readingOpenTypes(walk)
            effects.append(.readOpen(limit: Self.auditLimit))
        case (.open(let open), .readingOpenTypes(var walk)):
            for row in open { walk.types.insert(row.agentType) }
            guard !walk.types.isSubset(of: madeTypes) else { return readStreams(walk, into: &effects) }
            phase = .makingTypeGroups(walk)
            effects.append(.makeGroups(walk.types))
        case (.groupsMade(true), .makingTypeGroups(let walk)):
            madeTypes.formUnion(walk.types)
            readStreams(walk, into: &effects)
        case (.groupsMade(false), .makingTypeGroups), (.entries(nil), .walking):
            effects.append(.report(.couldNotWalk))
            rest(into: &effects)
        case (.entries(let entries?), .walking(var walk)):
            walk.entries = entries.map(StreamAudit.Entry.init)
            let silent = streamAudit.silent(walk.entries, living: Set(walk.living.keys))
            guard !silent.isEmpty else { return readOpen(walk, into: &effects) }
            phase = .weighingWalk(walk, silent: silent)
            effects.append(.askUnfinished(withinMilliseconds: JudgementHold.horizonMilliseconds))
        case (.unfinished(let unfinished), .weighingWalk(var walk, let silent)):
            walk.isHeldOff = !JudgementHold.isHeard(unfinished)
            if walk.isHeldOff {
                effects.append(.claimSignals(idleMilliseconds: JudgementHold.claimMilliseconds))
            }
            // After what is unfinished, so that a goodbye is seen in the one or the other.
            phase = .readingGone(walk)
            effects.append(.readGone(silent))
        case (.gone(let gone), .readingGone(var walk)):
            walk.gone = gone
            readOpen(walk, into: &effects)
        case (.open(let open), .readingOpen(let walk)):
            judge(walk, open: open, into: &effects)
        case (.rested, .waiting(let walk)):
            phase = .confirming(walk)
            effects.append(.readOpenOf(walk.missing.map(\.reference.taskID)))
        case (.open(let open), .confirming(let walk)):
            let still = Set(open.filter { $0.agentID == nil }.map(\.reference))
            sendAgain(walk.missing.filter { still.contains($0.reference) }, into: &effects)
            remove(walk, into: &effects)
        case (.removed, .removing):
            endWalk(into: &effects)
        default:
            // The other inputs of this kind belong to other phases.
            unexpected(input)
        }
    }

    /// The streams before the record: what is sent between the two looks must not seem lost.
    private mutating func readStreams(_ walk: Walk, into effects: inout [Effect]) {
        phase = .walking(walk)
        effects.append(.walk(walk.types.sorted()))
    }

    private mutating func readOpen(_ walk: Walk, into effects: inout [Effect]) {
        phase = .readingOpen(walk)
        effects.append(.readOpen(limit: Self.auditLimit))
    }

    private var streamAudit: StreamAudit {
        StreamAudit(
            settleMilliseconds: Int64(heartbeatMilliseconds),
            silenceMilliseconds: Int64(2 * heartbeatMilliseconds + 2000),
            leaseMilliseconds: Int64(leaseMilliseconds))
    }

    private mutating func judge(_ walk: Walk, open: [OpenAttemptRow], into effects: inout [Effect]) {
        var walk = walk
        let findings = streamAudit.judge(
            entries: walk.entries, open: open, living: Set(walk.living.keys), gone: walk.gone,
            judgesAgents: judges && !walk.isHeldOff)
        if !findings.submissions.isEmpty || !findings.remove.isEmpty {
            effects.append(
                .report(.broughtInLine(removed: findings.remove.count, events: findings.submissions.count)))
        }
        if !findings.submissions.isEmpty { effects.append(.submit(findings.submissions)) }
        walk.entries = []
        walk.stale = findings.remove
        walk.missing = findings.missing
        // With more open attempts than were read, an entry that seems to belong to none may belong to one unread.
        walk.isWhole = open.count < Self.auditLimit
        // A result may be on its way though its entry is gone, so a send counts as lost only when it was missed twice,
        // or, after Redis lost its data, when it is still open a second later.
        if isUrgent {
            suspects = []
            guard !walk.missing.isEmpty else { return remove(walk, into: &effects) }
            phase = .waiting(walk)
            effects.append(.rest(milliseconds: 1000, whileEpochIs: nil))
        } else {
            let lost = walk.missing.filter { suspects.contains($0.reference) }
            suspects = Set(walk.missing.map(\.reference)).subtracting(lost.map(\.reference))
            sendAgain(lost, into: &effects)
            remove(walk, into: &effects)
        }
    }

    private func sendAgain(_ lost: [OpenAttemptRow], into effects: inout [Effect]) {
        guard !lost.isEmpty else { return }
        effects.append(.report(.sentAgain(count: lost.count)))
        effects.append(
            .submit(
                lost.map {
                    Submission(
                        .event(.sendLost($0.reference, reason: .notOnStream), workflowID: $0.workflowID), origin: .watch
                    )
                }))
    }

    private mutating func remove(_ walk: Walk, into effects: inout [Effect]) {
        isAuditHeldOff = walk.isHeldOff
        guard walk.isWhole else { return endWalk(into: &effects) }
        let living = Set(walk.living.keys)
        let cleans = cleaned.map { $0.living != living || monotonic - $0.at >= Self.cleaningMilliseconds } ?? true
        if cleans { cleaned = (living, monotonic) }
        guard cleans || !walk.stale.isEmpty else { return endWalk(into: &effects) }
        phase = .removing
        effects.append(
            .remove(walk.stale.map { (stream: $0.stream, entryID: $0.entryID) }, living: cleans ? living : nil))
    }

    private mutating func endWalk(into effects: inout [Effect]) {
        isUrgent = false
        // What was missed for the first time, or could not be judged, is looked for again once what others left is taken
        // up.
        let isDone = suspects.isEmpty && !isAuditHeldOff
        nextAudit = monotonic + (isDone ? rhythm.audit.asMilliseconds : Self.confirmationMilliseconds)
        rest(into: &effects)
    }
}
