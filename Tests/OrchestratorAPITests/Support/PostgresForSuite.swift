import Foundation
import LocalStack
import PostgresDriver
import Testing

/// One PostgreSQL for all tests of a suite.
struct PostgresForSuite: SuiteTrait, TestScoping {
    /// Where it is, inside the suite.
    @TaskLocal static var databaseURL: String?

    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let directory = NSTemporaryDirectory() + "baton-api-" + UUID().uuidString.lowercased().prefix(8)
        var configuration = StackConfiguration.ephemeral(dataDirectory: directory, agents: [], orchestrators: 0)
        configuration.usesRedis = false
        let stack = LocalStack(configuration)
        do {
            try await stack.start()
            try await Self.spareTheDisk(try #require(await stack.databaseURL))
            try await Self.$databaseURL.withValue(await stack.databaseURL) { try await function() }
            await stack.destroy()
        } catch {
            await stack.destroy()
            throw error
        }
    }

    /// These databases need not survive a crash, and their last checkpoint is large.
    private static func spareTheDisk(_ url: String) async throws {
        let connection = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
        _ = try await connection.query("ALTER SYSTEM SET fsync = off")
        _ = try await connection.query("SELECT pg_reload_conf()")
        await connection.close()
    }
}

/// All tests that talk to a running server.
@Suite("The API over a socket", PostgresForSuite(), .serialized)
enum OverTheWire {}
