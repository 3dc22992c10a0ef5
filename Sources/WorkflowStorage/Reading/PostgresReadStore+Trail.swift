public import JSONTools
public import PostgresDriver

extension PostgresReadStore {
    /// Events of a workflow after a sequence number, in order.
    public func events(
        of workflowID: UniqueID, after sequence: Int64, limit: Int
    ) async throws(PostgresError) -> [EventRow] {
        let rows = try await pool.query(
            """
            SELECT seq, kind, severity, actor, at, data
            FROM events
            WHERE workflow_id = $1 AND seq > $2
            ORDER BY seq
            LIMIT $3
            """,
            [.uuid(workflowID.postgres), .int8(sequence), .int8(Int64(limit))])
        var found: [EventRow] = []
        for row in rows {
            found.append(
                EventRow(
                    sequence: try row.int8(0), kind: try row.text(1), severity: try row.text(2),
                    actor: try row.text(3), at: try row.time(4), data: try row.json(5)))
        }
        return found
    }

    /// Log lines of a workflow after a line's id, in the order in which they arrived.
    ///
    /// - Parameter stage: only lines of this stage; nil for all.
    public func logs(
        of workflowID: UniqueID, stage: String?, after id: Int64, limit: Int
    ) async throws(PostgresError) -> [LogLineRow] {
        let rows = try await pool.query(
            """
            SELECT id, stage, task_id, attempt, line, at, level, stream, text
            FROM logs
            WHERE workflow_id = $1 AND id > $2 AND ($3::text IS NULL OR stage = $3)
            ORDER BY id
            LIMIT $4
            """,
            [
                .uuid(workflowID.postgres), .int8(id), stage.map { .text($0) } ?? .null(.text), .int8(Int64(limit)),
            ])
        var found: [LogLineRow] = []
        for row in rows {
            found.append(
                LogLineRow(
                    id: try row.int8(0), stage: try row.text(1), taskID: try row.id(2), attempt: Int(try row.int4(3)),
                    line: Int(try row.int4(4)), at: try row.time(5), level: try row.text(6), stream: try row.text(7),
                    text: try row.text(8)))
        }
        return found
    }

    /// The files that a workflow's stages kept, oldest first.
    ///
    /// - Parameter place: only those that come after this one.
    public func artifacts(
        of workflowID: UniqueID,
        after place: (createdAt: Timestamp, stage: String, generation: Int32, name: String)? = nil, limit: Int
    ) async throws(PostgresError) -> [ArtifactRow] {
        let rows = try await pool.query(
            """
            SELECT stage, generation, name, type, sha256, size_bytes, label, created_at
            FROM artifacts
            WHERE workflow_id = $1
              AND ($2::timestamptz IS NULL
                OR (created_at, stage, generation, name) > ($2, $3::text, $4::integer, $5::text))
            ORDER BY created_at, stage, generation, name
            LIMIT $6
            """,
            [
                .uuid(workflowID.postgres), .timestamp(place?.createdAt.postgres), .text(place?.stage),
                .int4(place?.generation), .text(place?.name), .int8(Int64(limit)),
            ])
        var found: [ArtifactRow] = []
        for row in rows { found.append(try Self.artifact(from: row)) }
        return found
    }

    /// What is known about a stored file of a tenant's workflows, by its hash; nil if none has it.
    public func artifact(sha256: String, tenant: String) async throws(PostgresError) -> ArtifactRow? {
        let rows = try await pool.query(
            """
            SELECT a.stage, a.generation, a.name, a.type, a.sha256, a.size_bytes, a.label, a.created_at
            FROM artifacts a
            JOIN workflows w ON w.id = a.workflow_id
            WHERE a.sha256 = $1 AND w.tenant || '' = $2
            ORDER BY a.created_at
            LIMIT 1
            """,
            [.text(sha256), .text(tenant)])
        guard let row = rows.first else { return nil }
        return try Self.artifact(from: row)
    }

    private static func artifact(from row: PostgresRow) throws(PostgresError) -> ArtifactRow {
        ArtifactRow(
            stage: try row.text(0), generation: Int(try row.int4(1)), name: try row.text(2), type: try row.text(3),
            sha256: try row.text(4), sizeBytes: try row.int8(5), label: try row.optionalText(6),
            createdAt: try row.time(7))
    }
}
