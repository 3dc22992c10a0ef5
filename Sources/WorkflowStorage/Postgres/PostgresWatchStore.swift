public import JSONTools
public import PostgresDriver
import WorkflowCore

/// The sweeper's and the registry's view of PostgreSQL.
public struct PostgresWatchStore: WatchStore {
    let pool: PostgresPool

    /// A view through a pool.
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    func run(_ statement: PostgresStatement) async throws(BatchError) -> PostgresRows {
        do throws(PostgresError) {
            return try await pool.run(statement)
        } catch {
            throw BatchError(error)
        }
    }

    func read<Value>(_ body: () throws(PostgresError) -> Value) throws(BatchError) -> Value {
        do throws(PostgresError) {
            return try body()
        } catch {
            throw BatchError(error)
        }
    }

    func reference(in row: PostgresRow, from column: Int) throws(PostgresError) -> AttemptReference {
        AttemptReference(
            taskID: try row.id(column), attempt: Int(try row.int4(column + 1)),
            dispatchID: UInt64(bitPattern: try row.int8(column + 2)))
    }

    /// The first part of the queries that read open attempts.
    private static let selectOpen = """
        SELECT workflow_id, stage, task_id, attempt, dispatch_id, agent_type, priority, agent_id, is_stopping,
        (extract(epoch FROM clock_timestamp() - (publish_by - interval '5 seconds')) * 1000)::bigint,
        (extract(epoch FROM clock_timestamp() - started_at) * 1000)::bigint
        FROM tasks
        WHERE status < 10 AND status > 0
        """
    private static let openByTask = SQLText(unchecked: selectOpen + " AND task_id = ANY ($1)")
    private static let openAll = SQLText(unchecked: selectOpen + " ORDER BY task_id LIMIT $1")
    private static let openByAgent = SQLText(unchecked: selectOpen + " AND agent_id = ANY ($1)")

    private func openRows(_ statement: PostgresStatement) async throws(BatchError) -> [OpenAttemptRow] {
        let rows = try await run(statement)
        return try read { () throws(PostgresError) in
            try rows.map { row throws(PostgresError) in try openRow(row) }
        }
    }

    private func openRow(_ row: PostgresRow) throws(PostgresError) -> OpenAttemptRow {
        OpenAttemptRow(
            workflowID: try row.id(0), reference: try reference(in: row, from: 2), stage: try row.text(1),
            agentType: try row.text(5), priority: WorkflowPriority(rawValue: try row.text(6)) ?? .medium,
            agentID: try row.optionalText(7), isStopping: try row.bool(8), ageMilliseconds: try row.int8(9),
            boundMilliseconds: try row.optional(10))
    }

    /// The open attempts of some tasks; those that are closed, queued or never were are absent.
    public func openAttempts(taskIDs: [UniqueID]) async throws(BatchError) -> [OpenAttemptRow] {
        guard !taskIDs.isEmpty else { return [] }
        return try await openRows(PostgresStatement(Self.openByTask, [.uuidArray(taskIDs.map(\.postgres))]))
    }

    /// All open attempts that were sent, oldest task first, up to a limit.
    public func allOpenAttempts(limit: Int) async throws(BatchError) -> [OpenAttemptRow] {
        try await openRows(PostgresStatement(Self.openAll, [.int8(Int64(limit))]))
    }

    /// The open attempts that are bound to some agents.
    public func openAttempts(boundTo agentIDs: [String]) async throws(BatchError) -> [OpenAttemptRow] {
        guard !agentIDs.isEmpty else { return [] }
        return try await openRows(PostgresStatement(Self.openByAgent, [.textArray(agentIDs)]))
    }

    /// Notes sends that have reached Redis; one that was replaced by a newer send is passed over.
    public func markPublished(_ sends: [PublishedSend]) async throws(BatchError) {
        guard !sends.isEmpty else { return }
        _ = try await run(
            PostgresStatement(
                """
                UPDATE tasks AS t
                SET published = true, entry_id = n.entry_id
                FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::bigint[], $5::text[])
                    AS n (workflow_id, task_id, attempt, dispatch_id, entry_id)
                WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
                  AND t.status + 0 < 10 AND t.dispatch_id = n.dispatch_id
                """,
                [
                    .uuidArray(sends.map(\.workflowID.postgres)), .uuidArray(sends.map(\.reference.taskID.postgres)),
                    .int4Array(sends.map { Int32($0.reference.attempt) }),
                    .int8Array(sends.map { Int64(bitPattern: $0.reference.dispatchID) }),
                    .textArray(sends.map(\.entryID)),
                ]))
    }

    /// Brings searchable rows up to date; a row that is newer already stays.
    public func refresh(_ summaries: [WorkflowSummary]) async throws(BatchError) {
        guard !summaries.isEmpty else { return }
        _ = try await run(BatchSQL.updateSummaries(summaries))
    }

    /// Notes agents; one that registers again is alive again, with what it says now.
    public func register(_ agents: [AgentRegistration]) async throws(BatchError) {
        guard !agents.isEmpty else { return }
        _ = try await run(
            PostgresStatement(
                """
                INSERT INTO agents (
                    agent_id, agent_type, version, actions, slots, free_slots, host, pid, registered_at,
                    last_heartbeat_at)
                SELECT n.*, clock_timestamp(), clock_timestamp()
                FROM unnest(
                    $1::text[], $2::text[], $3::text[], $4::bytea[], $5::int[], $5::int[], $6::text[], $7::bigint[])
                    AS n
                ON CONFLICT (agent_id) DO UPDATE
                SET version = excluded.version, actions = excluded.actions, slots = excluded.slots,
                    host = excluded.host, pid = excluded.pid, last_heartbeat_at = excluded.last_heartbeat_at,
                    gone_at = NULL
                """,
                [
                    .textArray(agents.map(\.agentID)), .textArray(agents.map(\.agentType)),
                    .textArray(agents.map(\.version)), .bytesArray(agents.map { $0.actions.encoded() }),
                    .int4Array(agents.map { Int32(clamping: $0.slots) }), .textArray(agents.map(\.host)),
                    .int8Array(agents.map(\.pid)),
                ]))
    }

    /// Notes heartbeats at database time, but of agents that said goodbye: another orchestrator may have heard one before
    /// that and noted it after. Only ``register(_:)`` brings such an agent back.
    public func beat(_ heartbeats: [AgentBeat]) async throws(BatchError) -> BeatAnswer {
        guard !heartbeats.isEmpty else { return BeatAnswer() }
        let rows = try await run(
            PostgresStatement(
                Self.beatAndBound,
                [
                    .textArray(heartbeats.map(\.agentID)),
                    .int4Array(heartbeats.map { Int32(clamping: $0.freeSlots) }),
                    .int4Array(heartbeats.map { Int32(clamping: $0.running) }),
                ]))
        return try read { () throws(PostgresError) in
            var answer = BeatAnswer()
            for row in rows {
                // An attempt, or an agent: its type stands where an attempt has one, and whether it drains where an
                // attempt may be stopping.
                if let agentID = try row.optionalText(11) {
                    answer.types[agentID] = try row.text(5)
                    if try row.bool(8) { answer.draining.insert(agentID) }
                } else {
                    answer.bound.append(try openRow(row))
                }
            }
            return answer
        }
    }

    private static let beatAndBound = SQLText(
        unchecked: """
            WITH known AS (
                UPDATE agents AS a
                SET last_heartbeat_at = clock_timestamp(), free_slots = n.free_slots, running = n.running
                FROM unnest($1::text[], $2::int[], $3::int[]) AS n (agent_id, free_slots, running)
                WHERE a.agent_id = n.agent_id AND a.gone_at IS NULL
                RETURNING a.agent_id, a.agent_type, a.is_draining)
            SELECT NULL::uuid AS workflow_id, NULL AS stage, NULL::uuid AS task_id, NULL::int AS attempt,
                NULL::bigint AS dispatch_id, agent_type, NULL AS priority, NULL AS bound_to, is_draining AS is_stopping,
                NULL::bigint AS age, NULL::bigint AS bound, agent_id
            FROM known
            UNION ALL
            SELECT o.*, NULL
            FROM (\(selectOpen) AND agent_id = ANY ($1)) AS o
            """)

    /// Notes agents that are gone, at database time; they run nothing any more.
    public func retire(_ agentIDs: [String]) async throws(BatchError) {
        guard !agentIDs.isEmpty else { return }
        _ = try await run(
            PostgresStatement(
                "UPDATE agents SET gone_at = clock_timestamp(), running = 0 WHERE agent_id = ANY ($1)",
                [.textArray(agentIDs)]))
    }

    /// Type by id, of the agents that were heard within `leaseMilliseconds` and have not said goodbye.
    public func livingAgents(leaseMilliseconds: Int) async throws(BatchError) -> [String: String] {
        let rows = try await run(
            PostgresStatement(
                """
                SELECT agent_id, agent_type
                FROM agents
                WHERE gone_at IS NULL AND last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond'
                """,
                [.int8(Int64(leaseMilliseconds))]))
        return try read { () throws(PostgresError) in
            var living: [String: String] = [:]
            for row in rows { living[try row.text(0)] = try row.text(1) }
            return living
        }
    }

    /// Those of some agents that said goodbye and have not come back.
    public func goneAgents(among agentIDs: [String]) async throws(BatchError) -> Set<String> {
        guard !agentIDs.isEmpty else { return [] }
        let rows = try await run(
            PostgresStatement(
                "SELECT agent_id FROM agents WHERE agent_id = ANY ($1) AND gone_at IS NOT NULL",
                [.textArray(agentIDs)]))
        return try read { () throws(PostgresError) in
            var gone: Set<String> = []
            for row in rows { gone.insert(try row.text(0)) }
            return gone
        }
    }

    /// Keeps dead letters.
    public func keep(_ letters: [DeadLetter]) async throws(BatchError) {
        guard !letters.isEmpty else { return }
        _ = try await run(BatchSQL.insertDeadLetters(letters))
    }

    /// Appends log lines in their order; lines that are there already, or of attempts that don't exist, are passed over.
    public func append(_ lines: [LogRow]) async throws(BatchError) {
        guard !lines.isEmpty else { return }
        _ = try await run(
            PostgresStatement(
                """
                INSERT INTO logs (workflow_id, task_id, attempt, line, at, level, stream, text, stage)
                SELECT n.workflow_id, n.task_id, n.attempt, n.line, n.at, n.level, n.stream, n.text, t.stage
                FROM unnest(
                    $1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
                    WITH ORDINALITY AS n (workflow_id, task_id, attempt, line, at, level, stream, text, place)
                JOIN tasks t ON t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
                ORDER BY n.place
                ON CONFLICT (workflow_id, task_id, attempt, line) DO NOTHING
                """,
                [
                    .uuidArray(lines.map(\.workflowID.postgres)), .uuidArray(lines.map(\.taskID.postgres)),
                    .int4Array(lines.map { Int32(clamping: $0.attempt) }),
                    .int4Array(lines.map { Int32(clamping: $0.line) }), .timestampArray(lines.map(\.at.postgres)),
                    .textArray(lines.map(\.level)), .textArray(lines.map(\.stream)), .textArray(lines.map(\.text)),
                ]))
    }
}
