import PostgresDriver
import PostgresTestSupport
import Testing

extension WithServer {
    /// Cancelled callers, and what others notice of it: nothing.
    @Suite
    struct CancellationTests {
        @Test func aRunningStatementIsStoppedOnTheServer() async throws {
            let server = try TestServer.current()
            let connection = try await server.connect()
            let observer = try await server.connect()
            let running = Task { try await connection.query("SELECT pg_sleep(60), 'stop me'") }
            try await server.waitUntilRunning("stop me", observer)
            running.cancel()
            let error = try await postgresError { _ = try await running.value }
            #expect(error.code == .cancelled)
            #expect(error.sqlState == .queryCanceled)
            #expect(error.outcome == .failed)
            #expect(try await connection.query("SELECT 1").count == 1)
            await connection.close()
            await observer.close()
        }

        @Test func theNextUserIsNeverHit() async throws {
            // Statements that are cancelled at about the moment they end, each followed at once by another caller's.
            let connection = try await TestServer.current().connect()
            for round in 0..<50 {
                let running = Task { try await connection.query("SELECT pg_sleep(0.001)") }
                for _ in 0..<round % 20 { await Task.yield() }
                running.cancel()
                _ = await running.result
                #expect(try await connection.query("SELECT $1", [.int8(Int64(round))]).only().int8(0) == Int64(round))
            }
            await connection.close()
        }

        @Test func onASharedConnectionTheOthersGoOn() async throws {
            let server = try TestServer.current()
            let connection = try await server.connect()
            let observer = try await server.connect()
            try await server.lock(101, observer)
            let first = Task { try await connection.query("SELECT pg_advisory_xact_lock(101), 'shared one'") }
            try await server.waitUntilRunning("shared one", observer)
            let second = Task { try await connection.query("SELECT 2").only().int4(0) }
            let third = Task { try await connection.query("SELECT 3").only().int4(0) }
            first.cancel()
            // Cancelled on the server if it was alone when that was asked, and otherwise left to run.
            let error = try await postgresError { _ = try await first.value }
            #expect(error.code == .cancelled)
            try await server.unlock(101, observer)
            #expect(try await second.value == 2)
            #expect(try await third.value == 3)
            await connection.close()
            await observer.close()
        }

        @Test func aCallerCancelledBeforehandSendsNothing() async throws {
            let connection = try await TestServer.current().connect()
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await connection.query("SELECT 1")
            }
            task.cancel()
            let error = try await postgresError { _ = try await task.value }
            #expect(error.code == .cancelled)
            #expect(error.outcome == .notSent)
            await connection.close()
        }

        @Test func aCancelledTransactionIsRolledBackAndItsConnectionServesTheNext() async throws {
            let server = try TestServer.current()
            var limits = PostgresPool.Limits()
            limits.maxConnections = 1
            let pool = PostgresPool(try server.configuration(), limits: limits)
            let observer = try await server.connect()
            try await pool.withConnection { try await $0.script("CREATE TABLE cancelled_items (id int8)") }
            let running = Task {
                try await pool.withTransaction { connection in
                    _ = try await connection.query("INSERT INTO cancelled_items VALUES (1)")
                    _ = try await connection.query("SELECT pg_sleep(60), 'in a transaction'")
                }
            }
            try await server.waitUntilRunning("in a transaction", observer)
            let before = try await observer.query("SELECT pid FROM pg_stat_activity WHERE query LIKE '%in a tr%'")
            running.cancel()
            let error = try await postgresError { try await running.value }
            #expect(error.code == .cancelled)
            #expect(error.outcome == .failed)
            #expect(try await pool.query("SELECT FROM cancelled_items").isEmpty)
            let after = try await pool.query("SELECT pg_backend_pid()").only().int4(0)
            #expect(try before.map { try $0.int4(0) }.contains(after), "the connection was kept")
            _ = try await pool.query("DROP TABLE cancelled_items")
            await pool.close()
            await observer.close()
        }

        @Test func connectingCanBeCancelled() async throws {
            let configuration = try TestServer.current().configuration()
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await PostgresConnection.connect(configuration)
            }
            task.cancel()
            let error = try await postgresError { _ = try await task.value }
            #expect(error.code == .cancelled)
        }
    }
}
