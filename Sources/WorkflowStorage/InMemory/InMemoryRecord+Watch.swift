package import JSONTools
import WorkflowCore

/// What the sweeper and the registry ask. Where SQL promises no order, rows come by key.
extension InMemoryRecord {
    /// Everything that is due.
    package func findings(_ question: WatchQuestion, at now: Timestamp) -> WatchFindings {
        var findings = WatchFindings()
        let due = timers.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        for (id, time) in due.prefix(question.limit) {
            findings.due.append(id)
            let late = (now - time).wholeMilliseconds
            if late > WatchFindings.timerPatienceMilliseconds { findings.lateTimers.append((id, late)) }
        }
        let open = openAttempts
        findings.unpublished = open.filter { $0.status == .dispatched && !$0.isPublished && $0.publishBy <= now }
            .prefix(question.limit).map { (workflowID: $0.key.workflowID, reference: $0.reference) }
        let patience = now - .milliseconds(question.patienceMilliseconds)
        findings.queuedLong = open.filter { $0.status == .queued && !$0.isHeld && $0.createdAt < patience }
            .sorted { $0.createdAt < $1.createdAt }.firstOfEachType(question.limit)
            .map { watched($0, since: $0.createdAt, now) }
        if question.judgesLeases { judge(open, question, at: now, into: &findings) }
        if question.looksForOverdue { lookForOverdue(open, question, at: now, into: &findings) }
        findings.loads = loads(leaseMilliseconds: question.leaseMilliseconds, at: now)
        return findings
    }

    private func watched(_ row: TaskRow, since: Timestamp, _ now: Timestamp) -> WatchedAttempt {
        WatchedAttempt(
            workflowID: row.key.workflowID, reference: row.reference, agentType: row.agentType,
            milliseconds: (now - since).wholeMilliseconds)
    }

    /// What silence and time prove.
    private func judge(
        _ open: [TaskRow], _ question: WatchQuestion, at now: Timestamp, into findings: inout WatchFindings
    ) {
        let horizon = now - .milliseconds(question.leaseMilliseconds)
        findings.expired = open.filter { isExpired($0, horizon: horizon) }.prefix(question.limit).map { row in
            (workflowID: row.key.workflowID, reference: row.reference, agentID: row.agentID ?? "")
        }
        let patience = now - .milliseconds(question.patienceMilliseconds)
        let living = Set(livingAgents(leaseMilliseconds: question.leaseMilliseconds, at: now).values)
        findings.agentless = open.filter { row in
            row.status != .running && !row.isHeld && !row.isStopping && row.createdAt < patience
                && !living.contains(row.agentType)
        }.sorted { $0.createdAt < $1.createdAt }.firstOfEachType(question.limit)
            .map { watched($0, since: $0.createdAt, now) }
        for row in open where row.status == .running {
            guard let deadline = row.deadline, deadline < patience else { continue }
            findings.pastDeadline.append(watched(row, since: deadline, now))
        }
    }

    /// Workflows under way, held against their rows.
    private func lookForOverdue(
        _ open: [TaskRow], _ question: WatchQuestion, at now: Timestamp, into findings: inout WatchFindings
    ) {
        let minute = now - .seconds(60)
        let underWay = states.filter { !$0.value.isTerminal }
        findings.overdue = Array(underWay.filter { $0.value.nextWake < minute }.keys.sorted().prefix(question.limit))
        findings.timerless = findings.overdue.filter { timers[$0] == nil }
        let busy = Set(open.map(\.key.workflowID))
        let asking = Set(questions.filter { $0.closedAt == nil }.map(\.question.workflowID))
        findings.stranded = underWay.keys.sorted().filter { id in
            workflows[id]?.summary.status != "paused" && timers[id] == nil && !busy.contains(id) && !asking.contains(id)
        }
        let wronglyHeld = open.filter { row in
            row.status == .queued && !row.isStopping
                && row.isHeld != (workflows[row.key.workflowID]?.summary.status == "paused")
        }
        findings.stranded += Set(wronglyHeld.map(\.key.workflowID)).sorted()
        findings.orphaned = open.filter { states[$0.key.workflowID]?.isTerminal == true }
            .map { watched($0, since: $0.createdAt, now) }
        let late = questions.filter { row in
            row.closedAt == nil && row.question.expiresAt < minute && underWay[row.question.workflowID] != nil
        }
        findings.expiredQuestions = Set(late.map(\.question.workflowID)).sorted()
    }

    private func isExpired(_ row: TaskRow, horizon: Timestamp) -> Bool {
        guard row.status == .running, let started = row.startedAt, started < horizon else { return false }
        guard let agentID = row.agentID, let agent = agents[agentID] else { return true }
        return agent.goneAt != nil || agent.lastHeartbeat < horizon
    }

    /// The open attempts that are not queued.
    private var sentAttempts: [TaskRow] { openAttempts.filter { $0.status != .queued } }

    /// The open attempts of some tasks.
    package func openAttempts(taskIDs: [UniqueID], at now: Timestamp) -> [OpenAttemptRow] {
        let wanted = Set(taskIDs)
        return sentAttempts.filter { wanted.contains($0.key.taskID) }.map { openRow($0, at: now) }
    }

    /// All open attempts, oldest task first.
    package func allOpenAttempts(limit: Int, at now: Timestamp) -> [OpenAttemptRow] {
        sentAttempts.sorted { $0.key.taskID < $1.key.taskID }.prefix(limit).map { openRow($0, at: now) }
    }

    /// The open attempts that are bound to some agents.
    package func openAttempts(boundTo agentIDs: [String], at now: Timestamp) -> [OpenAttemptRow] {
        let wanted = Set(agentIDs)
        return sentAttempts.filter { $0.agentID.map(wanted.contains) ?? false }.map { openRow($0, at: now) }
    }

    private func openRow(_ row: TaskRow, at now: Timestamp) -> OpenAttemptRow {
        OpenAttemptRow(
            workflowID: row.key.workflowID, reference: row.reference, stage: row.stage, agentType: row.agentType,
            priority: row.priority, agentID: row.agentID, isStopping: row.isStopping,
            ageMilliseconds: (now - (row.publishBy - Self.publishPatience)).wholeMilliseconds,
            boundMilliseconds: row.startedAt.map { (now - $0).wholeMilliseconds })
    }

    /// Notes sends that have reached Redis; one that was replaced by a newer send is passed over.
    package mutating func markPublished(_ sends: [PublishedSend]) {
        for send in sends {
            update(send.workflowID, send.reference) { row in
                guard row.dispatchID == send.reference.dispatchID else { return }
                row.isPublished = true
                row.entryID = send.entryID
            }
        }
    }

    /// Brings searchable rows up to date; a row that is newer already stays.
    package mutating func refresh(_ summaries: [WorkflowSummary], at now: Timestamp) {
        for summary in summaries {
            guard let row = workflows[summary.id], row.summary.version < summary.version else { continue }
            workflows[summary.id]?.summary = summary
            workflows[summary.id]?.updatedAt = now
        }
    }

    /// Notes agents; one that registers again is alive again, with what it says now.
    package mutating func register(_ registrations: [AgentRegistration], at now: Timestamp) {
        for new in registrations {
            guard var row = agents[new.agentID] else {
                agents[new.agentID] = AgentRow(
                    registration: new, freeSlots: new.slots, running: 0, registeredAt: now, lastHeartbeat: now)
                continue
            }
            // The type stays: it is part of the agent's id.
            let agentType = row.registration.agentType
            row.registration = new
            row.registration.agentType = agentType
            row.lastHeartbeat = now
            row.goneAt = nil
            agents[new.agentID] = row
        }
    }

    /// Notes heartbeats, but of agents that said goodbye.
    package mutating func beat(_ heartbeats: [AgentBeat], at now: Timestamp) -> BeatAnswer {
        var known: [String: String] = [:]
        for beat in heartbeats {
            guard var row = agents[beat.agentID], row.goneAt == nil else { continue }
            row.lastHeartbeat = now
            row.freeSlots = beat.freeSlots
            row.running = beat.running
            agents[beat.agentID] = row
            known[beat.agentID] = row.registration.agentType
        }
        return BeatAnswer(types: known, bound: openAttempts(boundTo: heartbeats.map(\.agentID), at: now))
    }

    /// Notes agents that are gone; they run nothing any more.
    package mutating func retire(_ agentIDs: [String], at now: Timestamp) {
        for agentID in agentIDs {
            agents[agentID]?.goneAt = now
            agents[agentID]?.running = 0
        }
    }

    /// Type by id, of the agents that were heard within the lease and have not said goodbye.
    package func livingAgents(leaseMilliseconds: Int, at now: Timestamp) -> [String: String] {
        let horizon = now - .milliseconds(leaseMilliseconds)
        return agents.filter { $0.value.goneAt == nil && $0.value.lastHeartbeat > horizon }
            .mapValues(\.registration.agentType)
    }

    /// Those of some agents that said goodbye and have not come back.
    package func goneAgents(among agentIDs: [String]) -> Set<String> {
        Set(agentIDs.filter { agents[$0]?.goneAt != nil })
    }

    /// Appends log lines; lines that are there already, or of attempts that don't exist, are passed over.
    package mutating func append(_ lines: [LogRow]) {
        for line in lines {
            let task = TaskKey(workflowID: line.workflowID, taskID: line.taskID, attempt: line.attempt)
            let key = LogKey(task: task, line: line.line)
            if tasks[task] != nil, logs[key] == nil { logs[key] = line }
        }
    }
}

extension [InMemoryRecord.TaskRow] {
    /// So many of each agent type, in order.
    fileprivate func firstOfEachType(_ limit: Int) -> [Element] {
        var counts: [String: Int] = [:]
        return filter { row in
            counts[row.agentType, default: 0] += 1
            return counts[row.agentType, default: 0] <= limit
        }
    }
}
