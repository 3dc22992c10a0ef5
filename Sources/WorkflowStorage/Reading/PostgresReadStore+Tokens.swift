public import JSONTools
public import PostgresDriver

/// Access tokens and the sessions of browsers. The record has their hashes only.
extension PostgresReadStore {
    private static let tokenColumns = """
        hash, name, role, tenant, id, workers, created_by, created_at, expires_at, revoked_at, revoked_by, session_of,
        is_admin_file
        """

    private static let validToken = SQLText(
        unchecked: """
            SELECT \(tokenColumns)
            FROM tokens
            WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
            """)

    private static let tokensOfTenant = SQLText(
        unchecked: """
            SELECT \(tokenColumns)
            FROM tokens
            WHERE tenant = $1 AND session_of IS NULL
              AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
            ORDER BY created_at DESC, id DESC
            LIMIT $4
            """)

    /// The valid token of that hash; nil if there is none, or it was revoked or has expired.
    public func token(hash: String) async throws(PostgresError) -> TokenRow? {
        guard let row = try await pool.query(Self.validToken, [.text(hash)]).first else { return nil }
        return try Self.token(from: row)
    }

    /// The tokens of a tenant, the newest first; sessions are not among them.
    ///
    /// - Parameter place: only those that come after this one.
    public func tokens(
        tenant: String, after place: (createdAt: Timestamp, id: UniqueID)?, limit: Int
    ) async throws(PostgresError) -> [TokenRow] {
        let rows = try await pool.query(
            Self.tokensOfTenant,
            [
                .text(tenant), .timestamp(place?.createdAt.postgres), .uuid(place?.id.postgres), .int8(Int64(limit)),
            ])
        var found: [TokenRow] = []
        for row in rows { found.append(try Self.token(from: row)) }
        return found
    }

    /// Records a token; one that is known already stays as it is. A new one that lies in the data directory takes the
    /// place of the one that lay there before.
    ///
    /// - Returns: the token as it is in the record; nil if it was known already.
    @discardableResult
    public func keep(_ token: TokenRow) async throws(PostgresError) -> TokenRow? {
        let rows = try await pool.query(
            """
            WITH kept AS (
                INSERT INTO tokens (
                    hash, name, role, tenant, workers, created_by, expires_at, session_of, is_admin_file)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (hash) DO NOTHING
                RETURNING hash, id, created_at
            ), replaced AS (
                UPDATE tokens t
                SET revoked_at = clock_timestamp(), revoked_by = 'a newer admin-token file'
                FROM kept
                WHERE $9 AND t.is_admin_file AND t.tenant = $4 AND t.hash <> kept.hash AND t.revoked_at IS NULL
            )
            SELECT id, created_at FROM kept
            """,
            [
                .text(token.hash), .text(token.name), .text(token.role), .text(token.tenant),
                token.workers.map { PostgresParameter.textArray($0) } ?? .null(.textArray), .text(token.createdBy),
                .timestamp(token.expiresAt?.postgres), .uuid(token.sessionOf?.postgres), .bool(token.isAdminFile),
            ])
        guard let row = rows.first else { return nil }
        var kept = token
        kept.id = try row.id(0)
        kept.createdAt = try row.time(1)
        return kept
    }

    /// Records a new token under a name that no valid token has. Two that come at once are taken one after the other.
    ///
    /// - Returns: the token as it is in the record; nil if the name is taken.
    public func keepNew(_ token: TokenRow) async throws -> TokenRow? {
        try await pool.withTransaction { connection in
            _ = try await connection.query(
                "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))",
                [.text(token.tenant), .text(token.name)])
            let row = try await connection.query(
                """
                INSERT INTO tokens (hash, name, role, tenant, workers, created_by, expires_at)
                SELECT $1, $2, $3, $4, $5, $6, $7
                WHERE NOT EXISTS (
                    SELECT 1 FROM tokens
                    WHERE tenant = $4 AND name = $2 AND session_of IS NULL AND revoked_at IS NULL
                      AND (expires_at IS NULL OR expires_at > clock_timestamp()))
                RETURNING id, created_at
                """,
                [
                    .text(token.hash), .text(token.name), .text(token.role), .text(token.tenant),
                    token.workers.map { PostgresParameter.textArray($0) } ?? .null(.textArray),
                    .text(token.createdBy), .timestamp(token.expiresAt?.postgres),
                ]
            ).first
            guard let row else { return nil }
            var kept = token
            kept.id = try row.id(0)
            kept.createdAt = try row.time(1)
            return kept
        }
    }

    /// Revokes a token and its sessions.
    ///
    /// - Returns: whether there is such a token; one that was revoked before stays as it is.
    public func revokeToken(_ id: UniqueID, tenant: String, actor: String) async throws(PostgresError) -> Bool {
        let rows = try await pool.query(
            """
            WITH revoked AS (
                UPDATE tokens
                SET revoked_at = clock_timestamp(), revoked_by = $3
                WHERE tenant = $2 AND (id = $1 OR session_of = $1) AND revoked_at IS NULL
            )
            SELECT 1 FROM tokens WHERE id = $1 AND tenant = $2
            """,
            [.uuid(id.postgres), .text(tenant), .text(actor)])
        return !rows.isEmpty
    }

    /// Ends all sessions of a token but the newest.
    public func endSessions(of id: UniqueID, keeping count: Int) async throws(PostgresError) {
        _ = try await pool.query(
            """
            DELETE FROM tokens
            WHERE hash IN (
                SELECT hash FROM tokens WHERE session_of = $1 ORDER BY created_at DESC, id OFFSET $2)
            """,
            [.uuid(id.postgres), .int8(Int64(count))])
    }

    private static func token(from row: PostgresRow) throws(PostgresError) -> TokenRow {
        var token = TokenRow(
            hash: try row.text(0), name: try row.text(1), role: try row.text(2), tenant: try row.text(3))
        token.id = try row.id(4)
        token.workers = try row.optionalArray(5)
        token.createdBy = try row.text(6)
        token.createdAt = try row.time(7)
        token.expiresAt = try row.optionalTime(8)
        token.revokedAt = try row.optionalTime(9)
        token.revokedBy = try row.optionalText(10)
        let parent: PostgresUUID? = try row.optional(11)
        token.sessionOf = parent.map { UniqueID($0) }
        token.isAdminFile = try row.bool(12)
        return token
    }
}
