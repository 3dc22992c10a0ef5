import PostgresDriver
import RedisDriver

extension Record {
    /// A statement's share.
    struct StatementShare: Sendable {
        var text: String
        var calls: Int64
        var rows: Int64
        /// Planning and execution.
        var milliseconds: Double
    }

    /// Lets PostgreSQL count statements.
    ///
    /// - Returns: whether it can.
    func countStatements() async throws -> Bool {
        let found = try await database.query(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'")
        guard try found.only().int8(0) > 0 else { return false }
        try await database.script("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return true
    }

    /// Begins to count statements anew.
    func resetStatements(_ isCounting: Bool) async throws {
        if isCounting { try await database.script("SELECT pg_stat_statements_reset()") }
    }

    /// The statements that took most, in one line each.
    func statements() async throws -> [StatementShare] {
        let rows = try await database.query(
            """
            SELECT regexp_replace(left(query, 400), '[\\s|]+', ' ', 'g'), calls, rows,
                total_plan_time + total_exec_time
            FROM pg_stat_statements
            ORDER BY 4 DESC
            LIMIT 24
            """)
        var shares: [StatementShare] = []
        for row in rows {
            shares.append(
                StatementShare(
                    text: String(try row.text(0).prefix(110)), calls: try row.int8(1), rows: try row.int8(2),
                    milliseconds: try row.float8(3)))
        }
        return shares
    }

    /// PostgreSQL's processes, by what they are for.
    func backends() async throws -> [(name: String, pid: Int32)] {
        let rows = try await database.query(
            """
            SELECT CASE WHEN backend_type = 'client backend'
                THEN CASE WHEN pid = pg_backend_pid() THEN 'this benchmark' ELSE application_name END
                ELSE backend_type END, pid
            FROM pg_stat_activity
            """)
        var found: [(String, Int32)] = []
        for row in rows { found.append((try row.text(0), try row.int4(1))) }
        return found
    }

    /// How often each command was called, and how long Redis took for all calls of it.
    func commands() async throws -> [String: (calls: Double, microseconds: Double)] {
        var found: [String: (calls: Double, microseconds: Double)] = [:]
        for line in try await redisFacts("commandstats").split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].hasPrefix("cmdstat_") else { continue }
            var values: [Substring: Double] = [:]
            for pair in parts[1].split(separator: ",") {
                let (name, value) = (pair.prefix { $0 != "=" }, pair.drop { $0 != "=" }.dropFirst())
                values[name] = Double(value)
            }
            found[String(parts[0].dropFirst("cmdstat_".count))] = (values["calls"] ?? 0, values["usec"] ?? 0)
        }
        return found
    }
}
