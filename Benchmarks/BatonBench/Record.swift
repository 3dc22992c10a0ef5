import AgentProtocol
import LocalStack
import PostgresDriver
import RedisDriver

/// Reads the record and the streams, to see what became of workflows.
struct Record: Sendable {
    let database: PostgresConnection
    private let redis: RedisClient
    private let names: ChannelNames

    init(databaseURL: String, redisURL: String, namespace: String) async throws {
        database = try await PostgresConnection.connect(PostgresConfiguration(url: databaseURL))
        redis = RedisClient(try RedisConfiguration(url: redisURL))
        try await redis.connect()
        names = ChannelNames(namespace: namespace)
    }

    func close() async {
        await database.close()
        await redis.closeAndWait()
    }

    /// A setting of the server.
    func setting(_ name: String) async throws -> String {
        try await database.query("SELECT current_setting($1)", [.text(name)]).only().text(0)
    }

    /// A line of Redis's INFO or the value of a setting of it.
    func redisVersion() async throws -> String {
        let line = try await redisFacts("server").split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("redis_version:")
        }
        return line.map { String($0.dropFirst("redis_version:".count)) } ?? "unknown"
    }

    /// A section of Redis's INFO.
    func redisFacts(_ section: String) async throws -> String {
        try await redis.send(RedisCommand("INFO", .text(section))).string ?? ""
    }

    /// How many workflows have not ended.
    func openWorkflows() async throws -> Int64 {
        try await database.query("SELECT count(*) FROM workflow_state WHERE NOT is_terminal").only().int8(0)
    }

    /// How many tasks wait for agents of a type: in the stream of the usual lane, and in the record while it has no room.
    func waitingTasks(_ type: String) async throws -> Int {
        let queued = try await database.query(
            "SELECT count(*) FROM tasks WHERE status = 0 AND NOT is_held AND agent_type = $1", [.text(type)])
        return try await redis.length(of: names.tasks(type, .medium)) + Int(try queued.only().int8(0))
    }

    /// Lets PostgreSQL do its upkeep now rather than in the middle of a measurement.
    func settle() async throws {
        try await database.script("CHECKPOINT")
    }

    /// When things happened to the workflows from `firstID` on, by PostgreSQL's clock.
    struct Times: Sendable {
        /// Between the ends of a workflow's consecutive stages, in microseconds.
        var handOvers: [Double] = []
        /// From the creation of a workflow to the end of its last stage, in microseconds.
        var whole: [Double] = []
        /// The end of the last stage of all, in seconds since 1970.
        var end = 0.0
    }

    func times(from firstID: String) async throws -> Times {
        let rows = try await database.query(
            """
            SELECT t.workflow_id, w.created_at, t.completed_at
            FROM tasks t JOIN workflows w ON w.id = t.workflow_id
            WHERE t.workflow_id >= $1::text::uuid AND t.completed_at IS NOT NULL
            ORDER BY t.workflow_id, t.completed_at
            """, [.text(firstID)])
        var times = Times()
        var current: PostgresUUID?
        var created: Int64 = 0
        var last: Int64 = 0
        for row in rows {
            let (id, ended) = (try row.uuid(0), try row.timestamp(2).microseconds)
            if id == current {
                times.handOvers.append(Double(ended - last))
            } else {
                if current != nil { times.whole.append(Double(last - created)) }
                current = id
                created = try row.timestamp(1).microseconds
            }
            last = ended
            times.end = max(times.end, Double(ended) / 1e6)
        }
        if current != nil { times.whole.append(Double(last - created)) }
        return times
    }

    /// Whether each of `count` workflows from `firstID` on went through every stage exactly once and nothing is left over.
    ///
    /// - Returns: what is wrong; empty if nothing is.
    func faults(from firstID: String, workflows count: Int, stages: Int) async throws -> [String] {
        let expected: [(String, SQLText, Int)] = [
            (
                "completed workflows",
                "SELECT count(*) FROM workflows WHERE id >= $1::text::uuid AND status = 'completed'", count
            ),
            ("workflows", "SELECT count(*) FROM workflows WHERE id >= $1::text::uuid", count),
            ("attempts", "SELECT count(*) FROM tasks WHERE workflow_id >= $1::text::uuid", count * stages),
            (
                "stages that succeeded in a first attempt",
                """
                SELECT count(DISTINCT (workflow_id, stage)) FROM tasks
                WHERE workflow_id >= $1::text::uuid AND status = 10 AND attempt = 1 AND generation = 1
                """, count * stages
            ),
            ("outputs", "SELECT count(*) FROM outputs WHERE workflow_id >= $1::text::uuid", count * stages),
            (
                "events of completed stages",
                "SELECT count(*) FROM events WHERE workflow_id >= $1::text::uuid AND kind = 'stage_completed'",
                count * stages
            ),
            ("open attempts", "SELECT count(*) FROM tasks WHERE status < 10 AND $1 <> ''", 0),
            ("open workflows", "SELECT count(*) FROM workflow_state WHERE NOT is_terminal AND $1 <> ''", 0),
            (
                "timers, events for others and dead letters",
                """
                SELECT (SELECT count(*) FROM timers) + (SELECT count(*) FROM inbox) + (SELECT count(*) FROM dead_letters)
                WHERE $1 <> ''
                """, 0
            ),
        ]
        var faults: [String] = []
        for (what, sql, number) in expected {
            let found = try await database.query(sql, [.text(firstID)]).only().int8(0)
            if found != Int64(number) { faults.append("\(what): found \(found), expected \(number)") }
        }
        return faults + (try await unreadMessages())
    }

    /// Streams that are not empty; a little time is left for the last acknowledgements.
    private func unreadMessages() async throws -> [String] {
        let streams = StackConfiguration.allAgents.flatMap { names.taskStreams($0) } + [names.results]
        var left: [String] = []
        for _ in 0..<50 {
            left = []
            for stream in streams {
                let length = try await redis.length(of: stream)
                if length > 0 { left.append("\(stream): \(length) messages are left") }
            }
            if left.isEmpty { return [] }
            try await Task.sleep(for: .milliseconds(100))
        }
        return left
    }
}
