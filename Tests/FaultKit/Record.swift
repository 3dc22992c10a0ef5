package import JSONTools
package import PostgresDriver

/// Looks at the record in PostgreSQL, over the orchestrator's head.
package struct Record: Sendable {
    /// A row of `tasks`.
    package struct Attempt: Sendable, Hashable {
        package var stage: String
        package var number: Int
        package var status: Int
        package var dispatch: String
        package var hasResult: Bool
        /// Seconds since 1970 by the database's clock, 0 while it is open.
        package var completedAt: Double

        /// The status of a row whose attempt runs.
        package static let running = 2
        /// The status of a row whose attempt succeeded.
        package static let succeeded = 10
        /// The status of a row whose attempt failed.
        package static let failed = 13
        /// The status of a row whose attempt ran out of time.
        package static let timedOut = 14
        /// The status of a row whose attempt was lost.
        package static let lost = 15
        /// The status of a row whose attempt was cancelled.
        package static let cancelled = 16
    }

    package let pool: PostgresPool

    /// The record that this pool reads.
    package init(pool: PostgresPool) { self.pool = pool }

    /// Rows of texts. While the server is away it is asked again, for 30 s.
    package func rows(_ sql: SQLText, _ parameters: [PostgresParameter] = []) async throws -> [[String]] {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do throws(PostgresError) {
                let rows = try await pool.query(sql, parameters)
                return try rows.map { row throws(PostgresError) in
                    var texts: [String] = []
                    for column in 0..<row.columnCount { texts.append(try row.optional(column) ?? "") }
                    return texts
                }
            } catch {
                guard error.sqlState == nil || error.isConnectionFault, ContinuousClock.now < deadline else {
                    throw error
                }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// A number.
    package func number(_ sql: SQLText, _ parameters: [PostgresParameter] = []) async throws -> Int {
        try await rows(sql, parameters).first?.first.flatMap { Int($0) } ?? 0
    }

    /// The status of a workflow's searchable row.
    package func status(_ id: UniqueID) async throws -> String {
        try await rows("SELECT status FROM workflows WHERE id = $1::uuid", [.text("\(id)")]).first?.first ?? "unknown"
    }

    /// How many of these workflows have this status.
    package func count(_ ids: [UniqueID], _ status: String) async throws -> Int {
        try await number(
            "SELECT count(*)::text FROM workflows WHERE status = $2 AND id = ANY ($1::text::uuid[])",
            [.text(Self.list(ids)), .text(status)])
    }

    /// The attempts of a workflow, in the order in which they were made.
    package func attempts(_ id: UniqueID) async throws -> [Attempt] {
        try await rows(
            """
            SELECT stage, attempt::text, status::text, dispatch_id::text, (result IS NOT NULL)::text,
                coalesce(extract(epoch FROM completed_at), 0)::text
            FROM tasks WHERE workflow_id = $1::uuid ORDER BY created_at, attempt
            """, [.text("\(id)")]
        ).map { row in
            Attempt(
                stage: row[0], number: Int(row[1]) ?? 0, status: Int(row[2]) ?? 0, dispatch: row[3],
                hasResult: row[4] == "true", completedAt: Double(row[5]) ?? 0)
        }
    }

    /// The newest attempt at a stage.
    package func attempt(_ id: UniqueID, _ stage: String) async throws -> Attempt? {
        try await attempts(id).last { $0.stage == stage }
    }

    /// The stages that events of a kind name, in order.
    package func stages(_ id: UniqueID, _ kind: String) async throws -> [String] {
        try await rows(
            """
            SELECT coalesce(convert_from(data, 'UTF8')::jsonb ->> 'stage', '') FROM events
            WHERE workflow_id = $1::uuid AND kind = $2 ORDER BY seq
            """, [.text("\(id)"), .text(kind)]
        ).map { $0[0] }
    }

    /// How many stages of these workflows have completed.
    package func stagesCompleted(_ ids: [UniqueID]) async throws -> Int {
        try await number(
            """
            SELECT count(*)::text FROM events
            WHERE kind = 'stage_completed' AND workflow_id = ANY ($1::text::uuid[])
            """, [.text(Self.list(ids))])
    }

    /// How many dead letters there are from a stream.
    package func deadLetters(from source: String) async throws -> Int {
        try await number("SELECT count(*)::text FROM dead_letters WHERE source = $1", [.text(source)])
    }

    /// The database's clock, in seconds since 1970.
    package func now() async throws -> Double {
        try await rows("SELECT extract(epoch FROM clock_timestamp())::text").first?.first.flatMap { Double($0) } ?? 0
    }

    /// Ids as the text of an array.
    package static func list(_ ids: [UniqueID]) -> String {
        "{" + ids.map(\.description).joined(separator: ",") + "}"
    }
}
