public import JSONTools
public import PostgresDriver

/// Removes what has been over for longer than it is to be kept.
///
/// A workflow goes when it has ended and its time is over: its rows in batches, with its files in the same transaction, so
/// that whatever is cut short is found again. Its events, logs and tasks stand in partitions by month, which go as a whole
/// when the last workflow of the month has gone; what stands in the default partition goes by rows. Any number of
/// orchestrators may do this: an advisory lock lets one at a time through, the others pass.
public struct PostgresRetention: Sendable {
    /// What one step removed.
    public struct Step: Sendable {
        /// The workflows, oldest first.
        public var workflows: [UniqueID]
        /// Whether there may be more.
        public var mayHaveMore: Bool
    }

    /// What goes with some workflows.
    public struct Leftovers: Sendable {
        /// The workflows, oldest first.
        public var workflows: [UniqueID]
        /// SHA-256 of files that no workflow that stays refers to.
        public var artifacts: [String]
    }

    /// Of the advisory lock: "baton" in ASCII, and a number.
    private static let lockKey: Int64 = 0x6261_746F_6E00_0002

    private let pool: PostgresPool
    /// For how long ended workflows are kept, in days.
    private let days: Int

    /// - Parameter days: for how long ended workflows are kept, at least 1.
    public init(pool: PostgresPool, days: Int) {
        precondition(days >= 1, "0 days means for ever: then nothing is to be removed.")
        self.pool = pool
        self.days = days
    }

    private static let remove: SQLText = """
        WITH expired AS MATERIALIZED (
            SELECT s.id
            FROM workflow_state s
            JOIN workflows w ON w.id = s.id
            WHERE s.id > $1 AND s.id < $2 AND s.is_terminal
              AND w.completed_at < clock_timestamp() - $3::int * interval '1 day'
            ORDER BY s.id
            LIMIT $4
            FOR UPDATE OF s SKIP LOCKED
        ), states AS (DELETE FROM workflow_state t USING expired e WHERE t.id = e.id
        ), summaries AS (DELETE FROM workflows t USING expired e WHERE t.id = e.id
        ), results AS (DELETE FROM outputs t USING expired e WHERE t.workflow_id = e.id
        ), asked AS (DELETE FROM questions t USING expired e WHERE t.workflow_id = e.id
        ), clocks AS (DELETE FROM timers t USING expired e WHERE t.workflow_id = e.id
        ), arrivals AS (DELETE FROM inbox t USING expired e WHERE t.workflow_id = e.id
        ), letters AS (DELETE FROM dead_letters t USING expired e WHERE t.workflow_id = e.id
        ), attempts AS (DELETE FROM tasks_default t USING expired e WHERE t.workflow_id = e.id
        ), asks AS (DELETE FROM task_payloads_default t USING expired e WHERE t.workflow_id = e.id
        ), trail AS (DELETE FROM events_default t USING expired e WHERE t.workflow_id = e.id
        ), lines AS (DELETE FROM logs_default t USING expired e WHERE t.workflow_id = e.id
        ), files AS (DELETE FROM artifacts t USING expired e WHERE t.workflow_id = e.id RETURNING t.sha256)
        SELECT e.id, NULL::text FROM expired e
        UNION ALL
        SELECT DISTINCT NULL::uuid, f.sha256 FROM files f
        """

    /// Removes some workflows whose time is over, oldest first.
    ///
    /// - Parameters:
    ///   - last: the last one of the step before; nil at first.
    ///   - limit: the most workflows.
    ///   - removeFiles: removes their files, before the transaction is committed.
    /// - Returns: what was removed; nothing while another orchestrator removes.
    public func removeExpired(
        after last: UniqueID?, limit: Int = 200, removeFiles: @Sendable (Leftovers) async -> Void
    ) async throws -> Step {
        try await pool.withTransaction { connection in
            let answer = try await connection.query(
                "SELECT pg_try_advisory_xact_lock($1), (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                [.int8(Self.lockKey)]
            ).only()
            guard try answer.bool(0) else { return Step(workflows: [], mayHaveMore: false) }
            let horizon = PostgresMaintenance.firstID(
                ofMilliseconds: try answer.int8(1) - Int64(days) * Self.dayMilliseconds)
            let rows = try await connection.query(
                Self.remove,
                [
                    .uuid((last ?? UniqueID(high: 0, low: 0)).postgres), .uuid(horizon.postgres), .int4(Int32(days)),
                    .int8(Int64(limit)),
                ])
            var leftovers = Leftovers(workflows: [], artifacts: [])
            for row in rows {
                if let hash = try row.optionalText(1) {
                    leftovers.artifacts.append(hash)
                } else {
                    leftovers.workflows.append(try row.id(0))
                }
            }
            leftovers.workflows.sort()
            leftovers.artifacts = try await unreferenced(leftovers.artifacts, connection)
            if !leftovers.workflows.isEmpty { await removeFiles(leftovers) }
            return Step(workflows: leftovers.workflows, mayHaveMore: leftovers.workflows.count == limit)
        }
    }

    private static let dayMilliseconds: Int64 = 86_400_000

    private func unreferenced(_ hashes: [String], _ connection: PostgresConnection) async throws -> [String] {
        guard !hashes.isEmpty else { return [] }
        let rows = try await connection.query(
            """
            SELECT h.sha256
            FROM unnest($1::text[]) AS h (sha256)
            WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = h.sha256)
            """,
            [.textArray(hashes)])
        var found: [String] = []
        for row in rows { found.append(try row.text(0)) }
        return found
    }

    /// Drops the partitions of months that are over and have no workflow left.
    ///
    /// Dropping locks the whole table for a moment; if that can't be had within a second, it is left for the next time.
    ///
    /// - Returns: the partitions that were dropped.
    public func dropPartitions() async throws -> [String] {
        var dropped: [String] = []
        for (month, tables) in try await emptyMonths() {
            for table in tables {
                let name = "\(table)_\(month)"
                let isDone = try await drop(name)
                if isDone { dropped.append(name) }
            }
        }
        return dropped
    }

    /// Months that are past their time, without a workflow, and which tables have a partition for each.
    private func emptyMonths() async throws -> [(month: String, tables: [String])] {
        let rows = try await pool.query(
            """
            SELECT right(c.relname, 6), p.relname, (extract(epoch FROM m.begins) * 1000)::bigint,
                (extract(epoch FROM m.begins + interval '1 month') * 1000)::bigint
            FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid AND c.relname ~ '^(tasks|task_payloads|events|logs)_[0-9]{6}$'
            JOIN pg_class p ON p.oid = i.inhparent,
                LATERAL (SELECT to_date(right(c.relname, 6), 'YYYYMM')::timestamp AS begins) AS m
            WHERE p.oid IN (
                'tasks'::regclass, 'task_payloads'::regclass, 'events'::regclass, 'logs'::regclass)
              AND m.begins + interval '1 month' < now() AT TIME ZONE 'UTC' - $1::int * interval '1 day'
            ORDER BY 1, 2
            """,
            [.int4(Int32(days))])
        var months: [(month: String, tables: [String])] = []
        for row in rows {
            let (month, table) = (try row.text(0), try row.text(1))
            if months.last?.month == month {
                months[months.count - 1].tables.append(table)
                continue
            }
            let from = PostgresMaintenance.firstID(ofMilliseconds: try row.int8(2))
            let to = PostgresMaintenance.firstID(ofMilliseconds: try row.int8(3))
            let left = try await pool.query(
                "SELECT EXISTS (SELECT 1 FROM workflow_state WHERE id >= $1 AND id < $2)",
                [.uuid(from.postgres), .uuid(to.postgres)])
            if try !left.only().bool(0) { months.append((month: month, tables: [table])) }
        }
        return months
    }

    private func drop(_ partition: String) async throws -> Bool {
        do {
            try await pool.withTransaction { connection in
                _ = try await connection.query("SET LOCAL lock_timeout = '1s'")
                // A name of the pattern that was asked for above; DDL takes no parameters.
                _ = try await connection.query(SQLText(unchecked: "DROP TABLE IF EXISTS \(partition)"))
            }
            return true
        } catch let error as PostgresError where error.sqlState?.description == "55P03" {
            return false
        }
    }

    /// So many open letters that belong to no workflow are kept at most, the newest.
    public static let openLettersLimit = 10_000

    /// Removes dead letters whose time is over: those that somebody has decided on, counted from then, and open ones
    /// whose workflow isn't there, counted from when they came. Of the latter at most ``openLettersLimit`` stay.
    public func removeLetters() async throws(PostgresError) {
        _ = try await pool.pipeline([
            PostgresStatement(
                """
                DELETE FROM dead_letters
                WHERE id IN (
                    SELECT d.id
                    FROM dead_letters d
                    WHERE coalesce(d.resolved_at, d.created_at) < clock_timestamp() - $1::int * interval '1 day'
                      AND (d.state <> 'open' OR NOT EXISTS (SELECT 1 FROM workflows w WHERE w.id = d.workflow_id))
                    LIMIT 10000)
                """,
                [.int4(Int32(days))]),
            PostgresStatement(
                """
                DELETE FROM dead_letters
                WHERE id IN (
                    SELECT d.id
                    FROM dead_letters d
                    WHERE d.state = 'open' AND d.workflow_id IS NULL
                    ORDER BY d.created_at DESC, d.id DESC
                    OFFSET $1
                    LIMIT 10000)
                """,
                [.int8(Int64(Self.openLettersLimit))]),
        ])
    }
}
