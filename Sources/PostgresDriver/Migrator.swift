/// One numbered change of the schema.
public struct Migration: Sendable, Hashable {
    /// Its place in the order, 1 or more; numbers need not be dense.
    public var number: Int32
    /// What it does, in a few words.
    public var name: String
    /// Any number of statements, which run in one transaction. They must not contain BEGIN, COMMIT or what cannot run in a
    /// transaction, such as CREATE INDEX CONCURRENTLY. Never change it once released: write another migration.
    public var sql: String

    /// Makes a migration.
    public init(number: Int32, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// Brings a database's schema up to date, each change once and in order.
///
/// Any number of programs may do this at once: an advisory lock lets one at a time through, and the others find the work
/// done. What was done stands in the table `schema_migrations` of the schema that comes first in the search path.
public struct Migrator: Sendable {
    /// What a run did.
    public struct Report: Sendable, Hashable {
        /// The migrations that were applied by this run, in order.
        public var applied: [Int32]
        /// The highest number applied to the database now; 0 if none.
        public var current: Int32

        /// Makes a report.
        public init(applied: [Int32], current: Int32) {
            self.applied = applied
            self.current = current
        }
    }

    private let configuration: PostgresConfiguration
    private let migrations: [Migration]

    /// Takes the migrations in any order.
    ///
    /// - Throws: ``PostgresError/Code/migration`` for a number that is given twice or is less than 1.
    public init(
        _ configuration: PostgresConfiguration, _ migrations: [Migration]
    ) throws(PostgresError) {
        let sorted = migrations.sorted { $0.number < $1.number }
        for (migration, next) in zip(sorted, sorted.dropFirst()) where migration.number == next.number {
            throw Self.error("Migration \(next.number) exists twice: \(migration.name), \(next.name).")
        }
        if let first = sorted.first, first.number < 1 {
            throw Self.error("Migration numbers begin at 1; found \(first.number) (\(first.name)).")
        }
        var configuration = configuration
        // Waiting for another program's migrations, and migrating a large table, take as long as they take.
        configuration.statementTimeout = nil
        self.configuration = configuration
        self.migrations = sorted
    }

    /// Applies what is missing.
    ///
    /// - Throws: ``PostgresError/Code/migration`` if the database and the program disagree (a migration was changed after it
    ///   was applied, is missing before a later one, or is unknown to this program); what the server says of a migration,
    ///   whose transaction is rolled back, while those before it stay.
    public func run() async throws(PostgresError) -> Report {
        let connection = try await PostgresConnection.connect(configuration)
        let result: Swift.Result<Report, PostgresError>
        do throws(PostgresError) {
            result = .success(try await run(on: connection))
        } catch {
            result = .failure(error)
        }
        // The server frees the lock when the session ends.
        await connection.close()
        return try result.get()
    }

    /// The numbers of the migrations that the database lacks, without changing anything.
    ///
    /// - Throws: as ``run()``.
    public func pending() async throws(PostgresError) -> [Int32] {
        let connection = try await PostgresConnection.connect(configuration)
        let result: Swift.Result<[Int32], PostgresError>
        do throws(PostgresError) {
            let exists = try await connection.query("SELECT to_regclass('schema_migrations') IS NOT NULL").only()
            if try exists.bool(0) {
                result = .success(try await missing(on: connection).map(\.migration.number))
            } else {
                result = .success(migrations.map(\.number))
            }
        } catch {
            result = .failure(error)
        }
        await connection.close()
        return try result.get()
    }

    private typealias Missing = (migration: Migration, checksum: String)

    private func run(on connection: PostgresConnection) async throws(PostgresError) -> Report {
        // Two keys of four bytes: "Btn1", and the schema, so that schemas do not wait for each other.
        _ = try await connection.query("SELECT pg_advisory_lock(1114926641, hashtext(current_schema()::text))")
        try await connection.script(
            """
            SET client_min_messages = warning;
            CREATE TABLE IF NOT EXISTS schema_migrations (
                number int4 PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            );
            RESET client_min_messages;
            """)
        let missing = try await missing(on: connection)
        for (migration, checksum) in missing { try await apply(migration, checksum: checksum, on: connection) }
        return Report(applied: missing.map(\.migration.number), current: migrations.last?.number ?? 0)
    }

    private func apply(
        _ migration: Migration, checksum: String, on connection: PostgresConnection
    ) async throws(PostgresError) {
        do {
            _ = try await connection.query("BEGIN")
            try await connection.script(migration.sql)
            let results = try await connection.pipeline([
                PostgresStatement(
                    "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                    [.int4(migration.number), .text(migration.name), .text(checksum)]),
                PostgresStatement("COMMIT"),
            ])
            guard results.count == 2 else { preconditionFailure("Two statements have two results.") }
        } catch {
            var error = error
            error.message = "Migration \(migration.number) (\(migration.name)): \(error.message)"
            throw error
        }
    }

    /// What is to be applied, after checking what was.
    private func missing(on connection: PostgresConnection) async throws(PostgresError) -> [Missing] {
        let checksums = try await checksums(on: connection)
        let rows = try await connection.query("SELECT number, name, checksum FROM schema_migrations ORDER BY number")
        var known: [Int32: Missing] = [:]
        for (migration, checksum) in zip(migrations, checksums) { known[migration.number] = (migration, checksum) }
        var last: Int32 = 0
        for row in rows {
            let number = try row.int4(0)
            let name = try row.text(1)
            guard let mine = known.removeValue(forKey: number) else {
                throw Self.error(
                    "The database has migration \(number) (\(name)), which this program does not know: "
                        + "it was migrated by a newer version. Run that version.")
            }
            guard try row.text(2) == mine.checksum else {
                throw Self.error(
                    "Migration \(number) (\(name)) was changed after it was applied. "
                        + "Restore its text, and put the change into a migration with a new number.")
            }
            last = number
        }
        let missing = migrations.compactMap { known[$0.number] }
        if let early = missing.first, early.migration.number < last {
            throw Self.error(
                "Migration \(early.migration.number) (\(early.migration.name)) was never applied, although \(last) was. "
                    + "Give it a number above \(last).")
        }
        return missing
    }

    /// SHA-256 of each migration's text, computed by the server.
    private func checksums(on connection: PostgresConnection) async throws(PostgresError) -> [String] {
        let rows = try await connection.query(
            """
            SELECT encode(sha256(sql), 'hex')
            FROM unnest($1::bytea[]) WITH ORDINALITY AS migration (sql, place)
            ORDER BY place
            """, [.bytesArray(migrations.map { Array($0.sql.utf8) })])
        var checksums: [String] = []
        for row in rows { checksums.append(try row.text(0)) }
        return checksums
    }

    private static func error(_ message: String) -> PostgresError {
        PostgresError(.migration, message, outcome: .notSent)
    }
}
