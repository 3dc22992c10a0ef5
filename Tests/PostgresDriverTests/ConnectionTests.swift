import PostgresDriver
import PostgresTestSupport
import Synchronization
import Testing

extension WithServer {
    /// Statements, pipelines, errors and limits on one connection.
    @Suite
    struct ConnectionTests {
        private func with<Value>(
            _ change: (inout PostgresConfiguration) -> Void = { _ in },
            _ body: (PostgresConnection) async throws -> Value
        ) async throws -> Value {
            let connection = try await TestServer.current().connect(change)
            let value = try await body(connection)
            await connection.close()
            #expect(!connection.isOpen)
            return value
        }

        @Test func tagsAndCounts() async throws {
            try await with { connection in
                _ = try await connection.query("CREATE TEMPORARY TABLE numbers (number int8)")
                let inserted = try await connection.query(
                    "INSERT INTO numbers SELECT unnest($1::int8[])", [.int8Array(Array(1...100))])
                #expect(inserted.commandTag == "INSERT 0 100")
                #expect(inserted.affectedRows == 100)
                #expect(inserted.isEmpty)
                let rows = try await connection.query("SELECT number FROM numbers ORDER BY number")
                #expect(rows.count == 100)
                #expect(try rows.map { try $0.int8(0) } == Array(1...100))
                #expect(try await connection.query("DELETE FROM numbers").affectedRows == 100)
                #expect(try await connection.query("").isEmpty, "an empty statement is one")
                #expect(try await connection.query("SELECT FROM numbers").columnNames == [])
            }
        }

        @Test func theSessionIsSetUpAsConfigured() async throws {
            try await with {
                $0.applicationName = "a test"
                $0.statementTimeout = .seconds(7)
                $0.sessionSettings = ["search_path": "one, two", "DateStyle": "German"]
            } _: { connection in
                let row = try await connection.query(
                    """
                    SELECT current_setting('application_name'), current_setting('statement_timeout'),
                        current_setting('search_path'), current_setting('client_encoding')
                    """
                ).only()
                #expect(try row.text(0) == "a test")
                #expect(try row.text(1) == "7s")
                #expect(try row.text(2) == "one, two")
                #expect(try row.text(3) == "UTF8")
                #expect(connection.serverVersion >= 150_000)
                let pid = try await connection.query("SELECT pg_backend_pid()").only().int4(0)
                #expect(connection.backendProcessID == pid)
            }
        }

        @Test func badURLsAreRefusedWithoutThePassword() async throws {
            for url in ["", "mysql://x", "postgresql://me:s3cret@[bad", "postgresql://me:s3cret@h/d?nonsense=1"] {
                let error = try await postgresError { _ = try PostgresConfiguration(url: url) }
                #expect(error.code == .invalidConfiguration)
                #expect(!error.description.contains("s3cret"))
            }
            let configuration = try PostgresConfiguration(url: "postgres://me:s3cret@db.example:5433/shop")
            #expect(configuration.address == "db.example:5433/shop")
        }

        @Test func aRefusedConnectionSaysWhyWithTheServersCode() async throws {
            let server = try TestServer.current()
            let url = "postgresql://postgres@/nothing_here?host=\(server.directory)"
            let error = try await postgresError {
                _ = try await PostgresConnection.connect(PostgresConfiguration(url: url))
            }
            #expect(error.code == .connectFailed)
            #expect(error.sqlState == .invalidCatalogName)
            #expect(error.outcome == .notSent)
            #expect(error.message.contains("nothing_here"))
            #expect(!error.message.contains("LOCATION"))
            let absent = try await postgresError {
                _ = try await PostgresConnection.connect(
                    PostgresConfiguration(url: "postgresql:///x?host=\(server.directory)/absent"))
            }
            #expect(absent.code == .connectFailed)
            #expect(absent.isConnectionFault)
        }

        @Test func theServersErrorsCarryTheirFields() async throws {
            try await with { connection in
                try await connection.script(
                    """
                    CREATE TEMPORARY TABLE items (
                        id int8 PRIMARY KEY, size int4 NOT NULL CONSTRAINT size_is_small CHECK (size < 10));
                    INSERT INTO items VALUES (1, 1);
                    """)
                let insert: SQLText = "INSERT INTO items VALUES ($1, $2)"
                func failure(_ id: PostgresParameter, _ size: PostgresParameter) async throws -> PostgresError {
                    try await postgresError { _ = try await connection.query(insert, [id, size]) }
                }
                let duplicate = try await failure(.int8(1), .int4(1))
                #expect(duplicate.code == .server)
                #expect(duplicate.sqlState == .uniqueViolation)
                #expect(duplicate.constraint == "items_pkey")
                #expect(duplicate.table == "items")
                #expect(duplicate.detail == "Key (id)=(1) already exists.")
                #expect(duplicate.outcome == .failed)
                #expect(duplicate.statementIndex == 0)
                #expect(duplicate.isDataFault)
                let check = try await failure(.int8(2), .int4(10))
                #expect(check.sqlState == .checkViolation)
                #expect(check.constraint == "size_is_small")
                let null = try await failure(.int8(2), .null(.int4))
                #expect(null.sqlState == .notNullViolation)
                #expect(null.column == "size")
                let nul = try await postgresError { _ = try await connection.query("SELECT $1", [.text("a\0b")]) }
                #expect(nul.sqlState == .characterNotInRepertoire)
                #expect(nul.isDataFault)
                let json = try await postgresError {
                    _ = try await connection.query("SELECT $1::text::jsonb", [.text("\"\\u0000\"")])
                }
                #expect(json.sqlState == .untranslatableCharacter)
                let overflow = try await postgresError { _ = try await connection.query("SELECT 2::int4 ^ 99999") }
                #expect(overflow.sqlState == .numericValueOutOfRange)
                let syntax = try await postgresError { _ = try await connection.query("SELEKT 1") }
                #expect(syntax.sqlState == .syntaxError)
                #expect(try await connection.query("SELECT 1").count == 1, "the connection is as good as before")
            }
        }

        @Test func aPipelineIsOneImplicitTransaction() async throws {
            try await with { connection in
                try await connection.script("CREATE TEMPORARY TABLE items (id int8 PRIMARY KEY)")
                let error = try await postgresError {
                    _ = try await connection.pipeline([
                        PostgresStatement("INSERT INTO items VALUES (1)"),
                        PostgresStatement("INSERT INTO items VALUES (2)"),
                        PostgresStatement("INSERT INTO items VALUES (1)"),
                        PostgresStatement("INSERT INTO items VALUES (4)"),
                    ])
                }
                #expect(error.statementIndex == 2)
                #expect(error.sqlState == .uniqueViolation)
                #expect(error.outcome == .failed)
                #expect(try await connection.query("SELECT FROM items").isEmpty, "all or nothing")
                let results = try await connection.pipeline([
                    PostgresStatement("INSERT INTO items VALUES (1)"),
                    PostgresStatement("SELECT id FROM items"),
                    PostgresStatement("DELETE FROM items"),
                ])
                #expect(results.map(\.commandTag) == ["INSERT 0 1", "SELECT 1", "DELETE 1"])
            }
        }

        @Test func aTransactionOverTwoPipelines() async throws {
            try await with { connection in
                try await connection.script("CREATE TEMPORARY TABLE items (id int8 PRIMARY KEY)")
                let begin = PostgresStatement("BEGIN")
                let commit = PostgresStatement("COMMIT")
                let insert = PostgresStatement("INSERT INTO items VALUES (1)")
                _ = try await connection.pipeline([begin, PostgresStatement("SELECT FROM items FOR UPDATE")])
                _ = try await connection.pipeline([insert, commit])
                _ = try await connection.pipeline([begin])
                let error = try await postgresError { _ = try await connection.pipeline([insert, commit]) }
                #expect(error.statementIndex == 0, "COMMIT was skipped")
                let refused = try await postgresError { _ = try await connection.query("SELECT 1") }
                #expect(refused.sqlState == .inFailedTransaction)
                let rolledBack = try await postgresError { _ = try await connection.query("COMMIT") }
                #expect(rolledBack.code == .rolledBack)
                #expect(rolledBack.outcome == .failed)
                #expect(try await connection.query("SELECT FROM items").count == 1)
            }
        }

        @Test func callersOnOneConnectionDoNotFailEachOther() async throws {
            try await with { connection in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<300 {
                        group.addTask {
                            // Each third fails, before a statement that others use is prepared.
                            do {
                                let rows = try await connection.pipeline([
                                    PostgresStatement("SELECT 1 / $1", [.int4(Int32(number % 3))]),
                                    PostgresStatement("SELECT $1::int8", [.int8(Int64(number))]),
                                ])
                                #expect(try rows[1].only().int8(0) == Int64(number))
                                return true
                            } catch let error as PostgresError {
                                #expect(error.sqlState == SQLState("22012"), "division by zero, not \(error)")
                                return false
                            }
                        }
                    }
                    var succeeded = 0
                    for try await isSuccess in group { succeeded += isSuccess ? 1 : 0 }
                    #expect(succeeded == 200)
                }
            }
        }

        @Test func aFullMailboxMakesCallersWait() async throws {
            try await with {
                $0.mailboxCapacity = 1; $0.maxCallsInFlight = 2
            } _: { connection in
                try await withThrowingTaskGroup(of: Int64.self) { group in
                    for number in 0..<100 as Range<Int64> {
                        group.addTask {
                            try await connection.query("SELECT $1", [.int8(number)]).only().int8(0)
                        }
                    }
                    let sum = try await group.reduce(0, +)
                    #expect(sum == 4950)
                }
            }
        }

        @Test func evictedStatementsAreFreedOnTheServer() async throws {
            try await with {
                $0.statementCacheCapacity = 3
            } _: { connection in
                for round in 0..<3 {
                    for number in 0..<10 {
                        let rows = try await connection.query(SQLText(unchecked: "SELECT \(number), \(round % 2)"))
                        #expect(try rows.only().int4(0) == Int32(number))
                    }
                }
                // Room is made before the next call, so the second count is right.
                let count: SQLText = "SELECT count(*) FROM pg_prepared_statements"
                #expect(try await connection.query(count).only().int8(0) <= 4)
                #expect(try await connection.query(count).only().int8(0) == 3)
            }
            try await with {
                $0.statementCacheCapacity = 0
            } _: { connection in
                #expect(try await connection.query("SELECT $1", [.int8(5)]).only().int8(0) == 5)
                let kept = try await connection.query("SELECT count(*) FROM pg_prepared_statements").only().int8(0)
                #expect(kept == 0)
            }
        }

        @Test func aStatementIsPreparedOnce() async throws {
            try await with { connection in
                let sql: SQLText = "SELECT $1 + 1"
                for number in 0..<5 as Range<Int64> {
                    #expect(try await connection.query(sql, [.int8(number)]).only().int8(0) == number + 1)
                }
                #expect(try await connection.query(sql, [.float8(1.5)]).only().float8(0) == 2.5, "other types")
                let kept = try await connection.query(
                    "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement = $1",
                    [.text(sql.description)]
                ).only()
                #expect(try kept.int8(0) == 5)
            }
        }

        @Test func aPlanThatNoLongerFitsIsPreparedAnew() async throws {
            try await with { connection in
                try await connection.script("CREATE TEMPORARY TABLE items (id int8); INSERT INTO items VALUES (1)")
                let sql: SQLText = "SELECT * FROM items"
                #expect(try await connection.query(sql).columnNames == ["id"])
                try await connection.script("ALTER TABLE items ADD COLUMN name text")
                let error = try await postgresError { _ = try await connection.query(sql) }
                #expect(error.sqlState == .featureNotSupported)
                #expect(try await connection.query(sql).columnNames == ["id", "name"])
                try await connection.script("DEALLOCATE ALL")
                let gone = try await postgresError { _ = try await connection.query(sql) }
                #expect(gone.sqlState == .invalidStatementName)
                #expect(try await connection.query(sql).columnNames == ["id", "name"])
            }
        }

        @Test func scriptsRunBetweenOtherCalls() async throws {
            try await with { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<60 {
                        group.addTask {
                            if number % 10 == 0 {
                                try await connection.script("SELECT 1; SELECT 2; DO $$ BEGIN END $$")
                            } else {
                                _ = try await connection.query("SELECT 3").only().int4(0)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let error = try await postgresError {
                    try await connection.script("SELECT 1; SELECT nothing; SELECT 2")
                }
                #expect(error.outcome == .failed)
                #expect(error.statementIndex == nil)
            }
        }

        @Test func aResultBeyondTheLimitIsRefusedAndTheConnectionStays() async throws {
            try await with {
                $0.maxResultBytes = 1 << 20
            } _: { connection in
                let fits = try await connection.query("SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
                #expect(fits.count == 1000)
                let error = try await postgresError {
                    _ = try await connection.query("SELECT repeat('x', 1000), generate_series(1, 100000000)")
                }
                #expect(error.code == .resultTooLarge)
                #expect(error.outcome == .failed, "it was stopped on the way")
                #expect(try await connection.query("SELECT 1").count == 1)
            }
        }

        @Test func parametersBeyondTheLimitsAreRefusedUnsent() async throws {
            try await with {
                $0.maxParameterBytes = 1000
            } _: { connection in
                let large = try await postgresError {
                    _ = try await connection.query("SELECT $1", [.bytes([UInt8](repeating: 0, count: 1001))])
                }
                #expect(large.code == .invalidParameters)
                #expect(large.outcome == .notSent)
                let many = try await postgresError {
                    _ = try await connection.query(
                        "SELECT 1", [PostgresParameter](repeating: .bool(true), count: 65_536))
                }
                #expect(many.code == .invalidParameters)
                let long = try await postgresError {
                    _ = try await connection.pipeline([PostgresStatement](repeating: .init("SELECT 1"), count: 1001))
                }
                #expect(long.code == .invalidParameters)
                #expect(try await connection.pipeline([]).isEmpty)
            }
        }

        @Test func aGreatPipelineNeitherBlocksNorMixesUp() async throws {
            // 16 MiB each way: far more than the buffers of the socket, which is where naive clients deadlock.
            try await with { connection in
                let chunk = [UInt8](repeating: 7, count: 1 << 20)
                let results = try await connection.pipeline(
                    (0..<16).map { PostgresStatement("SELECT $1, $2", [.int8($0), .bytes(chunk)]) })
                #expect(results.count == 16)
                for (index, rows) in results.enumerated() {
                    #expect(try rows.only().int8(0) == Int64(index))
                    #expect(try rows.only().bytes(1) == chunk)
                }
            }
        }

        @Test func noticesAreHeard() async throws {
            let heard = Mutex<[PostgresNotice]>([])
            let listener: @Sendable (PostgresNotice) -> Void = { notice in heard.withLock { $0.append(notice) } }
            try await with {
                $0.onNotice = listener
            } _: { connection in
                try await connection.script("DO $$ BEGIN RAISE WARNING 'careful'; RAISE NOTICE 'by the way'; END $$")
            }
            #expect(heard.withLock { $0.map(\.message) } == ["careful", "by the way"])
            #expect(heard.withLock { $0.map(\.severity) } == ["WARNING", "NOTICE"])
            #expect(heard.withLock { $0.first?.sqlState } == SQLState("01000"))
        }

        @Test func theStatementTimeoutIsTheServers() async throws {
            try await with {
                $0.statementTimeout = .milliseconds(50)
            } _: { connection in
                let error = try await postgresError { _ = try await connection.query("SELECT pg_sleep(60)") }
                #expect(error.sqlState == .queryCanceled)
                #expect(error.code == .server)
                #expect(error.outcome == .failed)
            }
        }

        @Test func copyEndsTheConnectionRatherThanHanging() async throws {
            let connection = try await TestServer.current().connect()
            let error = try await postgresError { try await connection.script("COPY pg_class TO STDOUT") }
            #expect(error.message.contains("COPY"))
            await connection.close()
        }
    }
}
