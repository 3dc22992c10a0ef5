import JSONTools
import PostgresDriver
import WorkflowCore

/// Letting queued attempts go in fair order.
extension BatchSQL {
    /// Lets attempts go: the candidates are read by index, as many of each tenant and lane as could be needed, and ranked;
    /// only what is let go is locked.
    static func release(agentType: String, count: Int, turn: Int) -> PostgresStatement {
        PostgresStatement(release, [.text(agentType), .int8(Int64(count)), .int8(Int64(turn))])
    }

    /// What was let go, in order.
    static func released(from rows: PostgresRows) throws(PostgresError) -> [ResentTask] {
        var released: [(place: Int64, task: ResentTask)] = []
        for row in rows { released.append((place: try row.int8(7), task: try resentTask(from: row))) }
        return released.sorted { $0.place < $1.place }.map(\.task)
    }

    /// A lane is asked for as a range, and ordered by: only the index of queued attempts has that order. With an equality
    /// the planner, once it knows how many are queued, takes the index of open attempts and reads all of it for each lane.
    ///
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
        ), turns AS MATERIALIZED (
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
                      AND t.priority BETWEEN u.priority AND u.priority
                    ORDER BY t.priority, t.task_id
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
        LEFT JOIN task_payloads p
            ON p.workflow_id = c.workflow_id AND p.task_id = c.task_id AND p.attempt = c.attempt
        WHERE t.workflow_id = c.workflow_id AND t.task_id = c.task_id AND t.attempt = c.attempt AND t.status + 0 = 0
        RETURNING t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type, t.priority,
            coalesce(p.body, t.payload), c.place
        """
}
