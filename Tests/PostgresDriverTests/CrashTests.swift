import Glibc
import PostgresDriver
import PostgresTestSupport
import Testing

/// Servers and backends that die or stop. Each test has a server of its own.
@Suite(.serialized)
struct CrashTests {
    @Test func whatIsInFlightWhenABackendDiesIsUnknown() async throws {
        try await TestServer.with { server in
            let connection = try await server.connect { $0.maxCallsInFlight = 2 }
            let observer = try await server.connect()
            try await observer.script("CREATE TABLE items (id int8)")
            let commit = Task {
                try await connection.pipeline([
                    PostgresStatement("INSERT INTO items VALUES (1)"),
                    PostgresStatement("SELECT pg_sleep(60), 'die with me'"),
                ])
            }
            try await server.waitUntilRunning("die with me", observer)
            // Behind it, one that is sent too, and many that never are.
            let others = (0..<20).map { number in
                Task { try await connection.query("SELECT $1", [.int8(Int64(number))]) }
            }
            _ = try await observer.query(
                "SELECT pg_terminate_backend($1)", [.int4(connection.backendProcessID)])
            let error = try await postgresError { _ = try await commit.value }
            #expect(error.code == .connectionLost)
            #expect(error.outcome == .unknown)
            #expect(error.sqlState == .adminShutdown, "the server's last words")
            #expect(error.isConnectionFault)
            var unsent = 0
            for other in others {
                let error = try await postgresError { _ = try await other.value }
                #expect(error.isConnectionFault)
                if error.outcome == .notSent { unsent += 1 } else { #expect(error.outcome == .unknown) }
            }
            #expect(unsent >= 19, "only two may be in flight")
            #expect(!connection.isOpen)
            let late = try await postgresError { _ = try await connection.query("SELECT 1") }
            #expect(late.outcome == .notSent)
            #expect(late.isConnectionFault)
            #expect(try await observer.query("SELECT FROM items").isEmpty)
            await connection.close()
            await observer.close()
        }
    }

    @Test func aServerKilledMidBatchFailsEverythingAndThePoolComesBackWithIt() async throws {
        try await TestServer.with { server in
            var limits = PostgresPool.Limits()
            limits.maxConnections = 4
            limits.firstBackoff = .milliseconds(5)
            limits.maxBackoff = .milliseconds(50)
            limits.acquireTimeout = .seconds(60)
            let pool = PostgresPool(try server.configuration(), limits: limits)
            let observer = try await server.connect()
            try await observer.script("CREATE TABLE items (id int8 PRIMARY KEY)")
            // Writers that go on through the crash, each telling what it knows of its inserts.
            let writers = (0..<4).map { writer in
                Task { () -> (done: [Int64], unknown: [Int64]) in
                    var done: [Int64] = []
                    var unknown: [Int64] = []
                    var id = Int64(writer) << 32
                    while !Task.isCancelled {
                        id += 1
                        do throws(PostgresError) {
                            _ = try await pool.pipeline([
                                PostgresStatement("BEGIN"),
                                PostgresStatement("INSERT INTO items VALUES ($1)", [.int8(id)]),
                                PostgresStatement("COMMIT"),
                            ])
                            done.append(id)
                        } catch {
                            if error.outcome == .unknown { unknown.append(id) }
                        }
                    }
                    return (done, unknown)
                }
            }
            while try await observer.query("SELECT FROM items LIMIT 100").count < 100 {}
            kill(server.processID, SIGKILL)
            kill(observer.backendProcessID, SIGKILL)
            let lost = try await postgresError {
                while true { _ = try await observer.query("SELECT 1") }
            }
            #expect(lost.code == .connectionLost)
            await observer.close()
            server.stop()
            try server.start()
            let after = try await server.connect()
            let before = try await after.query("SELECT FROM items").count
            while try await after.query("SELECT FROM items").count < before + 100 {}
            #expect(pool.health == .available)
            for writer in writers { writer.cancel() }
            var done: Set<Int64> = []
            var unknown: Set<Int64> = []
            for writer in writers {
                let report = await writer.value
                done.formUnion(report.done)
                unknown.formUnion(report.unknown)
            }
            var present: Set<Int64> = []
            for row in try await after.query("SELECT id FROM items") { present.insert(try row.int8(0)) }
            #expect(done.subtracting(present).isEmpty, "what was said to be done is there")
            #expect(present.subtracting(done).isSubset(of: unknown), "what is there and not said to be done is unknown")
            await pool.close()
            await after.close()
        }
    }

    @Test func withoutAServerAcquiringFailsWithTheReasonAndRecovers() async throws {
        try await TestServer.with { server in
            var limits = PostgresPool.Limits()
            limits.firstBackoff = .milliseconds(5)
            limits.maxBackoff = .milliseconds(50)
            let pool = PostgresPool(try server.configuration(), limits: limits)
            #expect(try await pool.query("SELECT 1").count == 1)
            server.stop()
            var refusal = try await postgresError {
                while true {
                    try await pool.withConnection(timeout: .milliseconds(100)) { _ = try await $0.query("SELECT 1") }
                }
            }
            // The first may still have met the connection that was dying.
            if refusal.code != .poolDeadline {
                refusal = try await postgresError {
                    try await pool.withConnection(timeout: .milliseconds(100)) { _ in }
                }
            }
            #expect(refusal.code == .poolDeadline)
            #expect(refusal.outcome == .notSent)
            #expect(refusal.message.contains("The last attempt to connect failed"))
            guard case .unavailable = pool.health else {
                Issue.record("The pool's health is \(pool.health).")
                return
            }
            try server.start()
            try await pool.withConnection(timeout: .seconds(60)) { _ = try await $0.query("SELECT 1") }
            #expect(pool.health == .available)
            await pool.close()
        }
    }

    @Test func aTransactionWhoseConnectionIsLostBeforeCommitHasFailed() async throws {
        try await TestServer.with { server in
            let pool = PostgresPool(try server.configuration())
            try await pool.withConnection { try await $0.script("CREATE TABLE items (id int8)") }
            let error = try await postgresError {
                try await pool.withTransaction { connection in
                    _ = try await connection.query("INSERT INTO items VALUES (1)")
                    kill(connection.backendProcessID, SIGTERM)
                    while true { _ = try await connection.query("SELECT 1") }
                }
            }
            #expect(error.isConnectionFault)
            #expect(error.outcome == .failed || error.outcome == .notSent)
            try await pool.withConnection(timeout: .seconds(60)) { connection in
                let rows = try await connection.query("SELECT FROM items")
                #expect(rows.isEmpty)
            }
            await pool.close()
        }
    }

    @Test func closingAndCancellingEndInTimeWhileTheServerIsStopped() async throws {
        try await TestServer.with { server in
            let clock = ContinuousClock()
            let pool = PostgresPool(try server.configuration())
            let connection = try await server.connect()
            let cancelled = try await server.connect()
            let idle = try await server.connect()
            _ = try await pool.query("SELECT 1")
            let processes = [
                server.processID, connection.backendProcessID, cancelled.backendProcessID, idle.backendProcessID,
                try await pool.query("SELECT pg_backend_pid()").only().int4(0),
            ]
            for process in processes { kill(process, SIGSTOP) }
            let queries = [
                Task { try await connection.query("SELECT 1") }, Task { try await cancelled.query("SELECT 1") },
                Task { try await pool.query("SELECT 1") },
            ]
            let cancelling = try await clock.timed {
                queries[1].cancel()
                let error = try await postgresError { _ = try await queries[1].value }
                #expect(error.code == .cancelled)
            }
            #expect(cancelling < .seconds(2))
            for close in [connection.close, cancelled.close, idle.close, pool.close] {
                let closing = await clock.measure { await close() }
                #expect(closing < .seconds(2))
            }
            for query in [queries[0], queries[2]] {
                let error = try await postgresError { _ = try await query.value }
                #expect(error.code == .connectionClosed || error.code == .poolClosed)
            }
            // A new connection gets no answer either.
            let error = try await postgresError {
                _ = try await server.connect { $0.connectTimeout = .milliseconds(100) }
            }
            #expect(error.code == .connectFailed)
            for process in processes { kill(process, SIGCONT) }
        }
    }

    @Test func aServerThatFallsSilentIsGivenUp() async throws {
        try await TestServer.with { server in
            let connection = try await server.connect {
                $0.statementTimeout = .milliseconds(100)
                $0.responseGrace = .milliseconds(100)
            }
            kill(connection.backendProcessID, SIGSTOP)
            let error = try await postgresError { _ = try await connection.query("SELECT 1") }
            #expect(error.code == .responseTimeout)
            #expect(error.outcome == .unknown)
            kill(connection.backendProcessID, SIGCONT)
            // Statements of one pipeline have that time each, although the server answers them all at its end.
            let patient = try await server.connect {
                $0.statementTimeout = .milliseconds(400)
                $0.responseGrace = .milliseconds(1)
            }
            let slow = PostgresStatement("SELECT pg_sleep(0.15)")
            #expect(try await patient.pipeline([slow, slow, slow, slow]).count == 4)
            await patient.close()
            await connection.close()
        }
    }
}

extension ContinuousClock {
    /// How long `body` took.
    fileprivate func timed(_ body: () async throws -> Void) async throws -> Swift.Duration {
        let start = now
        try await body()
        return now - start
    }
}
