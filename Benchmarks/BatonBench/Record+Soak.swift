import PostgresDriver

extension Record {
    /// Copies finished workflows, rows and all, until there are `count` more; their ids are spread over the days since the
    /// month began, at most twenty.
    func fill(_ count: Int) async throws {
        try await database.script(
            """
            SET synchronous_commit = off;
            SET statement_timeout = 0;
            CREATE TEMPORARY TABLE template AS
                SELECT id, row_number() OVER () - 1 AS n
                FROM (SELECT id FROM workflows WHERE status = 'completed' ORDER BY id LIMIT 100) AS w;
            """)
        let step = 20_000
        for first in stride(from: 0, to: count, by: step) {
            let last = min(first + step, count)
            try await database.script(
                """
                CREATE TEMPORARY TABLE copies AS
                    SELECT t.id AS old, s.at,
                        (lpad(to_hex((extract(epoch FROM s.at) * 1000)::bigint), 12, '0') || '7'
                            || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid AS new
                    FROM generate_series(\(first), \(last - 1)) AS i
                    JOIN template t ON t.n = i % (SELECT count(*) FROM template),
                        LATERAL (SELECT b.begins + (now() - interval '1 hour' - b.begins) * (i::float8 / \(count)) AS at
                            FROM (SELECT greatest(date_trunc('month', now()), now() - interval '20 days')) AS b (begins))
                            AS s;
                CREATE INDEX ON copies (old);
                ANALYZE copies;
                """)
            for table in ["workflows", "workflow_state", "tasks", "outputs", "events"] {
                try await database.script(try await copyStatement(table))
            }
            try await database.script("DROP TABLE copies")
        }
        try await database.script("RESET synchronous_commit; RESET statement_timeout")
    }

    /// The statement that copies a table's rows of the template workflows: new ids, and their own times.
    private func copyStatement(_ table: String) async throws -> String {
        let rows = try await database.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
            [.text(table)])
        var columns: [String] = []
        for row in rows { columns.append(try row.text(0)) }
        let key = table.hasPrefix("workflow") ? "id" : "workflow_id"
        let shifted = ["created_at", "updated_at", "started_at", "completed_at", "at"]
        let values = columns.map { column in
            switch column {
            case key: "c.new"
            case "task_id": "gen_random_uuid()"
            case _ where shifted.contains(column): "c.at"
            case "name": "'bench-' || right(c.new::text, 6)"
            default: "t.\(column)"
            }
        }
        return """
            INSERT INTO \(table) (\(columns.joined(separator: ", ")))
            SELECT \(values.joined(separator: ", ")) FROM copies c JOIN \(table) t ON t.\(key) = c.old
            """
    }

    /// What autovacuum does in time.
    func vacuum() async throws {
        try await database.script("SET statement_timeout = 0")
        try await database.script("VACUUM ANALYZE")
        try await database.script("CHECKPOINT")
        try await database.script("RESET statement_timeout")
    }

    /// Rows and bytes, for people.
    func sizes() async throws -> String {
        let row = try await database.query(
            """
            SELECT (SELECT count(*) FROM workflows), (SELECT count(*) FROM tasks), (SELECT count(*) FROM events),
                pg_size_pretty(pg_database_size(current_database()))
            """
        ).only()
        return "\(try row.int8(0)) workflows, \(try row.int8(1)) attempts, \(try row.int8(2)) events, "
            + "\(try row.text(3))"
    }

    /// The id of a finished workflow.
    func someWorkflow() async throws -> String {
        try await database.query("SELECT id::text FROM workflows WHERE status = 'completed' ORDER BY id LIMIT 1").only()
            .text(0)
    }
}
