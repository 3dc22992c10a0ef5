import PostgresDriver
import PostgresTestSupport
import Testing

extension WithServer {
    /// Arrays go to the server and come back as they were, with NULLs and empty ones.
    @Suite
    struct ArrayTests {
        private func check<Value: PostgresValue & Equatable>(
            _ values: [Value], type: String, _ plain: ([Value]) -> PostgresParameter,
            _ nullable: ([Value?]) -> PostgresParameter
        ) async throws {
            let connection = try await TestServer.current().connect()
            let echo = SQLText(unchecked: "SELECT $1::\(type)[], cardinality($1::\(type)[])")
            for candidate in [values, [], values + values] {
                let row = try await connection.query(echo, [plain(candidate)]).only()
                #expect(try row.array(0) == candidate)
                #expect(try row.nullableArray(0) == candidate.map(Optional.some))
                #expect(try row.int4(1) == Int32(candidate.count), "the server sees as many elements")
            }
            let mixed: [Value?] = [nil] + values.map(Optional.some) + [nil]
            for candidate in [mixed, [], [nil], values.map(Optional.some)] {
                let row = try await connection.query(echo, [nullable(candidate)]).only()
                #expect(try row.nullableArray(0) == candidate)
            }
            let row = try await connection.query(echo, [nullable(mixed)]).only()
            let error = try await postgresError { _ = try row.array(0, of: Value.self) }
            #expect(error.message.contains("found an array with NULLs"))
            await connection.close()
        }

        @Test func int2() async throws {
            try await check([.min, -1, 0, .max], type: "int2", { .int2Array($0) }, { .nullableInt2Array($0) })
        }

        @Test func int4() async throws {
            try await check([.min, -1, 0, .max], type: "int4", { .int4Array($0) }, { .nullableInt4Array($0) })
        }

        @Test func int8() async throws {
            try await check([.min, -1, 0, .max], type: "int8", { .int8Array($0) }, { .nullableInt8Array($0) })
        }

        @Test func float8() async throws {
            try await check([-1.5, 0, .infinity], type: "float8", { .float8Array($0) }, { .nullableFloat8Array($0) })
        }

        @Test func bool() async throws {
            try await check([true, false], type: "bool", { .boolArray($0) }, { .nullableBoolArray($0) })
        }

        @Test func text() async throws {
            let long = String(repeating: "ä", count: 100_000)
            try await check(
                ["", "a", "NULL", "{\"x\"}", long], type: "text", { .textArray($0) }, { .nullableTextArray($0) })
            try await check(
                [[], Array("NULL".utf8)], type: "text", { .utf8Array($0) }, { .nullableUTF8Array($0) })
        }

        @Test func bytes() async throws {
            try await check(
                [[], [0, 255], [UInt8](repeating: 7, count: 70_000)], type: "bytea", { .bytesArray($0) },
                { .nullableBytesArray($0) })
        }

        @Test func uuid() async throws {
            try await check(
                [PostgresUUID(high: 0, low: 0), PostgresUUID(high: .max, low: 1)], type: "uuid", { .uuidArray($0) },
                { .nullableUUIDArray($0) })
        }

        @Test func timestamp() async throws {
            try await check(
                [PostgresTimestamp(microseconds: 0), PostgresTimestamp(microseconds: .max)], type: "timestamptz",
                { .timestampArray($0) }, { .nullableTimestampArray($0) })
        }

        @Test func oneElementOfManyKindsInOneStatement() async throws {
            let connection = try await TestServer.current().connect()
            let rows = try await connection.query(
                """
                SELECT i, t, b, u FROM unnest($1::int8[], $2::text[], $3::bytea[], $4::uuid[]) AS a (i, t, b, u)
                ORDER BY i
                """,
                [
                    .int8Array([2, 1]), .nullableTextArray(["zwei", nil]), .bytesArray([[2], []]),
                    .uuidArray([PostgresUUID(high: 2, low: 2), PostgresUUID(high: 1, low: 1)]),
                ])
            #expect(rows.count == 2)
            #expect(try rows.map { try $0.optional(1, as: String.self) } == [nil, "zwei"])
            #expect(try rows.map { try $0.bytes(2) } == [[], [2]])
            #expect(try rows[1].uuid(3) == PostgresUUID(high: 2, low: 2))
            #expect(rows.columnNames == ["i", "t", "b", "u"])
            #expect(rows.columnIndex(named: "u") == 3)
            await connection.close()
        }

        @Test func arraysOfTwoDimensionsAreRefusedClearly() async throws {
            let connection = try await TestServer.current().connect()
            let row = try await connection.query("SELECT ARRAY[[1, 2], [3, 4]] AS grid").only()
            let error = try await postgresError { _ = try row.array(0, of: Int32.self) }
            #expect(error.message == "Column 0 (grid), row 0: found int4[], expected array of int4 or int2.")
            await connection.close()
        }
    }
}
