public import JSONTools
import PostgresDriver
import WorkflowCore

extension PostgresWatchStore {
    /// Lets queued attempts go in fair order; see ``WatchStore/releaseQueued(agentType:count:turn:)``.
    public func releaseQueued(
        agentType: String, count: Int, turn: Int
    ) async throws(BatchError) -> [ResentTask] {
        guard count > 0 else { return [] }
        let answers: [PostgresRows]
        do throws(PostgresError) {
            // Few rows by key, whatever the planner thinks of how many are queued.
            answers = try await pool.pipeline([
                PostgresStatement("BEGIN"), PostgresStatement("SET LOCAL enable_seqscan = off"),
                PostgresStatement("SET LOCAL enable_hashjoin = off"),
                PostgresStatement("SET LOCAL enable_mergejoin = off"),
                PostgresStatement("SET LOCAL enable_bitmapscan = off"), PostgresStatement("SET LOCAL jit = off"),
                BatchSQL.release(agentType: agentType, count: count, turn: turn),
                PostgresStatement("COMMIT"),
            ])
        } catch {
            throw BatchError(error)
        }
        return try read { () throws(PostgresError) in try BatchSQL.released(from: answers[6]) }
    }

    /// What the record says about some workflows.
    public func evidence(of workflowIDs: [UniqueID]) async throws(BatchError) -> [WorkflowEvidence] {
        guard !workflowIDs.isEmpty else { return [] }
        let ids: [PostgresParameter] = [.uuidArray(workflowIDs.map(\.postgres))]
        let answers: [PostgresRows]
        do throws(PostgresError) {
            // One snapshot for all: rows of another moment prove nothing about this state.
            answers = try await pool.pipeline([
                PostgresStatement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                PostgresStatement(
                    """
                    SELECT s.id, s.version, m.due_at,
                        coalesce((SELECT max(e.seq) FROM events e WHERE e.workflow_id = s.id), 0),
                        (SELECT count(*) FROM questions q WHERE q.workflow_id = s.id AND q.closed_at IS NULL),
                        s.next_wake_at
                    FROM workflow_state s
                    LEFT JOIN timers m ON m.workflow_id = s.id
                    WHERE s.id = ANY ($1)
                    """, ids),
                PostgresStatement(
                    """
                    SELECT workflow_id, task_id, attempt, dispatch_id, stage, generation, status, agent_id, is_held
                    FROM (
                        SELECT *, row_number() OVER (
                            PARTITION BY workflow_id, stage ORDER BY generation DESC, attempt DESC) AS age
                        FROM tasks
                        WHERE workflow_id = ANY ($1)) AS t
                    WHERE age = 1 OR status + 0 < 10
                    """, ids),
                PostgresStatement(
                    "SELECT workflow_id, stage, generation FROM outputs WHERE workflow_id = ANY ($1)", ids),
                PostgresStatement("COMMIT"),
            ])
        } catch {
            throw BatchError(error)
        }
        return try read { () throws(PostgresError) in try evidence(from: answers) }
    }

    private func evidence(from answers: [PostgresRows]) throws(PostgresError) -> [WorkflowEvidence] {
        var found: [UniqueID: WorkflowEvidence] = [:]
        for row in answers[1] {
            let id = try row.id(0)
            found[id] = WorkflowEvidence(
                workflowID: id, version: try row.int8(1), nextWake: try row.time(5),
                timerDue: try row.optionalTime(2), newestEvent: try row.int8(3), attempts: [], outputs: [],
                openQuestions: Int(try row.int8(4)))
        }
        for row in answers[2] {
            let number = try row.int2(6)
            guard let status = TaskStatus(rawValue: number) else {
                throw PostgresError(.decoding, "\(number) is no status of a task", outcome: .completed)
            }
            found[try row.id(0)]?.attempts.append(
                WorkflowEvidence.Attempt(
                    stage: try row.text(4), generation: Int(try row.int4(5)),
                    reference: try reference(in: row, from: 1), status: status, agentID: try row.optionalText(7),
                    isHeld: try row.bool(8)))
        }
        for row in answers[3] {
            let id = try row.id(0)
            found[id]?.outputs.append(
                OutputKey(workflowID: id, stage: try row.text(1), generation: Int(try row.int4(2))))
        }
        return found.values.sorted { $0.workflowID < $1.workflowID }
    }
}
