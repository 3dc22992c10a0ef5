public import PostgresDriver
public import WorkflowCore

/// The questions that the API asks of the record. Reads only, one function a query, but for access tokens.
public struct PostgresReadStore: Sendable {
    let pool: PostgresPool
    /// After how long a silence an agent no longer counts as living, in milliseconds.
    let agentSilenceMilliseconds: Int64

    /// Questions through a pool.
    ///
    /// - Parameter agentSilenceMilliseconds: two heartbeats, so that a missing agent shows within ten seconds.
    public init(pool: PostgresPool, agentSilenceMilliseconds: Int64 = 10_000) {
        self.pool = pool
        self.agentSilenceMilliseconds = agentSilenceMilliseconds
    }

    /// Whether the database answers.
    public func ping() async throws(PostgresError) {
        _ = try await pool.query("SELECT 1")
    }

    /// A definition by its content hash; nil if there is none.
    public func definition(hash: String) async throws(PostgresError) -> WorkflowDefinition? {
        let rows = try await pool.query("SELECT body FROM definition_blobs WHERE hash = $1", [.text(hash)])
        guard let row = rows.first else { return nil }
        do {
            return try WorkflowDefinition(canonicalJSON: row.json(0))
        } catch {
            throw PostgresError(.decoding, "the stored definition can't be read: \(error)", outcome: .completed)
        }
    }

    /// Up to how many workflows of a status are counted.
    public static let mostCounted = 100_000
    /// The statuses that are recorded.
    static let recordedStatuses = WorkflowState.Phase.allCases.map(\.rawValue)

    /// How many workflows there are of each recorded status; of each at most ``mostCounted`` are counted.
    public func workflowCounts(tenant: String) async throws(PostgresError) -> [String: Int] {
        let rows = try await pool.query(
            """
            SELECT s.status, c.count
            FROM unnest($2::text[]) AS s (status)
            CROSS JOIN LATERAL (
                SELECT count(*)
                FROM (SELECT 1 FROM workflows w WHERE w.tenant = $1 AND w.status = s.status LIMIT $3) AS counted
            ) AS c (count)
            WHERE c.count > 0
            """,
            [.text(tenant), .textArray(Self.recordedStatuses), .int8(Int64(Self.mostCounted))])
        var counts: [String: Int] = [:]
        for row in rows { counts[try row.text(0)] = Int(try row.int8(1)) }
        return counts
    }
}
