import PostgresTestSupport
import Testing

@testable import PostgresDriver

extension WithServer {
    /// The pool with real connections.
    @Suite
    struct PoolTests {
        private func pool(
            _ change: (inout PostgresPool.Limits) -> Void = { _ in }
        ) throws -> PostgresPool {
            var limits = PostgresPool.Limits()
            change(&limits)
            return PostgresPool(try TestServer.current().configuration(), limits: limits)
        }

        @Test func aThousandCallersOverFourConnections() async throws {
            let pool = try pool {
                $0.maxConnections = 4; $0.acquireTimeout = .seconds(60)
            }
            #expect(pool.health == .unused)
            let (sum, backends) = try await withThrowingTaskGroup(of: (Int64, Int32).self) { group in
                for number in 0..<1000 as Range<Int64> {
                    group.addTask {
                        let row = try await pool.query("SELECT $1, pg_backend_pid()", [.int8(number)]).only()
                        return (try row.int8(0), try row.int4(1))
                    }
                }
                var sum: Int64 = 0
                var backends: Set<Int32> = []
                for try await (number, backend) in group {
                    sum += number
                    backends.insert(backend)
                }
                return (sum, backends)
            }
            #expect(sum == 499_500)
            #expect((1...4).contains(backends.count))
            #expect(pool.health == .available)
            await pool.close()
            #expect(pool.health == .closed)
        }

        @Test func aThousandCallersShareFourConnectionsThemselves() async throws {
            var connections: [PostgresConnection] = []
            for _ in 0..<4 { connections.append(try await TestServer.current().connect()) }
            let shared = connections
            let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        try await shared[number % 4].query("SELECT $1", [.int8(Int64(number))]).only().int8(0)
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 499_500)
            for connection in connections { await connection.close() }
        }

        @Test func aCallerGivesUpAtItsDeadline() async throws {
            let pool = try pool { $0.maxConnections = 1 }
            try await pool.withConnection { _ in
                let error = try await postgresError {
                    try await pool.withConnection(timeout: .milliseconds(30)) { _ in }
                }
                #expect(error.code == .poolDeadline)
                #expect(error.outcome == .notSent)
            }
            #expect(try await pool.query("SELECT 1").count == 1, "nothing is left behind")
            await pool.close()
        }

        @Test func aWaitingCallerCanBeCancelled() async throws {
            let pool = try pool {
                $0.maxConnections = 1; $0.acquireTimeout = .seconds(600)
            }
            try await pool.withConnection { _ in
                for yields in 0..<30 {
                    let waiting = Task { try await pool.query("SELECT 1") }
                    for _ in 0..<yields { await Task.yield() }
                    waiting.cancel()
                    let error = try await postgresError { _ = try await waiting.value }
                    #expect(error.code == .cancelled)
                    #expect(error.outcome == .notSent)
                }
            }
            #expect(try await pool.query("SELECT 1").count == 1)
            await pool.close()
        }

        @Test func tooManyWaitingCallersAreRefused() async throws {
            let pool = try pool {
                $0.maxConnections = 1; $0.maxWaiting = 1
            }
            try await pool.withConnection { _ in
                // Of two callers one waits until it is cancelled, and the other is refused at once.
                await withTaskGroup(of: PostgresError.Code?.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            do throws(PostgresError) { _ = try await pool.query("SELECT 1") } catch {
                                return error.code
                            }
                            return nil
                        }
                    }
                    #expect(await group.next() == .poolFull)
                    group.cancelAll()
                    #expect(await group.next() == .cancelled)
                }
            }
            await pool.close()
        }

        @Test func transactionsCommitAndRollBack() async throws {
            struct Refusal: Error {}
            let pool = try pool { $0.maxConnections = 1 }
            _ = try await pool.query("CREATE TABLE pool_items (id int8 PRIMARY KEY)")
            let value = try await pool.withTransaction { connection in
                _ = try await connection.query("INSERT INTO pool_items VALUES (1)")
                return 7
            }
            #expect(value == 7)
            await #expect(throws: Refusal.self) {
                try await pool.withTransaction { connection in
                    _ = try await connection.query("INSERT INTO pool_items VALUES (2)")
                    throw Refusal()
                }
            }
            let duplicate = try await postgresError {
                try await pool.withTransaction { connection in
                    _ = try await connection.query("INSERT INTO pool_items VALUES (3)")
                    _ = try await connection.query("INSERT INTO pool_items VALUES (1)")
                }
            }
            #expect(duplicate.sqlState == .uniqueViolation)
            let swallowed = try await postgresError {
                try await pool.withTransaction { connection in
                    _ = try? await connection.query("INSERT INTO pool_items VALUES (1)")
                }
            }
            #expect(swallowed.code == .rolledBack)
            let rows = try await pool.query("SELECT id FROM pool_items")
            #expect(try rows.map { try $0.int8(0) } == [1])
            _ = try await pool.query("DROP TABLE pool_items")
            await pool.close()
        }

        @Test func aConnectionWithAnOpenTransactionIsNotUsedAgain() async throws {
            let pool = try pool { $0.maxConnections = 1 }
            let before = try await pool.withConnection { connection in
                _ = try await connection.query("BEGIN")
                return connection.backendProcessID
            }
            let row = try await pool.query("SELECT pg_backend_pid(), pg_current_xact_id_if_assigned() IS NULL").only()
            #expect(try row.int4(0) != before)
            await pool.close()
        }

        @Test func aFailedPipelineIsRolledBackAndTheConnectionKept() async throws {
            struct Refusal: Error {}
            let pool = try pool { $0.maxConnections = 1 }
            let before = try await pool.query("SELECT pg_backend_pid()").only().int4(0)
            let error = try await postgresError {
                _ = try await pool.pipeline([
                    PostgresStatement("BEGIN"), PostgresStatement("SELECT 1 / 0"), PostgresStatement("COMMIT"),
                ])
            }
            #expect(error.statementIndex == 1)
            await #expect(throws: Refusal.self) {
                try await pool.withConnection { connection in
                    _ = try await connection.pipeline([PostgresStatement("BEGIN"), PostgresStatement("SELECT 1")])
                    throw Refusal()
                }
            }
            let row = try await pool.query("SELECT pg_backend_pid(), pg_current_xact_id_if_assigned() IS NULL").only()
            #expect(try row.int4(0) == before)
            #expect(try row.bool(1))
            await pool.close()
        }

        @Test func retryableErrorsAreTold() async throws {
            let pool = try pool { $0.maxConnections = 2 }
            _ = try await pool.query("CREATE TABLE counters (id int8 PRIMARY KEY, value int8)")
            _ = try await pool.query("INSERT INTO counters VALUES (1, 0)")
            let error = try await postgresError {
                try await pool.withTransaction { first in
                    _ = try await first.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    _ = try await first.query("SELECT value FROM counters")
                    _ = try await pool.query("UPDATE counters SET value = value + 1")
                    _ = try await first.query("UPDATE counters SET value = value + 1")
                }
            }
            #expect(error.sqlState == .serializationFailure)
            #expect(error.isRetryable)
            _ = try await pool.query("DROP TABLE counters")
            await pool.close()
        }

        @Test func hopelessConfigurationsAreToldAtOnce() async throws {
            let server = try TestServer.current()
            let pool = PostgresPool(
                try PostgresConfiguration(url: "postgresql://postgres@/nothing_here?host=\(server.directory)"))
            let error = try await postgresError {
                try await pool.withConnection(timeout: .seconds(600)) { _ in }
            }
            #expect(error.sqlState == .invalidCatalogName)
            guard case .unavailable(let reason) = pool.health else {
                Issue.record("The pool's health is \(pool.health).")
                return
            }
            #expect(reason.sqlState == .invalidCatalogName)
            await pool.close()
        }

        @Test func closingRefusesThoseWhoWaitAndThoseWhoCome() async throws {
            let pool = try pool {
                $0.maxConnections = 1; $0.acquireTimeout = .seconds(600)
            }
            try await pool.withConnection { connection in
                let waiting = Task { try await pool.query("SELECT 1") }
                await pool.close()
                let error = try await postgresError { _ = try await waiting.value }
                #expect(error.code == .poolClosed)
                let leased = try await postgresError { _ = try await connection.query("SELECT 1") }
                #expect(leased.code == .connectionClosed)
                #expect(leased.outcome == .notSent)
            }
            let late = try await postgresError { _ = try await pool.query("SELECT 1") }
            #expect(late.code == .poolClosed)
            await pool.close()
        }

        @Test func closingLetsWhatRunsFinish() async throws {
            let server = try TestServer.current()
            let connection = try await server.connect { $0.closeGrace = .seconds(60) }
            let observer = try await server.connect()
            try await server.lock(102, observer)
            let running = Task { try await connection.query("SELECT pg_advisory_xact_lock(102), 'let me finish'") }
            try await server.waitUntilRunning("let me finish", observer)
            connection.beginClosing(.gracefully)
            let refused = try await postgresError { _ = try await connection.query("SELECT 1") }
            #expect(refused.code == .connectionClosed)
            try await server.unlock(102, observer)
            #expect(try await running.value.count == 1)
            await connection.close()
            await observer.close()
        }
    }
}
