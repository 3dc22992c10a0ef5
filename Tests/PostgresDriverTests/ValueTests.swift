import PostgresDriver
import PostgresTestSupport
import Testing

extension WithServer {
    /// Values go to the server and come back as they were.
    @Suite
    struct ValueTests {
        private func echo(_ parameter: PostgresParameter, as type: String) async throws -> PostgresRow {
            let connection = try await TestServer.current().connect()
            let row = try await connection.query(SQLText(unchecked: "SELECT $1::\(type) AS echo"), [parameter]).only()
            await connection.close()
            return row
        }

        @Test(arguments: [Int64.min, -1, 0, 1, Int64.max])
        func int8(value: Int64) async throws {
            #expect(try await echo(.int8(value), as: "int8").int8(0) == value)
        }

        @Test(arguments: [Int32.min, -1, 0, Int32.max])
        func int4(value: Int32) async throws {
            let row = try await echo(.int4(value), as: "int4")
            #expect(try row.int4(0) == value)
            #expect(try row.int8(0) == Int64(value), "widening loses nothing")
        }

        @Test(arguments: [Int16.min, -1, 0, Int16.max])
        func int2(value: Int16) async throws {
            let row = try await echo(.int2(value), as: "int2")
            #expect(try row.int2(0) == value)
            #expect(try row.int4(0) == Int32(value))
            #expect(try row.int8(0) == Int64(value))
        }

        @Test(arguments: [0, -0.0, 1.5, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity])
        func float8(value: Double) async throws {
            #expect(try await echo(.float8(value), as: "float8").float8(0).bitPattern == value.bitPattern)
        }

        @Test func notANumber() async throws {
            #expect(try await echo(.float8(.nan), as: "float8").float8(0).isNaN)
        }

        @Test func float4IsReadAsDouble() async throws {
            #expect(try await echo(.float8(1.5), as: "float8::float4").float8(0) == 1.5)
        }

        @Test(arguments: [true, false])
        func bool(value: Bool) async throws {
            #expect(try await echo(.bool(value), as: "bool").bool(0) == value)
        }

        @Test func longText() async throws {
            try await text(value: String(repeating: "x", count: 3_000_000))
        }

        @Test(arguments: ["", "a", "naïve – 🦊"])
        func text(value: String) async throws {
            let row = try await echo(.text(value), as: "text")
            #expect(try row.text(0) == value)
            #expect(try row.bytes(0) == Array(value.utf8))
            #expect(try await echo(.utf8(Array(value.utf8)), as: "text").text(0) == value)
        }

        @Test(arguments: ["varchar", "name", "bpchar", "json", "jsonb"])
        func otherTextTypes(type: String) async throws {
            #expect(try await echo(.text("12"), as: "text::\(type)").text(0) == "12")
        }

        @Test(arguments: [0, 1, 256, 2_000_000])
        func bytes(count: Int) async throws {
            let value = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try await echo(.bytes(value), as: "bytea").bytes(0) == value)
        }

        @Test func uuid() async throws {
            let value = PostgresUUID(high: 0x0190_ABCD_EF01_7234, low: 0x8967_0000_0000_00FF)
            let row = try await echo(.uuid(value), as: "uuid")
            #expect(try row.uuid(0) == value)
            let text = try await echo(.uuid(value), as: "uuid::text").text(0)
            #expect(text == "0190abcd-ef01-7234-8967-0000000000ff")
            #expect(value.description == text)
        }

        @Test func timestamps() async throws {
            for microseconds: Int64 in [0, 1, -1, 1_763_000_000_123_456, -62_135_596_800_000_000, .max, .min] {
                let value = PostgresTimestamp(microseconds: microseconds)
                #expect(try await echo(.timestamp(value), as: "timestamptz").timestamp(0) == value)
            }
            let epoch = try await echo(.timestamp(PostgresTimestamp(microseconds: 1_000_000)), as: "timestamptz")
            #expect(try epoch.timestamp(0).microseconds == 1_000_000)
            let text = try await echo(
                .timestamp(PostgresTimestamp(microseconds: .max)), as: "timestamptz::text"
            ).text(0)
            #expect(text == "infinity")
            let connection = try await TestServer.current().connect()
            let row = try await connection.query("SELECT timestamptz '2000-01-01 00:00:00.000001+00'").only()
            #expect(try row.timestamp(0).microseconds == 946_684_800_000_001)
            await connection.close()
        }

        @Test func aTimestampBeforeAllTimeIsRefusedUnsent() async throws {
            let parameter = PostgresParameter.timestamp(PostgresTimestamp(microseconds: .min + 1))
            let error = try await postgresError { _ = try await echo(parameter, as: "timestamptz") }
            #expect(error.code == .invalidParameters)
            #expect(error.outcome == .notSent)
        }

        @Test func nulls() async throws {
            let parameters: [(PostgresParameter, String)] = [
                (.null(.int2), "int2"), (.null(.int4), "int4"), (.null(.int8), "int8"), (.null(.float8), "float8"),
                (.null(.bool), "bool"), (.null(.text), "text"), (.null(.bytes), "bytea"), (.null(.uuid), "uuid"),
                (.null(.timestamp), "timestamptz"), (.null(.int2Array), "int2[]"), (.null(.int4Array), "int4[]"),
                (.null(.int8Array), "int8[]"), (.null(.float8Array), "float8[]"), (.null(.boolArray), "bool[]"),
                (.null(.textArray), "text[]"), (.null(.bytesArray), "bytea[]"), (.null(.uuidArray), "uuid[]"),
                (.null(.timestampArray), "timestamptz[]"),
            ]
            for (parameter, type) in parameters {
                let row = try await echo(parameter, as: type)
                #expect(try row.isNull(0), "\(type)")
                #expect(try row.optional(0, as: Int64.self) == nil)
                #expect(try row.optionalArray(0, of: String.self) == nil)
            }
            let absent: Int64? = nil
            #expect(try await echo(.int8(absent), as: "int8").isNull(0))
            let present: Int64? = 7
            #expect(try await echo(.int8(present), as: "int8").int8(0) == 7)
        }

        @Test func mismatchesNameColumnFoundAndExpected() async throws {
            let connection = try await TestServer.current().connect()
            let row = try await connection.query("SELECT 1::int4 AS number, NULL::text AS nothing").only()
            let wrong = try await postgresError { _ = try row.text(0) }
            #expect(wrong.code == .decoding)
            #expect(wrong.outcome == .completed)
            #expect(wrong.message == "Column 0 (number), row 0: found int4, expected text.")
            let null = try await postgresError { _ = try row.text(1) }
            #expect(null.message == "Column 1 (nothing), row 0: found NULL, expected text.")
            let outside = try await postgresError { _ = try row.text(2) }
            #expect(outside.message == "Column 2 was asked for; the result has 2.")
            let narrow = try await postgresError { _ = try row.int2(0) }
            #expect(narrow.message.contains("found int4, expected int2"))
            let scalar = try await postgresError { _ = try row.array(0, of: Int32.self) }
            #expect(scalar.message.contains("found int4, expected array of int4"))
            let rows = try await connection.query("SELECT generate_series(1, 3)")
            let several = try await postgresError { _ = try rows.only() }
            #expect(several.message == "Found 3 rows, expected one.")
            await connection.close()
        }
    }
}
