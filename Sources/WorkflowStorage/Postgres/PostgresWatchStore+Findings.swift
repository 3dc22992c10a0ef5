import JSONTools
import PostgresDriver
import WorkflowCore

extension PostgresWatchStore {
    /// Kinds of rows in the answer; each row: kind, workflow, task, attempt, dispatch, word, number, second, third.
    private enum Kind: Int32 {
        case due = 1
        case unpublished, expired, overdue, agentless, queuedLong, pastDeadline, stranded, orphaned, expiredQuestion
        case load
    }

    /// Everything that is due, in one statement, each kind up to the limit of the question.
    ///
    /// - Complexity: the open attempts, the due timers and, with `looksForOverdue`, the workflows under way; never what
    ///   has ended.
    public func findings(_ question: WatchQuestion) async throws(BatchError) -> WatchFindings {
        let rows = try await run(
            PostgresStatement(
                Self.everythingDue,
                [
                    .int8(Int64(question.limit)), .bool(question.judgesLeases),
                    .int8(Int64(question.leaseMilliseconds)), .bool(question.looksForOverdue),
                    .int8(Int64(question.patienceMilliseconds)),
                ]))
        return try read { () throws(PostgresError) in
            var findings = WatchFindings()
            for row in rows { try add(row, to: &findings) }
            return findings
        }
    }

    private func add(_ row: PostgresRow, to findings: inout WatchFindings) throws(PostgresError) {
        guard let kind = Kind(rawValue: try row.int4(0)) else {
            preconditionFailure("the query and the kinds stand in one file")
        }
        switch kind {
        case .due:
            let id = try row.id(1)
            let late = try row.int8(6)
            findings.due.append(id)
            if late > WatchFindings.timerPatienceMilliseconds {
                findings.lateTimers.append((workflowID: id, lateMilliseconds: late))
            }
        case .unpublished:
            findings.unpublished.append((workflowID: try row.id(1), reference: try reference(in: row, from: 2)))
        case .expired:
            findings.expired.append(
                (workflowID: try row.id(1), reference: try reference(in: row, from: 2), agentID: try row.text(5)))
        case .overdue:
            let id = try row.id(1)
            findings.overdue.append(id)
            if try row.int8(6) == 0 { findings.timerless.append(id) }
        case .agentless: findings.agentless.append(try watched(in: row))
        case .queuedLong: findings.queuedLong.append(try watched(in: row))
        case .pastDeadline: findings.pastDeadline.append(try watched(in: row))
        case .stranded: findings.stranded.append(try row.id(1))
        case .orphaned: findings.orphaned.append(try watched(in: row))
        case .expiredQuestion: findings.expiredQuestions.append(try row.id(1))
        case .load:
            findings.loads.append(
                AgentTypeLoad(
                    agentType: try row.text(5), sent: Int(try row.int8(6)), queued: Int(try row.int8(7)),
                    slots: Int(try row.int8(8))))
        }
    }

    private func watched(in row: PostgresRow) throws(PostgresError) -> WatchedAttempt {
        WatchedAttempt(
            workflowID: try row.id(1), reference: try reference(in: row, from: 2), agentType: try row.text(5),
            milliseconds: try row.int8(6))
    }

    /// `$1` limit, `$2` whether leases are judged, `$3` lease in ms, `$4` whether to look for what is overdue, `$5`
    /// patience in ms.
    private static let everythingDue = SQLText(
        unchecked: """
            WITH open AS MATERIALIZED (\(openTasks))
            (SELECT 1::int AS kind, workflow_id, NULL::uuid AS task_id, NULL::int AS attempt,
                    NULL::bigint AS dispatch_id, NULL::text AS word, \(milliseconds("due_at")) AS number,
                    NULL::bigint AS second, NULL::bigint AS third
             FROM timers
             WHERE due_at <= clock_timestamp()
             ORDER BY due_at
             LIMIT $1)
            UNION ALL
            (SELECT 2, workflow_id, task_id, attempt, dispatch_id, NULL, NULL, NULL, NULL
             FROM open
             WHERE status = 1 AND NOT published AND publish_by <= clock_timestamp()
             LIMIT $1)
            UNION ALL
            (SELECT 3, t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_id, NULL, NULL, NULL
             FROM open t
             LEFT JOIN agents a ON a.agent_id = t.agent_id
             WHERE t.status = 2 AND $2
               AND (a.agent_id IS NULL OR a.gone_at IS NOT NULL
                    OR a.last_heartbeat_at < clock_timestamp() - $3::bigint * interval '1 millisecond')
               AND t.started_at < clock_timestamp() - $3::bigint * interval '1 millisecond'
             LIMIT $1)
            UNION ALL
            (SELECT 4, s.id, NULL, NULL, NULL, NULL,
                    (SELECT count(*) FROM timers m WHERE m.workflow_id = s.id), NULL, NULL
             FROM workflow_state s
             WHERE $4 AND NOT s.is_terminal AND s.next_wake_at < clock_timestamp() - interval '1 minute'
             LIMIT $1)
            UNION ALL
            (SELECT 5, t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type,
                    \(milliseconds("t.created_at")), NULL, NULL
             FROM (
                 SELECT \(watchedColumns)
                 FROM open
                 WHERE status < 2 AND NOT is_held AND NOT is_stopping AND $2
                   AND created_at < clock_timestamp() - $5::bigint * interval '1 millisecond'
                   AND agent_type NOT IN (\(livingTypes))) AS t
             WHERE t.place <= $1)
            UNION ALL
            (SELECT 6, t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type,
                    \(milliseconds("t.created_at")), NULL, NULL
             FROM (
                 SELECT \(watchedColumns)
                 FROM open
                 WHERE status = 0 AND NOT is_held
                   AND created_at < clock_timestamp() - $5::bigint * interval '1 millisecond') AS t
             WHERE t.place <= $1
             ORDER BY t.created_at)
            UNION ALL
            (SELECT 7, t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type,
                    \(milliseconds("t.deadline")), NULL, NULL
             FROM open t
             WHERE t.status = 2 AND $2
               AND t.deadline < clock_timestamp() - $5::bigint * interval '1 millisecond'
             LIMIT $1)
            UNION ALL
            (SELECT 8, s.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
             FROM workflow_state s
             JOIN workflows w ON w.id = s.id
             WHERE $4 AND NOT s.is_terminal AND w.status <> 'paused'
               AND NOT EXISTS (SELECT 1 FROM timers m WHERE m.workflow_id = s.id)
               AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.workflow_id = s.id AND t.status + 0 < 10)
               AND NOT EXISTS (SELECT 1 FROM questions q WHERE q.workflow_id = s.id AND q.closed_at IS NULL)
             LIMIT $1)
            UNION ALL
            (SELECT DISTINCT 8, t.workflow_id, NULL::uuid, NULL::int, NULL::bigint, NULL, NULL::bigint, NULL::bigint,
                    NULL::bigint
             FROM open t
             JOIN workflows w ON w.id = t.workflow_id
             WHERE $4 AND t.status = 0 AND NOT t.is_stopping AND t.is_held <> (w.status = 'paused')
             LIMIT $1)
            UNION ALL
            (SELECT 9, t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type,
                    \(milliseconds("t.created_at")), NULL, NULL
             FROM open t
             JOIN workflow_state s ON s.id = t.workflow_id
             WHERE $4 AND s.is_terminal
             LIMIT $1)
            UNION ALL
            (SELECT DISTINCT 10, q.workflow_id, NULL::uuid, NULL::int, NULL::bigint, NULL, NULL::bigint, NULL::bigint,
                    NULL::bigint
             FROM questions q
             JOIN workflow_state s ON s.id = q.workflow_id
             WHERE $4 AND q.closed_at IS NULL AND q.expires_at < clock_timestamp() - interval '1 minute'
               AND NOT s.is_terminal
             LIMIT $1)
            UNION ALL
            (SELECT 11, NULL, NULL, NULL, NULL, \(loadColumns) FROM \(loadTables("open")))
            """)

    /// What the watch has to know of the open attempts: read once, for their rows are wide and asked for in many ways.
    private static let openTasks = """
        SELECT workflow_id, task_id, attempt, dispatch_id, agent_type, agent_id, status, is_held, is_stopping, published,
            publish_by, created_at, started_at, deadline
        FROM tasks
        WHERE status < 10
        """

    /// What is shown of attempts that wait, with their place among those of their type: the limit is each type's own, so
    /// that many of one type don't hide the others.
    private static let watchedColumns = """
        workflow_id, task_id, attempt, dispatch_id, agent_type, created_at,
        row_number() OVER (PARTITION BY agent_type ORDER BY created_at) AS place
        """

    /// How long ago a moment was, in milliseconds.
    private static func milliseconds(_ moment: String) -> String {
        "(extract(epoch FROM clock_timestamp() - \(moment)) * 1000)::bigint"
    }

    /// The types of which an agent lives; `$3` is the lease.
    private static let livingTypes = """
        SELECT a.agent_type FROM agents a
        WHERE a.gone_at IS NULL AND a.last_heartbeat_at > clock_timestamp() - $3::bigint * interval '1 millisecond'
        """

    private static let loadColumns = """
        coalesce(o.agent_type, l.agent_type), coalesce(o.sent, 0), coalesce(o.queued, 0), coalesce(l.slots, 0)
        """

    /// Open attempts, from a relation that has them, and living agents by type; `$3` is the lease.
    private static func loadTables(_ open: String) -> String {
        """
        (SELECT agent_type, count(*) FILTER (WHERE status > 0) AS sent,
             count(*) FILTER (WHERE status = 0 AND NOT is_held) AS queued
         FROM \(open)
         GROUP BY agent_type) AS o
        FULL JOIN
        (SELECT a.agent_type, sum(a.slots) AS slots
         FROM agents a
         WHERE a.gone_at IS NULL AND a.last_heartbeat_at > clock_timestamp() - $3::bigint * interval '1 millisecond'
         GROUP BY a.agent_type) AS l ON l.agent_type = o.agent_type
        """
    }

    private static let allLoads = SQLText(
        unchecked:
            "SELECT \(loadColumns) FROM \(loadTables("(\(openTasks)) AS open").replacing("$3", with: "$1"))")

    /// Open attempts and living agents by type.
    public func loads(leaseMilliseconds: Int) async throws(BatchError) -> [AgentTypeLoad] {
        let rows = try await run(PostgresStatement(Self.allLoads, [.int8(Int64(leaseMilliseconds))]))
        return try read { () throws(PostgresError) in
            try rows.map { row throws(PostgresError) in
                AgentTypeLoad(
                    agentType: try row.text(0), sent: Int(try row.int8(1)), queued: Int(try row.int8(2)),
                    slots: Int(try row.int8(3)))
            }
        }
    }
}
