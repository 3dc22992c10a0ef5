public import JSONTools
public import PostgresDriver

/// What became of the workflows that were created in one span of time.
public struct WorkflowStats: Sendable {
    /// The beginning of the span, or nil if they are not sorted by time.
    public var at: Timestamp?
    /// Their type, or nil if they are not sorted by type.
    public var type: String?
    /// How many were created.
    public var created: Int
    /// How many of them have completed.
    public var completed: Int
    /// How many have failed.
    public var failed: Int
    /// How many were cancelled.
    public var cancelled: Int
    /// The median of how long those that completed took from their start, in milliseconds.
    public var medianMilliseconds: Int64?
    /// What 95 % of them stayed below, in milliseconds.
    public var p95Milliseconds: Int64?
}

/// What became of the attempts of one type of agent.
public struct AttemptStats: Sendable {
    /// The type of agent.
    public var agentType: String
    /// How many attempts wait to be sent or taken.
    public var waiting: Int
    /// How many are worked on.
    public var running: Int
    /// How many have succeeded.
    public var succeeded: Int
    /// How many have failed, or ran out of time.
    public var failed: Int
    /// How many were lost with their agent.
    public var lost: Int
    /// How many ended otherwise: in part, with questions, cancelled.
    public var other: Int
    /// The median of how long those that succeeded took from their sending, in milliseconds.
    public var medianMilliseconds: Int64?
    /// What 95 % of them stayed below, in milliseconds.
    public var p95Milliseconds: Int64?
}

/// Figures over a span of time. Which rows lie in it is told by the ids of their workflows, which grow with time.
extension PostgresReadStore {
    private static let workflowFigures = """
        count(*),
        count(*) FILTER (WHERE status = 'completed'),
        count(*) FILTER (WHERE status = 'failed'),
        count(*) FILTER (WHERE status = 'cancelled'),
        (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at) * 1000)
            FILTER (WHERE status = 'completed'))::bigint,
        (percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at) * 1000)
            FILTER (WHERE status = 'completed'))::bigint
        """

    private static let byType = SQLText(
        unchecked: """
            SELECT type, \(workflowFigures)
            FROM workflows
            WHERE tenant = $1 AND id >= $2
            GROUP BY type
            ORDER BY type
            """)

    private static let bySpan = SQLText(
        unchecked: """
            SELECT date_bin($3::bigint * interval '1 second', created_at, timestamptz '2000-01-01 00:00:00Z') AS span,
                \(workflowFigures)
            FROM workflows
            WHERE tenant = $1 AND id >= $2
            GROUP BY span
            ORDER BY span
            """)

    /// By type, what became of the workflows created since then.
    public func workflowStats(tenant: String, since: Timestamp) async throws(PostgresError) -> [WorkflowStats] {
        let rows = try await pool.query(Self.byType, [.text(tenant), .uuid(Self.firstID(at: since))])
        var found: [WorkflowStats] = []
        for row in rows {
            var stats = try Self.stats(from: row)
            stats.type = try row.text(0)
            found.append(stats)
        }
        return found
    }

    /// By span of time, what became of the workflows created since then; spans without any are left out.
    ///
    /// - Parameter seconds: length of a span; spans begin at multiples of it.
    public func workflowSeries(
        tenant: String, since: Timestamp, seconds: Int64
    ) async throws(PostgresError) -> [WorkflowStats] {
        let rows = try await pool.query(
            Self.bySpan, [.text(tenant), .uuid(Self.firstID(at: since)), .int8(seconds)])
        var found: [WorkflowStats] = []
        for row in rows {
            var stats = try Self.stats(from: row)
            stats.at = try row.time(0)
            found.append(stats)
        }
        return found
    }

    /// By type of agent, what became of the attempts of workflows created since then.
    public func attemptStats(tenant: String, since: Timestamp) async throws(PostgresError) -> [AttemptStats] {
        let rows = try await pool.query(
            """
            SELECT t.agent_type,
                count(*) FILTER (WHERE t.status IN (0, 1)), count(*) FILTER (WHERE t.status = 2),
                count(*) FILTER (WHERE t.status = 10), count(*) FILTER (WHERE t.status IN (13, 14)),
                count(*) FILTER (WHERE t.status = 15), count(*) FILTER (WHERE t.status IN (11, 12, 16)),
                (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.completed_at - t.created_at) * 1000)
                    FILTER (WHERE t.status = 10))::bigint,
                (percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM t.completed_at - t.created_at) * 1000)
                    FILTER (WHERE t.status = 10))::bigint
            FROM tasks t
            JOIN workflows w ON w.id = t.workflow_id
            WHERE w.tenant = $1 AND w.id >= $2 AND t.workflow_id >= $2
            GROUP BY t.agent_type
            ORDER BY t.agent_type
            """,
            [.text(tenant), .uuid(Self.firstID(at: since))])
        var found: [AttemptStats] = []
        for row in rows {
            found.append(
                AttemptStats(
                    agentType: try row.text(0), waiting: Int(try row.int8(1)), running: Int(try row.int8(2)),
                    succeeded: Int(try row.int8(3)), failed: Int(try row.int8(4)), lost: Int(try row.int8(5)),
                    other: Int(try row.int8(6)), medianMilliseconds: try row.optional(7),
                    p95Milliseconds: try row.optional(8)))
        }
        return found
    }

    /// How many dead letters of a tenant's workflows, or of none, nobody has decided about.
    public func openDeadLetters(tenant: String) async throws(PostgresError) -> Int {
        let rows = try await pool.query(
            """
            SELECT count(*) FROM dead_letters d
            WHERE d.state = 'open'
              AND coalesce((SELECT w.tenant FROM workflows w WHERE w.id = d.workflow_id), 'default') = $1
            """,
            [.text(tenant)])
        return Int(try rows.only().int8(0))
    }

    /// The time of the database.
    public func now() async throws(PostgresError) -> Timestamp {
        try await pool.query("SELECT clock_timestamp()").only().time(0)
    }

    /// The smallest id that a workflow created at that moment can have.
    private static func firstID(at moment: Timestamp) -> PostgresUUID {
        PostgresUUID(high: UInt64(max(0, moment.milliseconds)) << 16 | 0x7000, low: 1 << 63)
    }

    private static func stats(from row: PostgresRow) throws(PostgresError) -> WorkflowStats {
        WorkflowStats(
            created: Int(try row.int8(1)), completed: Int(try row.int8(2)), failed: Int(try row.int8(3)),
            cancelled: Int(try row.int8(4)), medianMilliseconds: try row.optional(5),
            p95Milliseconds: try row.optional(6))
    }
}
