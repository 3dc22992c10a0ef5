import PostgresDriver
import PostgresTestSupport
import Testing

extension WithServer {
    @Suite
    struct MigratorTests {
        private static let first = Migration(
            number: 1, name: "items", sql: "CREATE TABLE items (id int8); INSERT INTO items VALUES (1);")
        private static let second = Migration(
            number: 2, name: "names", sql: "ALTER TABLE items ADD COLUMN name text DEFAULT 'none'")

        /// Runs `body` with a schema of its own.
        private func withSchema(
            _ name: String, _ body: (PostgresConfiguration, PostgresConnection) async throws -> Void
        ) async throws {
            let server = try TestServer.current()
            var configuration = try server.configuration()
            configuration.sessionSettings["search_path"] = name
            let connection = try await PostgresConnection.connect(configuration)
            try await connection.script("CREATE SCHEMA \(name)")
            try await body(configuration, connection)
            try await connection.script("SET client_min_messages = warning; DROP SCHEMA \(name) CASCADE")
            await connection.close()
        }

        @Test func eachIsAppliedOnceAndInOrder() async throws {
            try await withSchema("migrate_once") { configuration, connection in
                let migrator = try Migrator(configuration, [Self.second, Self.first])
                #expect(try await migrator.pending() == [1, 2])
                #expect(try await migrator.run() == Migrator.Report(applied: [1, 2], current: 2))
                #expect(try await migrator.pending() == [])
                #expect(try await migrator.run() == Migrator.Report(applied: [], current: 2))
                let rows = try await connection.query("SELECT id, name FROM items")
                #expect(try rows.only().text(1) == "none")
                let third = Migration(number: 30, name: "drop", sql: "DROP TABLE items")
                let report = try await Migrator(configuration, [Self.first, Self.second, third]).run()
                #expect(report == Migrator.Report(applied: [30], current: 30))
            }
        }

        @Test func severalProgramsAtOnce() async throws {
            try await withSchema("migrate_race") { configuration, connection in
                let migrator = try Migrator(configuration, [Self.first, Self.second])
                let reports = try await withThrowingTaskGroup(of: Migrator.Report.self) { group in
                    for _ in 0..<6 { group.addTask { try await migrator.run() } }
                    var reports: [Migrator.Report] = []
                    for try await report in group { reports.append(report) }
                    return reports
                }
                #expect(reports.flatMap(\.applied).sorted() == [1, 2])
                #expect(reports.map(\.current) == [2, 2, 2, 2, 2, 2])
                #expect(try await connection.query("SELECT FROM items").count == 1)
            }
        }

        @Test func aChangedMigrationIsRefused() async throws {
            try await withSchema("migrate_changed") { configuration, _ in
                _ = try await Migrator(configuration, [Self.first]).run()
                var changed = Self.first
                changed.sql += " "
                let error = try await postgresError { _ = try await Migrator(configuration, [changed]).run() }
                #expect(error.code == .migration)
                #expect(error.message.contains("Migration 1 (items) was changed after it was applied."))
            }
        }

        @Test func unknownAndForgottenMigrationsAreRefused() async throws {
            try await withSchema("migrate_unknown") { configuration, connection in
                _ = try await Migrator(configuration, [Self.first, Self.second]).run()
                let newer = try await postgresError { _ = try await Migrator(configuration, [Self.first]).run() }
                #expect(newer.message.contains("has migration 2 (names), which this program does not know"))
                _ = try await connection.query("DELETE FROM schema_migrations WHERE number = 1")
                let gap = try await postgresError {
                    _ = try await Migrator(configuration, [Self.first, Self.second]).run()
                }
                #expect(gap.message.contains("Migration 1 (items) was never applied, although 2 was."))
            }
            let configuration = try TestServer.current().configuration()
            let twice = try await postgresError { _ = try Migrator(configuration, [Self.first, Self.first]) }
            #expect(twice.message.contains("exists twice"))
            let zero = try await postgresError {
                _ = try Migrator(configuration, [Migration(number: 0, name: "zero", sql: "")])
            }
            #expect(zero.message.contains("begin at 1"))
        }

        @Test func aMigrationThatFailsLeavesNothingAndThoseBeforeItStay() async throws {
            try await withSchema("migrate_failing") { configuration, connection in
                let broken = Migration(
                    number: 2, name: "broken", sql: "CREATE TABLE half (id int8); INSERT INTO absent VALUES (1);")
                let error = try await postgresError {
                    _ = try await Migrator(configuration, [Self.first, broken]).run()
                }
                #expect(error.sqlState == .undefinedTable)
                #expect(error.message.hasPrefix("Migration 2 (broken): "))
                #expect(try await connection.query("SELECT to_regclass('half') IS NULL").only().bool(0))
                let report = try await Migrator(configuration, [Self.first, Self.second]).run()
                #expect(report.applied == [2])
            }
        }
    }
}
