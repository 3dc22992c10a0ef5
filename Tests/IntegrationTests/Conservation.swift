import AgentProtocol
import FaultKit
import PostgresDriver
import RedisDriver
import Synchronization
import Testing

/// What must hold whenever every workflow has ended, whatever happened on the way.
final class Conservation: Sendable {
    let record: Record
    let redis: RedisClient
    let types: [String]
    /// Entries that an earlier check complained about: one fault fails one test, not all that follow.
    let reported = Mutex<Set<String>>([])

    init(record: Record, redis: RedisClient, types: [String]) {
        self.record = record
        self.redis = redis
        self.types = types
    }

    /// Checks it; streams get a moment to be tidied up.
    func check(
        tidyWithin limit: Duration = .seconds(15), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(within: limit, "nothing is left over", sourceLocation: sourceLocation) {
            try await leftovers().isEmpty
        } explain: {
            let found = try await leftovers()
            reported.withLock { $0.formUnion(found.filter { $0.hasPrefix("entry ") }) }
            return found.joined(separator: "; ")
        }
        for (what, sql) in Self.rules {
            let offenders = try await record.rows(sql)
            #expect(offenders.isEmpty, "\(what): \(offenders)", sourceLocation: sourceLocation)
        }
    }

    private static let rules: [(String, SQLText)] = [
        (
            "audit sequences have gaps",
            """
            SELECT workflow_id::text, count(*)::text, max(seq)::text FROM events
            GROUP BY workflow_id HAVING min(seq) <> 1 OR max(seq) <> count(*)
            """
        ),
        (
            "stages completed more than once",
            """
            SELECT workflow_id::text, convert_from(data, 'UTF8')::jsonb ->> 'stage', count(*)::text FROM events
            WHERE kind = 'stage_completed' GROUP BY 1, 2 HAVING count(*) <> 1
            """
        ),
        (
            "completed stages and outputs differ",
            """
            SELECT e.id::text, e.stages::text, coalesce(o.stages, 0)::text
            FROM (SELECT workflow_id AS id, count(*) AS stages FROM events
                WHERE kind = 'stage_completed' GROUP BY 1) e
            LEFT JOIN (SELECT workflow_id AS id, count(*) AS stages FROM outputs GROUP BY 1) o USING (id)
            WHERE e.stages <> coalesce(o.stages, 0)
            """
        ),
        (
            "completed workflows don't end with their completion",
            """
            SELECT w.id::text, e.kind FROM workflows w
            JOIN LATERAL (SELECT kind FROM events WHERE workflow_id = w.id AND kind <> 'result_ignored'
                ORDER BY seq DESC LIMIT 1) e ON true
            WHERE w.status = 'completed' AND e.kind <> 'workflow_completed'
            """
        ),
    ]

    /// What should not be there any more.
    private func leftovers() async throws -> [String] {
        var found: [String] = []
        let counts: [(String, SQLText)] = [
            ("workflows that haven't ended", "SELECT count(*)::text FROM workflow_state WHERE NOT is_terminal"),
            ("open task rows", "SELECT count(*)::text FROM tasks WHERE status < 10"),
            ("inbox rows", "SELECT count(*)::text FROM inbox"),
        ]
        for (what, sql) in counts {
            let count = try await record.number(sql)
            if count != 0 { found.append("\(count) \(what)") }
        }
        let names = ChannelNames()
        for stream in types.flatMap({ names.taskStreams($0) }) + [names.results] {
            let entries = try await redis.send(RedisCommand("XRANGE", .text(stream), "-", "+")).elements
            found += entries.compactMap { $0.elements[0]?.string }.map { "entry \($0) in \(stream)" }
        }
        return found.filter { !reported.withLock(\.self).contains($0) }
    }
}
