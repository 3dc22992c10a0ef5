public import JSONTools
public import PostgresDriver

/// A workflow that changed.
public struct ChangeRow: Sendable, Hashable {
    /// Its id.
    public var id: UniqueID
    /// Its newest event when the row was last refreshed.
    public var sequence: Int64
    /// When that was.
    public var changedAt: Timestamp
}

/// Where reading a workflow's events begins.
public struct EventPlace: Sendable, Hashable {
    /// The workflow.
    public var workflowID: UniqueID
    /// Only those after this one.
    public var after: Int64
    /// Only those that happened then or later.
    public var since: Timestamp

    /// A place.
    public init(workflowID: UniqueID, after: Int64, since: Timestamp) {
        self.workflowID = workflowID
        self.after = after
        self.since = since
    }
}

/// What is new about all workflows of a tenant.
extension PostgresReadStore {
    /// Workflows that changed after a moment, or at that moment and come after an id, in that order.
    public func changes(
        tenant: String, after moment: Timestamp, id: UniqueID, limit: Int
    ) async throws(PostgresError) -> [ChangeRow] {
        let rows = try await pool.query(
            """
            SELECT id, state_version, updated_at
            FROM workflows
            WHERE tenant = $1 AND (updated_at, id) > ($2, $3::uuid)
            ORDER BY updated_at, id
            LIMIT $4
            """,
            [.text(tenant), .timestamp(moment.postgres), .uuid(id.postgres), .int8(Int64(limit))])
        var found: [ChangeRow] = []
        for row in rows {
            found.append(ChangeRow(id: try row.id(0), sequence: try row.int8(1), changedAt: try row.time(2)))
        }
        return found
    }

    /// The next events of some workflows of a tenant, those of each in order.
    ///
    /// - Parameter limit: the most of each workflow.
    public func events(
        at places: [EventPlace], tenant: String, limit: Int
    ) async throws(PostgresError) -> [(workflowID: UniqueID, event: EventRow)] {
        guard !places.isEmpty else { return [] }
        let rows = try await pool.query(
            """
            SELECT e.workflow_id, e.seq, e.kind, e.severity, e.actor, e.at, e.data
            FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS n (id, after, since)
            JOIN workflows w ON w.id = n.id AND w.tenant || '' = $4
            CROSS JOIN LATERAL (
                SELECT v.workflow_id, v.seq, v.kind, v.severity, v.actor, v.at, v.data
                FROM events v
                WHERE v.workflow_id = n.id AND v.seq > n.after AND v.at >= n.since
                ORDER BY v.seq
                LIMIT $5) AS e
            ORDER BY e.at, e.workflow_id, e.seq
            """,
            [
                .uuidArray(places.map(\.workflowID.postgres)), .int8Array(places.map(\.after)),
                .timestampArray(places.map(\.since.postgres)), .text(tenant), .int8(Int64(limit)),
            ])
        var found: [(workflowID: UniqueID, event: EventRow)] = []
        for row in rows {
            found.append(
                (
                    workflowID: try row.id(0),
                    event: EventRow(
                        sequence: try row.int8(1), kind: try row.text(2), severity: try row.text(3),
                        actor: try row.text(4), at: try row.time(5), data: try row.json(6))
                ))
        }
        return found
    }
}
