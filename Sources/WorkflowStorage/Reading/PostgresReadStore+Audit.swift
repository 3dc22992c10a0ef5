public import JSONTools
public import PostgresDriver

/// An entry of the audit trail: what somebody changed, or tried to, through the API.
public struct AuditEntry: Sendable, Hashable {
    /// The status of what was begun, and of which it isn't known how it ended.
    public static let begun = 102

    /// Its number; grows with time. 0 while it isn't recorded.
    public var id: Int64 = 0
    /// When it was recorded, by the database's clock.
    public var at: Timestamp?
    /// Whose workflows, tokens and so on.
    public var tenant: String
    /// Who: name of the token, and after a slash the name that the client gave itself.
    public var actor: String
    /// The role of the token.
    public var role: String
    /// What: the operation's name in the description of the API.
    public var action: String
    /// What was done to: an id or a name; nil if the operation has none.
    public var target: String?
    /// Status of the answer; ``begun`` before there is one.
    public var status: Int
    /// What else is to be known, in few words.
    public var detail: String

    /// An entry that isn't recorded yet.
    public init(
        tenant: String, actor: String, role: String, action: String, target: String?, status: Int, detail: String
    ) {
        self.tenant = tenant
        self.actor = actor
        self.role = role
        self.action = action
        self.target = target
        self.status = status
        self.detail = detail
    }
}

/// Which entries of the audit trail a list shows.
public struct AuditQuery: Sendable, Hashable {
    /// The action that nearly all entries have; there is an index of the others.
    public static let commonAction = "createWorkflow"

    /// Whose.
    public var tenant: String
    /// Only what this one did.
    public var actor: String?
    /// Only this.
    public var action: String?
    /// Only what was done to this.
    public var target: String?
    /// Only entries before this one.
    public var before: Int64?
    /// The most rows.
    public var limit = 50

    /// All entries of a tenant.
    public init(tenant: String) {
        self.tenant = tenant
    }
}

/// Who did what.
extension PostgresReadStore {
    /// Records entries.
    public func append(_ entries: [AuditEntry]) async throws(PostgresError) {
        guard !entries.isEmpty else { return }
        _ = try await pool.query(
            """
            INSERT INTO audit (tenant, actor, role, action, target, status, detail)
            SELECT * FROM unnest(
                $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[])
            """,
            [
                .textArray(entries.map(\.tenant)), .textArray(entries.map(\.actor)), .textArray(entries.map(\.role)),
                .textArray(entries.map(\.action)), .nullableTextArray(entries.map(\.target)),
                .int2Array(entries.map { Int16(clamping: $0.status) }), .textArray(entries.map(\.detail)),
            ])
    }

    /// Records an entry.
    ///
    /// - Returns: its number.
    public func record(_ entry: AuditEntry) async throws(PostgresError) -> Int64 {
        let rows = try await pool.query(
            """
            INSERT INTO audit (tenant, actor, role, action, target, status, detail)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            RETURNING id
            """,
            [
                .text(entry.tenant), .text(entry.actor), .text(entry.role), .text(entry.action),
                entry.target.map { .text($0) } ?? .null(.text), .int2(Int16(clamping: entry.status)),
                .text(entry.detail),
            ])
        guard let row = rows.first else {
            throw PostgresError(.decoding, "the number of a new entry did not come back", outcome: .completed)
        }
        return try row.int8(0)
    }

    /// Completes an entry that stands for what was begun.
    public func complete(_ id: Int64, as entry: AuditEntry) async throws(PostgresError) {
        _ = try await pool.query(
            "UPDATE audit SET target = $2, status = $3, detail = $4 WHERE id = $1 AND status = $5",
            [
                .int8(id), entry.target.map { .text($0) } ?? .null(.text), .int2(Int16(clamping: entry.status)),
                .text(entry.detail), .int2(Int16(AuditEntry.begun)),
            ])
    }

    /// Takes an entry back that stands for what was begun: nothing was done.
    public func withdraw(_ id: Int64) async throws(PostgresError) {
        _ = try await pool.query(
            "DELETE FROM audit WHERE id = $1 AND status = $2", [.int8(id), .int2(Int16(AuditEntry.begun))])
    }

    /// Entries, the newest first.
    public func audit(_ query: AuditQuery) async throws(PostgresError) -> [AuditEntry] {
        var parameters: [PostgresParameter] = [.text(query.tenant)]
        var conditions = ["tenant = $1"]
        func bind(_ parameter: PostgresParameter) -> String {
            parameters.append(parameter)
            return "$\(parameters.count)"
        }
        if let actor = query.actor { conditions.append("actor = \(bind(.text(actor)))") }
        if let target = query.target { conditions.append("target = \(bind(.text(target)))") }
        if let action = query.action {
            conditions.append("action = \(bind(.text(action)))")
            if action != AuditQuery.commonAction { conditions.append("action <> 'createWorkflow'") }
        }
        if let before = query.before { conditions.append("id < \(bind(.int8(before)))") }
        let limit = bind(.int8(Int64(query.limit)))
        // Put together from the fragments above only; every value is a parameter.
        let rows = try await pool.query(
            SQLText(
                unchecked: """
                    SELECT id, at, tenant, actor, role, action, target, status, detail
                    FROM audit
                    WHERE \(conditions.joined(separator: " AND "))
                    ORDER BY id DESC
                    LIMIT \(limit)
                    """), parameters)
        var found: [AuditEntry] = []
        for row in rows {
            var entry = AuditEntry(
                tenant: try row.text(2), actor: try row.text(3), role: try row.text(4), action: try row.text(5),
                target: try row.optionalText(6), status: Int(try row.int2(7)), detail: try row.text(8))
            entry.id = try row.int8(0)
            entry.at = try row.time(1)
            found.append(entry)
        }
        return found
    }
}
