package import JSONTools
package import WorkflowCore

/// The transaction of a batch.
extension InMemoryRecord {
    /// What came of beginning a transaction.
    package enum Beginning: Sendable {
        /// It is open, and holds its locks.
        case began(BatchLoad)
        /// It waits for rows that others hold: try again when a lock was given up. Nothing is held meanwhile.
        case blocked
    }

    /// Begins a transaction and locks the hot rows of some workflows.
    ///
    /// - Parameter session: who asks; a session has one transaction at a time.
    package mutating func begin(_ request: BatchRequest, session: Int, at now: Timestamp) -> Beginning {
        let wanted = request.workflows.filter { states[$0] != nil }.sorted()
        let free = wanted.filter { (locks[$0] ?? session) == session }
        if request.waits, free.count < wanted.count { return .blocked }
        for id in free { locks[id] = session }
        return .began(
            BatchLoad(
                now: now,
                locked: free.compactMap { id in
                    states[id].map { row in
                        LockedWorkflow(
                            id: id, definitionHash: row.definitionHash, version: row.version, state: row.bytes)
                    }
                },
                facts: request.factsOf.compactMap { workflows[$0]?.facts },
                known: request.keys.compactMap { key in
                    keys[key].map { KnownKey(key: key, workflowID: $0, bodyHash: workflows[$0]?.bodyHash) }
                }))
    }

    /// Reads outputs; those that don't exist are absent.
    package func stageOutputs(_ wanted: [OutputKey]) -> [OutputKey: StageOutput] {
        var found: [OutputKey: StageOutput] = [:]
        for key in wanted {
            guard let row = outputs[key]?.acceptance else { continue }
            found[key] = StageOutput(output: row.output, commit: row.commit, artifacts: row.artifacts)
        }
        return found
    }

    /// Gives up a session's locks: its transaction was rolled back, or its connection is gone.
    package mutating func abandon(session: Int) {
        for (id, holder) in locks where holder == session { locks[id] = nil }
    }

    /// Writes a batch and commits; all or nothing. The session's locks are given up either way.
    package mutating func commit(
        _ save: BatchSave, session: Int, at now: Timestamp
    ) throws(BatchError) -> CommitAnswer {
        defer { abandon(session: session) }
        var next = self
        let answer = try next.write(save, at: now)
        self = next
        return answer
    }

    /// Whether a batch was committed. If it wasn't it never can be: its id is taken.
    package mutating func wasCommitted(_ batchID: UniqueID) -> Bool {
        !batches.insert(batchID).inserted
    }

    /// Keeps dead letters.
    package mutating func keep(_ letters: [DeadLetter]) {
        deadLetters += letters
    }

    private mutating func write(_ save: BatchSave, at now: Timestamp) throws(BatchError) -> CommitAnswer {
        var answer = CommitAnswer()
        try insertWorkflows(save)
        try insertStates(save.newStates)
        try insertTasks(save, at: now)
        for binding in save.bindings {
            update(binding.workflowID, binding.reference) { row in
                row.status = .running
                row.agentID = binding.agentID
                row.deadline = binding.deadline
                row.startedAt = save.now
                row.isPublished = true
            }
        }
        for (workflowID, reference) in save.sentAgain {
            let sent = update(workflowID, reference) { row in
                if row.status == .queued, !row.isHeld { row.status = .dispatched }
                row.dispatchID = reference.dispatchID
                row.isPublished = false
                row.entryID = nil
                row.publishBy = now + Self.publishPatience
            }
            if let sent, sent.status != .queued {
                answer.resent.append(
                    ResentTask(
                        workflowID: workflowID, reference: sent.reference, agentType: sent.agentType,
                        priority: sent.priority, payload: sent.payload))
            }
        }
        for (workflowID, reference) in save.stopping {
            update(workflowID, reference) { row in
                row.isStopping = true
                row.isHeld = row.isHeld || row.status == .queued
            }
        }
        for closing in save.closings { close(closing, at: save.now, into: &answer) }
        try insertOutputs(save)
        try insertEvents(save)
        // Within a batch the last word on a workflow counts.
        for (workflowID, due) in save.timers { timers[workflowID] = due }
        for state in save.states where states[state.id] != nil { states[state.id] = StateRow(state) }
        refresh(save.summaries, at: now)
        park(save)
        reopen(save)
        for (workflowID, reference, isHeld) in save.lastHolds {
            update(workflowID, reference) { $0.isHeld = isHeld || ($0.isStopping && $0.status == .queued) }
        }
        try insertQuestions(save)
        self.answer(save)
        deadLetters += save.deadLetters
        for (agentType, count, turn) in save.releases {
            answer.released.append(releaseQueued(agentType: agentType, count: count, turn: turn, at: now))
        }
        guard batches.insert(save.id).inserted else { throw .refused("duplicate key: batches \(save.id)") }
        return answer
    }

    /// How long a send may take to reach Redis before the relay takes it up.
    static let publishPatience: Swift.Duration = .seconds(5)

    private mutating func insertWorkflows(_ save: BatchSave) throws(BatchError) {
        for (new, summary) in zip(save.created, save.createdSummaries) {
            let id = new.facts.id
            guard workflows[id] == nil else { throw .refused("duplicate key: workflows \(id)") }
            if let key = new.idempotencyKey.map({ IdempotencyKey(tenant: new.tenant, key: $0) }) {
                // The same as the database: whoever comes second finds the first when the batch is repeated.
                guard keys.updateValue(id, forKey: key) == nil else {
                    throw .repeatable("duplicate key: workflows_idempotency \(key.key)")
                }
            }
            var shown = summary
            shown.startedAt = save.now
            workflows[id] = WorkflowRow(
                facts: new.facts, definitionVersion: new.definitionVersion, tenant: new.tenant,
                createdBy: new.createdBy, idempotencyKey: new.idempotencyKey, bodyHash: new.bodyHash, summary: shown,
                createdAt: save.now, updatedAt: save.now)
        }
    }

    private mutating func insertStates(_ new: [BatchSave.State]) throws(BatchError) {
        for state in new {
            guard states.updateValue(StateRow(state), forKey: state.id) == nil else {
                throw .refused("duplicate key: workflow_state \(state.id)")
            }
        }
    }

    private mutating func insertTasks(_ save: BatchSave, at now: Timestamp) throws(BatchError) {
        for task in save.tasks {
            let key = TaskKey(
                workflowID: task.workflowID, taskID: task.reference.taskID, attempt: task.reference.attempt)
            let row = TaskRow(
                key: key, stage: task.stage, generation: task.generation, agentType: task.agentType,
                action: task.action, priority: task.priority, dispatchID: task.reference.dispatchID,
                status: task.isQueued ? .queued : .dispatched, payload: task.payload,
                publishBy: now + Self.publishPatience,
                createdAt: save.now)
            guard tasks.updateValue(row, forKey: key) == nil else {
                throw .refused("duplicate key: tasks \(key.taskID) attempt \(key.attempt)")
            }
            openTasks.insert(key)
        }
    }

    private mutating func insertOutputs(_ save: BatchSave) throws(BatchError) {
        for (workflowID, acceptance) in save.outputs {
            let key = OutputKey(workflowID: workflowID, stage: acceptance.stage, generation: acceptance.generation)
            let row = OutputRow(acceptance: acceptance, createdAt: save.now)
            guard outputs.updateValue(row, forKey: key) == nil else {
                throw .refused("duplicate key: outputs \(key.stage) generation \(key.generation)")
            }
            for artifact in acceptance.artifacts {
                artifactNames.insert([
                    "\(workflowID)", acceptance.stage, "\(acceptance.generation)", artifact["name"]?.stringValue ?? "",
                ])
            }
        }
    }

    private mutating func insertEvents(_ save: BatchSave) throws(BatchError) {
        for (workflowID, record) in save.events {
            var trail = events[workflowID] ?? []
            events[workflowID] = nil
            let place = trail.lastIndex { $0.record.sequence <= record.sequence }
            if let place, trail[place].record.sequence == record.sequence {
                throw .refused("duplicate key: events \(workflowID) \(record.sequence)")
            }
            trail.insert(EventRow(record: record, at: save.now), at: place.map { $0 + 1 } ?? 0)
            events[workflowID] = trail
        }
    }

    private mutating func close(_ closing: BatchSave.Closing, at now: Timestamp, into answer: inout CommitAnswer) {
        let attempt = closing.closing
        let key = TaskKey(workflowID: closing.workflowID, taskID: attempt.taskID, attempt: attempt.attempt)
        guard var row = tasks[key], row.isOpen else { return }
        row.status = TaskStatus(attempt.status)
        row.faultCode = attempt.faultCode
        row.completedAt = now
        row.agentID = attempt.agentID ?? row.agentID
        if attempt.keepsResult {
            row.result = closing.result
        } else {
            answer.left.append(
                LeftEntry(agentType: row.agentType, priority: row.priority, entryID: row.entryID ?? ""))
        }
        tasks[key] = row
        openTasks.remove(key)
    }

    /// Changes an attempt's row if it is open.
    ///
    /// - Returns: the row as it is then; nil if there is none, or it is closed.
    @discardableResult
    mutating func update(
        _ workflowID: UniqueID, _ reference: AttemptReference, _ change: (inout TaskRow) -> Void
    ) -> TaskRow? {
        let key = TaskKey(workflowID: workflowID, taskID: reference.taskID, attempt: reference.attempt)
        guard var row = tasks[key], row.isOpen else { return nil }
        change(&row)
        tasks[key] = row
        return row
    }
}

extension InMemoryRecord.StateRow {
    init(_ state: BatchSave.State) {
        self.init(
            definitionHash: state.definitionHash, version: state.version, isTerminal: state.isTerminal,
            bytes: state.bytes, nextWake: state.nextWake)
    }
}
