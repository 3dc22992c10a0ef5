public import JSONTools
import PostgresDriver
import WorkflowCore

extension PostgresWatchStore {
    /// Lets queued attempts go in fair order; see ``WatchStore/releaseQueued(agentType:count:turn:)``.
    ///
    /// The candidates are read by index, as many of each tenant and lane as could be needed, and ranked; only what is
    /// let go is locked.
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
                PostgresStatement(Self.release, [.text(agentType), .int8(Int64(count)), .int8(Int64(turn))]),
                PostgresStatement("COMMIT"),
            ])
        } catch {
            throw BatchError(error)
        }
        return try read { () throws(PostgresError) in
            var released: [(place: Int64, task: ResentTask)] = []
            for row in answers[6] {
                released.append((place: try row.int8(7), task: try BatchSQL.resentTask(from: row)))
            }
            return released.sorted { $0.place < $1.place }.map(\.task)
        }
    }

    /// The pattern of lanes has 15 places: critical the even ones, high 1, 5, 9, 13, medium 3 and 11, low 7.
    /// A lane's k-th row gets the k-th place of its lane, counted from where the turn begins; a tenant's rows go by
    /// place, and the tenants' first rows go before all second ones.
    private static let release: SQLText = """
        WITH RECURSIVE named AS (
            SELECT min(tenant) AS tenant FROM tasks WHERE status = 0 AND NOT is_held AND agent_type = $1
            UNION ALL
            SELECT (SELECT min(t.tenant) FROM tasks t
                    WHERE t.status = 0 AND NOT t.is_held AND t.agent_type = $1 AND t.tenant > n.tenant)
            FROM named n
            WHERE n.tenant IS NOT NULL
        ), tenants AS (
            SELECT tenant, row_number() OVER (ORDER BY tenant) - 1 AS rank, count(*) OVER () AS total
            FROM named
            WHERE tenant IS NOT NULL
        ), lanes (priority, places) AS (
            VALUES ('critical', ARRAY[0, 2, 4, 6, 8, 10, 12, 14]), ('high', ARRAY[1, 5, 9, 13]),
                ('medium', ARRAY[3, 11]), ('low', ARRAY[7])
        ), turns AS (
            SELECT n.tenant, n.rank, n.total, l.priority,
                ARRAY(
                    SELECT (p + 15 - ($3::bigint / n.total) % 15) % 15 FROM unnest(l.places) AS p ORDER BY 1) AS places
            FROM tenants n, lanes l
        ), placed AS (
            SELECT c.workflow_id, c.task_id, c.attempt, u.tenant,
                (u.rank + u.total - $3::bigint % u.total) % u.total AS turn,
                u.places[(c.k - 1) % cardinality(u.places) + 1] + 15 * ((c.k - 1) / cardinality(u.places)) AS place
            FROM turns u, LATERAL (
                SELECT q.workflow_id, q.task_id, q.attempt, row_number() OVER (ORDER BY q.task_id) AS k
                FROM (
                    SELECT t.workflow_id, t.task_id, t.attempt
                    FROM tasks t
                    WHERE t.status = 0 AND NOT t.is_held AND t.agent_type = $1 AND t.tenant = u.tenant
                      AND t.priority = u.priority
                    ORDER BY t.task_id
                    LIMIT $2 + least($2, 16) + 4) AS q) AS c
        ), rounds AS (
            SELECT workflow_id, task_id, attempt, turn,
                row_number() OVER (PARTITION BY tenant ORDER BY place) AS round
            FROM placed
        ), ranked AS (
            SELECT workflow_id, task_id, attempt, row_number() OVER (ORDER BY round, turn) AS place
            FROM rounds
            ORDER BY place
            LIMIT $2 + least($2, 16) + 4
        ), chosen AS MATERIALIZED (
            SELECT t.workflow_id, t.task_id, t.attempt, r.place
            FROM ranked r
            JOIN tasks t ON t.workflow_id = r.workflow_id AND t.task_id = r.task_id AND t.attempt = r.attempt
            WHERE t.status + 0 = 0 AND NOT t.is_held
            ORDER BY r.place
            LIMIT $2
            FOR NO KEY UPDATE OF t SKIP LOCKED
        )
        UPDATE tasks AS t
        SET status = 1, published = false, entry_id = NULL, publish_by = clock_timestamp() + interval '5 seconds'
        FROM chosen c
        WHERE t.workflow_id = c.workflow_id AND t.task_id = c.task_id AND t.attempt = c.attempt AND t.status + 0 = 0
        RETURNING t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type, t.priority, t.payload, c.place
        """

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
