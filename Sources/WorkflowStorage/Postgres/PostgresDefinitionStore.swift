public import JSONTools
public import PostgresDriver
public import WorkflowCore

/// A definition as it is in the record.
public struct StoredDefinition: Sendable {
    /// The name that workflows ask for (`app`, `feature`, …).
    public var name: String
    /// Counted from 1 for each name.
    public var version: Int
    /// SHA-256 of the canonical JSON, 64 lower-case hex digits.
    public var hash: String
    /// The text that it was read from.
    public var source: String
    /// Database time at which this version was stored.
    public var createdAt: Timestamp
    /// The definition, decoded from its canonical JSON.
    public var definition: WorkflowDefinition
}

/// Definitions in the record: insert-only, versioned by name, pinned by content hash.
public struct PostgresDefinitionStore: Sendable {
    private let pool: PostgresPool

    /// Definitions through a pool.
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Stores a definition, as a new version if its content differs from the newest one.
    ///
    /// - Returns: the version that holds it.
    public func store(_ definition: WorkflowDefinition, source: String) async throws(PostgresError) -> Int {
        let body = definition.canonicalJSON().canonicalBytes()
        for _ in 1...5 {
            do throws(PostgresError) {
                return try await storeOnce(definition, body: body, source: source)
            } catch {
                guard error.sqlState == .uniqueViolation else { throw error }
                // Another orchestrator stored a version at the same moment: look again.
            }
        }
        return try await storeOnce(definition, body: body, source: source)
    }

    private func storeOnce(
        _ definition: WorkflowDefinition, body: [UInt8], source: String
    ) async throws(PostgresError) -> Int {
        let hash = definition.contentHash
        let rows = try await pool.run(
            PostgresStatement(
                """
                WITH newest AS (
                    SELECT version, hash FROM definitions WHERE name = $1 ORDER BY version DESC LIMIT 1
                ), blob AS (
                    INSERT INTO definition_blobs (hash, body) VALUES ($2, $3) ON CONFLICT (hash) DO NOTHING
                ), added AS (
                    INSERT INTO definitions (name, version, hash, source)
                    SELECT $1, coalesce((SELECT version FROM newest), 0) + 1, $2, $4
                    WHERE NOT EXISTS (SELECT 1 FROM newest WHERE hash = $2)
                    RETURNING version
                )
                SELECT version FROM added
                UNION ALL
                SELECT version FROM newest WHERE hash = $2
                """,
                [.text(definition.name), .text(hash), .bytes(body), .text(source)]))
        return Int(try rows.only().int4(0))
    }

    /// The newest version of a definition, or a given one; nil if there is none.
    public func definition(named name: String, version: Int? = nil) async throws(PostgresError) -> StoredDefinition? {
        let rows = try await pool.run(
            PostgresStatement(
                """
                SELECT d.name, d.version, d.hash, d.source, d.created_at, b.body
                FROM definitions d
                JOIN definition_blobs b ON b.hash = d.hash
                WHERE d.name = $1 AND ($2::int IS NULL OR d.version = $2)
                ORDER BY d.version DESC
                LIMIT 1
                """,
                [.text(name), .int4(version.map { Int32(clamping: $0) })]))
        guard let row = rows.first else { return nil }
        return try stored(from: row)
    }

    /// What is known of each version of a definition, the newest first; empty if there is none.
    ///
    /// - Parameter before: only versions before this one.
    public func versions(
        of name: String, before: Int? = nil, limit: Int = 1000
    ) async throws(PostgresError) -> [(version: Int, hash: String, createdAt: Timestamp)] {
        let rows = try await pool.run(
            PostgresStatement(
                """
                SELECT version, hash, created_at
                FROM definitions
                WHERE name = $1 AND ($2::integer IS NULL OR version < $2)
                ORDER BY version DESC
                LIMIT $3
                """,
                [.text(name), .int4(before.map { Int32(clamping: $0) }), .int8(Int64(limit))]))
        var found: [(version: Int, hash: String, createdAt: Timestamp)] = []
        for row in rows {
            found.append((version: Int(try row.int4(0)), hash: try row.text(1), createdAt: try row.time(2)))
        }
        return found
    }

    /// The newest version of every definition, by name.
    public func newest() async throws(PostgresError) -> [StoredDefinition] {
        let rows = try await pool.run(
            PostgresStatement(
                """
                SELECT DISTINCT ON (d.name) d.name, d.version, d.hash, d.source, d.created_at, b.body
                FROM definitions d
                JOIN definition_blobs b ON b.hash = d.hash
                ORDER BY d.name, d.version DESC
                """))
        var found: [StoredDefinition] = []
        for row in rows { found.append(try stored(from: row)) }
        return found
    }

    private func stored(from row: PostgresRow) throws(PostgresError) -> StoredDefinition {
        let definition: WorkflowDefinition
        do {
            definition = try WorkflowDefinition(canonicalJSON: row.json(5))
        } catch {
            throw PostgresError(.decoding, "the stored definition can't be read: \(error)", outcome: .completed)
        }
        return StoredDefinition(
            name: try row.text(0), version: Int(try row.int4(1)), hash: try row.text(2), source: try row.text(3),
            createdAt: try row.time(4), definition: definition)
    }
}
