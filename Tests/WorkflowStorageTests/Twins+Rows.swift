import JSONTools
import PostgresDriver
@testable import WorkflowCore
@testable import WorkflowStorage

/// Rows as lines of text, the same from both sides.
extension Twins {
    func postgresRows() async throws -> [String] {
        var lines: [String] = []
        for statement: SQLText in [
            """
            SELECT 'state ' || id || ' v' || version || ' ' || is_terminal || ' ' || encode(state, 'hex')
            FROM workflow_state ORDER BY id
            """,
            """
            SELECT 'workflow ' || id || ' ' || type || ' ' || name || ' ' || tenant || ' '
                || coalesce(idempotency_key, '-') || ' ' || coalesce(body_hash, '-') || ' ' || status || ' '
                || progress || ' v' || state_version || ' ' || coalesce(fault_code, '-') || ' '
                || (started_at IS NOT NULL) || ' ' || (completed_at IS NOT NULL)
            FROM workflows ORDER BY id
            """,
            """
            SELECT 'task ' || workflow_id || ' ' || task_id || ' #' || attempt || ' ' || stage || ' g' || generation
                || ' ' || status || ' d' || dispatch_id || ' ' || is_stopping || ' ' || is_held || ' ' || coalesce(agent_id, '-') || ' '
                || encode(p.body, 'hex') || ' ' || coalesce(encode(result, 'hex'), '-') || ' '
                || coalesce(fault_code, '-') || ' ' || published || ' ' || coalesce(entry_id, '-') || ' '
                || (deadline IS NOT NULL) || ' ' || (started_at IS NOT NULL) || ' ' || (completed_at IS NOT NULL)
            FROM tasks JOIN task_payloads p USING (workflow_id, task_id, attempt)
            ORDER BY workflow_id, task_id, attempt
            """,
            """
            SELECT 'output ' || workflow_id || ' ' || stage || ' g' || generation || ' ' || encode(output, 'hex') || ' '
                || coalesce(commit, '-')
            FROM outputs ORDER BY workflow_id, stage COLLATE "C", generation
            """,
            """
            SELECT 'event ' || workflow_id || ' ' || seq || ' ' || kind || ' ' || severity || ' ' || actor || ' '
                || encode(data, 'hex')
            FROM events ORDER BY workflow_id, seq
            """,
            "SELECT 'timer ' || workflow_id FROM timers ORDER BY workflow_id",
            "SELECT 'batch ' || id FROM batches ORDER BY id",
            """
            SELECT 'agent ' || agent_id || ' ' || agent_type || ' ' || version || ' ' || slots || ' ' || free_slots
                || ' ' || running || ' ' || (gone_at IS NOT NULL)
            FROM agents ORDER BY agent_id COLLATE "C"
            """,
            """
            SELECT 'letter ' || kind || ' ' || source || ' ' || cause || ' ' || detail || ' ' || encode(bytes, 'hex')
            FROM dead_letters WHERE kind = 'message' ORDER BY source, cause, detail
            """,
            """
            SELECT 'parked ' || workflow_id || ' ' || stage || ' g' || generation || ' ' || task_id || ' #' || attempt
                || ' ' || cause || ' ' || cause_class || ' ' || detail || ' ' || encode(bytes, 'hex') || ' '
                || coalesce(resolved_by, '-')
            FROM dead_letters WHERE kind = 'task' ORDER BY workflow_id, stage COLLATE "C", generation
            """,
            """
            SELECT 'question ' || workflow_id || ' ' || stage || ' g' || generation || ' r' || round || ' ' || id || ' '
                || text || ' ' || coalesce(encode(answer, 'hex'), '-') || ' ' || coalesce(answered_by, '-') || ' '
                || (closed_at IS NOT NULL)
            FROM questions ORDER BY workflow_id, stage COLLATE "C", generation, round, id COLLATE "C"
            """,
            """
            SELECT 'log ' || workflow_id || ' ' || task_id || ' #' || attempt || ' ' || line || ' ' || text
            FROM logs ORDER BY workflow_id, task_id, attempt, line
            """,
        ] {
            for row in try await pool.query(statement, []) { lines.append(try row.text(0)) }
        }
        return lines
    }
}

extension InMemoryRecord {
    /// Makes everything that bears a time older.
    mutating func age(by duration: Swift.Duration) {
        for key in tasks.keys {
            tasks[key]?.publishBy -= duration
            tasks[key]?.createdAt -= duration
            if let deadline = tasks[key]?.deadline { tasks[key]?.deadline = deadline - duration }
            if let started = tasks[key]?.startedAt { tasks[key]?.startedAt = started - duration }
        }
        for index in questions.indices { questions[index].question.expiresAt -= duration }
        timers = timers.mapValues { $0 - duration }
        for id in agents.keys { agents[id]?.lastHeartbeat -= duration }
        for id in states.keys { states[id]?.nextWake -= duration }
    }

    var plainRows: [String] {
        var lines: [String] = []
        for (id, row) in states.sorted(by: { $0.key < $1.key }) {
            lines.append("state \(id) v\(row.version) \(row.isTerminal) \(hex(row.bytes))")
        }
        for (id, row) in workflows.sorted(by: { $0.key < $1.key }) {
            let (facts, shown) = (row.facts, row.summary)
            lines.append(
                "workflow \(id) \(facts.type) \(facts.name) \(row.tenant) \(row.idempotencyKey ?? "-") "
                    + "\(row.bodyHash ?? "-") \(shown.status) \(shown.progress) v\(shown.version) "
                    + "\(shown.fault?.code ?? "-") \(shown.startedAt != nil) \(shown.completedAt != nil)")
        }
        for (key, row) in tasks.sorted(by: { $0.key < $1.key }) {
            lines.append(
                "task \(key.workflowID) \(key.taskID) #\(key.attempt) \(row.stage) g\(row.generation) "
                    + "\(row.status.rawValue) d\(Int64(bitPattern: row.dispatchID)) \(row.isStopping) \(row.isHeld) "
                    + "\(row.agentID ?? "-") \(hex(row.payload)) \(row.result.map(hex) ?? "-") "
                    + "\(row.faultCode ?? "-") \(row.isPublished) \(row.entryID ?? "-") \(row.deadline != nil) "
                    + "\(row.startedAt != nil) \(row.completedAt != nil)")
        }
        let outputs = outputs.sorted {
            ($0.key.workflowID, $0.key.stage, $0.key.generation) < ($1.key.workflowID, $1.key.stage, $1.key.generation)
        }
        for (key, row) in outputs {
            lines.append(
                "output \(key.workflowID) \(key.stage) g\(key.generation) "
                    + "\(hex(row.acceptance.output.encoded())) \(row.acceptance.commit ?? "-")")
        }
        for (id, trail) in events.sorted(by: { $0.key < $1.key }) {
            for row in trail {
                let record = row.record
                lines.append(
                    "event \(id) \(record.sequence) \(record.kind.rawValue) \(record.severity.rawValue) "
                        + "\(record.actor) \(hex(JSONValue.object(record.data).encoded()))")
            }
        }
        lines += timers.keys.sorted().map { "timer \($0)" }
        lines += batches.sorted().map { "batch \($0)" }
        for (id, row) in agents.sorted(by: { $0.key < $1.key }) {
            lines.append(
                "agent \(id) \(row.registration.agentType) \(row.registration.version) \(row.registration.slots) "
                    + "\(row.freeSlots) \(row.running) \(row.goneAt != nil)")
        }
        let letters = deadLetters.sorted { ($0.source, $0.cause, $0.detail) < ($1.source, $1.cause, $1.detail) }
        lines += letters.map { "letter \($0.kind.rawValue) \($0.source) \($0.cause) \($0.detail) \(hex($0.bytes))" }
        let parked = parked.sorted { left, right in
            (left.task.workflowID, left.task.stage, left.task.generation)
                < (right.task.workflowID, right.task.stage, right.task.generation)
        }
        lines += parked.map { row in
            let task = row.task
            return "parked \(task.workflowID) \(task.stage) g\(task.generation) \(task.taskID) #\(task.attempt) "
                + "\(task.faultCode) \(task.causeClass) \(task.faultMessage) \(hex(row.bytes)) "
                + "\(row.redrivenBy ?? "-")"
        }
        lines += questionLines
        let logs = logs.sorted { ($0.key.task, $0.key.line) < ($1.key.task, $1.key.line) }
        lines += logs.map { key, row in
            "log \(row.workflowID) \(row.taskID) #\(row.attempt) \(row.line) \(row.text)"
        }
        return lines
    }
}

extension InMemoryRecord {
    fileprivate var questionLines: [String] {
        let rows = questions.sorted { left, right in
            let (a, b) = (left.question, right.question)
            if a.workflowID != b.workflowID { return a.workflowID < b.workflowID }
            return (a.stage, a.generation, a.round, a.id) < (b.stage, b.generation, b.round, b.id)
        }
        return rows.map { row in
            let asked = row.question
            return "question \(asked.workflowID) \(asked.stage) g\(asked.generation) r\(asked.round) \(asked.id) "
                + "\(asked.text) \(row.answer.map { hex($0.encoded()) } ?? "-") \(row.answeredBy ?? "-") "
                + "\(row.closedAt != nil)"
        }
    }
}

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}
