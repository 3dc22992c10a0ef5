package import JSONTools
import WorkflowCore

/// What the sweeper and the registry ask. Where SQL promises no order, rows come by key.
extension InMemoryRecord {
    /// Everything that is due.
    package func findings(_ question: WatchQuestion, at now: Timestamp) -> WatchFindings {
        var findings = WatchFindings()
        let due = timers.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        findings.due = due.prefix(question.limit).map(\.key)
        let open = openAttempts
        findings.unpublished = open.filter { $0.status == .dispatched && !$0.isPublished && $0.publishBy <= now }
            .prefix(question.limit).map { (workflowID: $0.key.workflowID, reference: $0.reference) }
        if question.judgesLeases {
            let horizon = now - .milliseconds(question.leaseMilliseconds)
            findings.expired = open.filter { isExpired($0, horizon: horizon) }.prefix(question.limit).map { row in
                (workflowID: row.key.workflowID, reference: row.reference, agentID: row.agentID ?? "")
            }
        }
        if question.looksForOverdue {
            let horizon = now - .seconds(60)
            let overdue = states.filter { !$0.value.isTerminal && $0.value.nextWake < horizon }
            findings.overdue = Array(overdue.keys.sorted().prefix(question.limit))
        }
        return findings
    }

    private func isExpired(_ row: TaskRow, horizon: Timestamp) -> Bool {
        guard row.status == .running, let started = row.startedAt, started < horizon else { return false }
        guard let agentID = row.agentID, let agent = agents[agentID] else { return true }
        return agent.goneAt != nil || agent.lastHeartbeat < horizon
    }

    /// The open attempts of some tasks.
    package func openAttempts(taskIDs: [UniqueID], at now: Timestamp) -> [OpenAttemptRow] {
        let wanted = Set(taskIDs)
        return openAttempts.filter { wanted.contains($0.key.taskID) }.map { openRow($0, at: now) }
    }

    /// All open attempts, oldest task first.
    package func allOpenAttempts(limit: Int, at now: Timestamp) -> [OpenAttemptRow] {
        openAttempts.sorted { $0.key.taskID < $1.key.taskID }.prefix(limit).map { openRow($0, at: now) }
    }

    /// The open attempts that are bound to some agents.
    package func openAttempts(boundTo agentIDs: [String], at now: Timestamp) -> [OpenAttemptRow] {
        let wanted = Set(agentIDs)
        return openAttempts.filter { $0.agentID.map(wanted.contains) ?? false }.map { openRow($0, at: now) }
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

    /// Notes heartbeats.
    ///
    /// - Returns: type by id, of the agents among them that are registered.
    package mutating func beat(_ heartbeats: [AgentBeat], at now: Timestamp) -> [String: String] {
        var known: [String: String] = [:]
        for beat in heartbeats {
            guard var row = agents[beat.agentID] else { continue }
            row.lastHeartbeat = now
            row.freeSlots = beat.freeSlots
            row.running = beat.running
            row.goneAt = nil
            agents[beat.agentID] = row
            known[beat.agentID] = row.registration.agentType
        }
        return known
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

    /// Appends log lines; lines that are there already, or of attempts that don't exist, are passed over.
    package mutating func append(_ lines: [LogRow]) {
        for line in lines {
            let task = TaskKey(workflowID: line.workflowID, taskID: line.taskID, attempt: line.attempt)
            let key = LogKey(task: task, line: line.line)
            if tasks[task] != nil, logs[key] == nil { logs[key] = line }
        }
    }
}
