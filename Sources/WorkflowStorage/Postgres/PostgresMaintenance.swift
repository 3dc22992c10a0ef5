import JSONTools
public import PostgresDriver

/// Upkeep of the record that no workflow waits for.
public struct PostgresMaintenance: Sendable {
    /// How long batch ids are kept: what decides an unknown commit outcome, in hours.
    static let batchHours = 24

    /// How long agents are kept that are heard no more, in days.
    static let agentDays = 7

    private let pool: PostgresPool

    /// Upkeep through a pool.
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Makes the partitions of this month and the next two, where they are missing.
    ///
    /// Making one locks its table for a moment, so only what is missing is made. Rows are placed by the time in their
    /// workflow's UUIDv7 (RFC 9562, 5.7: the upper 48 bits are milliseconds).
    public func makePartitions() async throws(PostgresError) {
        let rows = try await pool.run(
            PostgresStatement(
                """
                SELECT p.name, to_char(m, 'YYYYMM'), (extract(epoch FROM m) * 1000)::bigint,
                    (extract(epoch FROM m + interval '1 month') * 1000)::bigint
                FROM date_trunc('month', now() AT TIME ZONE 'UTC') AS this,
                    generate_series(this, this + interval '2 months', interval '1 month') AS m,
                    (VALUES ('tasks'), ('task_payloads'), ('events'), ('logs')) AS p (name)
                WHERE to_regclass(p.name || '_' || to_char(m, 'YYYYMM')) IS NULL
                """))
        for row in rows {
            let table = try row.text(0)
            let from = Self.firstID(ofMilliseconds: try row.int8(2))
            let to = Self.firstID(ofMilliseconds: try row.int8(3))
            try await makePartition(
                "\(table)_\(try row.text(1))", of: table, from: from, to: to,
                options: table == "tasks" ? " WITH (fillfactor = 70)" : "")
        }
    }

    private func makePartition(
        _ partition: String, of table: String, from: UniqueID, to: UniqueID, options: String
    ) async throws(PostgresError) {
        do throws(PostgresError) {
            // Names and ids are made here, of digits and known words; DDL takes no parameters.
            _ = try await pool.run(
                PostgresStatement(
                    SQLText(
                        unchecked: """
                            CREATE TABLE IF NOT EXISTS \(partition) PARTITION OF \(table)
                            FOR VALUES FROM ('\(from)') TO ('\(to)')\(options)
                            """)))
        } catch {
            // Another orchestrator may have made it at the same moment; or rows of that month are in the default
            // partition already, which then keeps them.
            guard
                error.sqlState == .uniqueViolation || error.sqlState == .checkViolation
                    || error.sqlState?.description == "42P07"
            else { throw error }
        }
    }

    /// The least UUIDv7 of a moment.
    static func firstID(ofMilliseconds milliseconds: Int64) -> UniqueID {
        UniqueID(high: UInt64(milliseconds) << 16, low: 0)
    }

    /// Forgets agents that nobody has heard for a week.
    public func forgetAgents() async throws(PostgresError) {
        _ = try await pool.run(
            PostgresStatement(
                "DELETE FROM agents WHERE last_heartbeat_at < now() - $1 * interval '1 day'",
                [.int4(Int32(Self.agentDays))]))
    }

    /// For how long idempotency keys are kept, in days.
    static let keyDays = 30
    /// For how long the audit trail is kept, in days.
    static let auditDays = 400
    /// Most rows that are forgotten at a time.
    static let mostForgotten = 50_000

    /// Forgets idempotency keys older than 30 days: the same key makes another workflow then.
    public func forgetKeys() async throws(PostgresError) {
        _ = try await pool.run(
            PostgresStatement(
                """
                UPDATE workflows
                SET idempotency_key = NULL
                WHERE id IN (
                    SELECT k.id
                    FROM (
                        SELECT id, created_at
                        FROM workflows
                        WHERE idempotency_key IS NOT NULL
                        ORDER BY id
                        LIMIT $2) AS k
                    WHERE k.created_at < now() - $1 * interval '1 day')
                """,
                [.int4(Int32(Self.keyDays)), .int8(Int64(Self.mostForgotten))]))
    }

    /// Forgets who did what longer ago than 400 days, and the sessions of browsers that have ended.
    public func forgetAccess() async throws(PostgresError) {
        _ = try await pool.run(
            PostgresStatement(
                """
                WITH ended AS (
                    DELETE FROM tokens
                    WHERE session_of IS NOT NULL AND expires_at < now() - interval '1 day')
                DELETE FROM audit
                WHERE id IN (
                    SELECT a.id
                    FROM (SELECT id, at FROM audit ORDER BY id LIMIT $2) AS a
                    WHERE a.at < now() - $1 * interval '1 day')
                """,
                [.int4(Int32(Self.auditDays)), .int8(Int64(Self.mostForgotten))]))
    }

    /// Forgets batch ids older than a day.
    public func forgetBatches() async throws(PostgresError) {
        _ = try await pool.run(
            PostgresStatement(
                "DELETE FROM batches WHERE at < now() - $1 * interval '1 hour'", [.int4(Int32(Self.batchHours))]))
    }
}
