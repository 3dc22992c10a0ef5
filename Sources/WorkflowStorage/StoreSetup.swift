public import PostgresDriver

/// Brings a database to the present schema.
public enum StoreSetup {
    /// All migrations, oldest first. Published ones never change; a change is a new one.
    static let migrations = [
        Migration(number: 1, name: "first schema", sql: Migration0001.sql),
        Migration(number: 2, name: "questions, parked tasks, queued attempts", sql: Migration0002.sql),
        Migration(number: 3, name: "lists by name and by change", sql: Migration0003.sql),
        Migration(number: 4, name: "tokens by id, sessions", sql: Migration0004.sql),
        Migration(number: 5, name: "audit trail, old keys, counts", sql: Migration0005.sql),
        Migration(number: 6, name: "payloads apart from attempts", sql: Migration0006.sql),
    ]

    /// Applies what is missing. Two processes may do so at once.
    ///
    /// - Returns: what was applied now, and the number of the newest migration.
    /// - Throws: `PostgresError` with code `migration` if the database holds a schema that this version doesn't know.
    @discardableResult
    public static func migrate(_ configuration: PostgresConfiguration) async throws(PostgresError) -> Migrator.Report {
        try await Migrator(configuration, migrations).run()
    }

    /// The numbers of the migrations that the database lacks.
    public static func pending(_ configuration: PostgresConfiguration) async throws(PostgresError) -> [Int32] {
        try await Migrator(configuration, migrations).pending()
    }
}
