package import JSONTools
import WorkflowCore

/// What waits: queued attempts, questions, parked tasks.
extension InMemoryRecord {
    // MARK: Writing

    /// What workflows that had ended leave behind when they run again.
    mutating func reopen(_ save: BatchSave) {
        for (workflowID, actor, stages) in save.reopened {
            for index in parked.indices
            where parked[index].task.workflowID == workflowID && stages.contains(parked[index].task.stage)
                && parked[index].redrivenBy == nil
            {
                parked[index].redrivenBy = actor
            }
            for index in questions.indices
            where questions[index].question.workflowID == workflowID && questions[index].closedAt == nil {
                questions[index].closedAt = save.now
            }
        }
    }

    mutating func insertQuestions(_ save: BatchSave) throws(BatchError) {
        for new in save.questions {
            let isKnown = questions.contains { row in
                row.question.isOfRound(of: new) && row.question.id == new.id
            }
            guard !isKnown else { throw .refused("duplicate key: questions \(new.stage) \(new.id)") }
            questions.append(QuestionRow(question: new))
        }
    }

    /// Keeps the answers, and closes their rounds.
    mutating func answer(_ save: BatchSave) {
        for round in save.answered {
            for index in questions.indices where questions[index].question.isOf(round) {
                if let value = round.values.first(where: { $0.id == questions[index].question.id })?.value {
                    questions[index].answer = value
                    questions[index].answeredBy = round.actor
                }
                questions[index].closedAt = questions[index].closedAt ?? save.now
            }
        }
    }

    /// One letter for each generation of a stage; what the last attempt was asked to do is copied from its row.
    mutating func park(_ save: BatchSave) {
        for new in save.parked {
            let key = TaskKey(workflowID: new.workflowID, taskID: new.taskID, attempt: new.attempt)
            let isKnown = parked.contains { row in
                row.task.workflowID == new.workflowID && row.task.stage == new.stage
                    && row.task.generation == new.generation
            }
            guard !isKnown, let row = tasks[key] else { continue }
            parked.append(ParkedRow(task: new, bytes: Array(row.payload.prefix(DeadLetter.bytesLimit))))
        }
    }

    // MARK: The queue

    /// Lets queued attempts of an agent type go in fair order; see ``WatchStore/releaseQueued(agentType:count:turn:)``.
    package mutating func releaseQueued(
        agentType: String, count: Int, turn: Int, at now: Timestamp
    ) -> [ResentTask] {
        var byTenant: [String: [WorkflowPriority: [TaskRow]]] = [:]
        for row in openAttempts where row.status == .queued && !row.isHeld && row.agentType == agentType {
            guard let tenant = workflows[row.key.workflowID]?.tenant else { continue }
            byTenant[tenant, default: [:]][row.priority, default: []].append(row)
        }
        let tenants = byTenant.keys.sorted()
        var placed: [(round: Int, turn: Int, row: TaskRow)] = []
        for (rank, tenant) in tenants.enumerated() {
            var rows: [(place: Int, row: TaskRow)] = []
            for (lane, queued) in byTenant[tenant] ?? [:] {
                let places = Self.places(of: lane, shiftedBy: (turn / tenants.count) % 15)
                for (k, row) in queued.sorted(by: { $0.key.taskID < $1.key.taskID }).enumerated() {
                    rows.append((places[k % places.count] + 15 * (k / places.count), row))
                }
            }
            for (round, entry) in rows.sorted(by: { $0.place < $1.place }).enumerated() {
                let place = (rank + tenants.count - turn % tenants.count) % tenants.count
                placed.append((round, place, entry.row))
            }
        }
        placed.sort { ($0.round, $0.turn) < ($1.round, $1.turn) }
        return placed.prefix(max(0, count)).map { entry in
            tasks[entry.row.key]?.status = .dispatched
            tasks[entry.row.key]?.isPublished = false
            tasks[entry.row.key]?.publishBy = now + Self.publishPatience
            return ResentTask(
                workflowID: entry.row.key.workflowID, reference: entry.row.reference, agentType: agentType,
                priority: entry.row.priority, payload: entry.row.payload)
        }
    }

    /// The places of a lane in the pattern of 15, counted from where the turn begins.
    private static func places(of lane: WorkflowPriority, shiftedBy shift: Int) -> [Int] {
        let places =
            switch lane {
            case .critical: [0, 2, 4, 6, 8, 10, 12, 14]
            case .high: [1, 5, 9, 13]
            case .medium: [3, 11]
            case .low: [7]
            }
        return places.map { ($0 + 15 - shift) % 15 }.sorted()
    }

    /// What is under way for each agent type that has open attempts or living agents, by type.
    package func loads(leaseMilliseconds: Int, at now: Timestamp) -> [AgentTypeLoad] {
        var loads: [String: AgentTypeLoad] = [:]
        func load(_ type: String) -> AgentTypeLoad {
            loads[type] ?? AgentTypeLoad(agentType: type, sent: 0, queued: 0, slots: 0)
        }
        for row in openAttempts {
            var load = load(row.agentType)
            if row.status != .queued { load.sent += 1 } else if !row.isHeld { load.queued += 1 }
            loads[row.agentType] = load
        }
        for (agentID, type) in livingAgents(leaseMilliseconds: leaseMilliseconds, at: now) {
            var load = load(type)
            load.slots += agents[agentID]?.registration.slots ?? 0
            loads[type] = load
        }
        return loads.values.sorted { $0.agentType < $1.agentType }
    }

    // MARK: Evidence

    /// What the record says about some workflows; those that don't exist are absent.
    package func evidence(of workflowIDs: [UniqueID]) -> [WorkflowEvidence] {
        Set(workflowIDs).sorted().compactMap { id in
            guard let state = states[id] else { return nil }
            let rows = tasks.values.filter { $0.key.workflowID == id }.sorted { $0.key < $1.key }
            var newest: [String: TaskRow] = [:]
            for row in rows {
                let known = newest[row.stage]
                if known.map({ ($0.generation, $0.key.attempt) < (row.generation, row.key.attempt) }) ?? true {
                    newest[row.stage] = row
                }
            }
            return WorkflowEvidence(
                workflowID: id, version: state.version, nextWake: state.nextWake, timerDue: timers[id],
                newestEvent: events[id]?.last?.record.sequence ?? 0,
                attempts: rows.filter { $0.isOpen || newest[$0.stage] == $0 }.map { row in
                    WorkflowEvidence.Attempt(
                        stage: row.stage, generation: row.generation, reference: row.reference, status: row.status,
                        agentID: row.agentID, isHeld: row.isHeld)
                },
                outputs: outputs.keys.filter { $0.workflowID == id }
                    .sorted { ($0.stage, $0.generation) < ($1.stage, $1.generation) },
                openQuestions: questions.count { $0.question.workflowID == id && $0.closedAt == nil })
        }
    }
}

extension NewQuestion {
    fileprivate func isOfRound(of other: NewQuestion) -> Bool {
        workflowID == other.workflowID && stage == other.stage && generation == other.generation
            && round == other.round
    }

    fileprivate func isOf(_ other: AnsweredRound) -> Bool {
        workflowID == other.workflowID && stage == other.stage && generation == other.generation
            && round == other.round
    }
}
