import AgentProtocol
package import HistoryChecker
package import JSONTools
import PostgresDriver
package import RedisDriver
import WorkflowCore

/// Reads the history that `HistoryChecker` judges: rows of PostgreSQL and lengths of Redis streams.
package struct HistoryLoader: Sendable {
    /// What can't be read.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    let record: Record
    let redis: RedisClient
    /// The agent types whose task streams have to be empty.
    let types: [String]

    /// A loader.
    package init(record: Record, redis: RedisClient, types: [String]) {
        self.record = record
        self.redis = redis
        self.types = types
    }

    /// Reads everything about the workflows made after `mark` (ids are ordered by time; nil for all), and the streams.
    package func load(after mark: UniqueID? = nil, accepted: [History.Creation] = []) async throws -> History {
        let mark = mark ?? UniqueID(high: 0, low: 0)
        var history = History(accepted: accepted)
        let definitions = try await definitions()
        history.workflows = try await workflows(after: mark, definitions)
        history.tasks = try await rows(
            """
            SELECT workflow_id::text, task_id::text, attempt::text, stage, generation::text, status::text FROM tasks
            WHERE workflow_id > $1::uuid
            """, mark
        ) { row in
            History.Attempt(
                workflowID: try id(row[0]), taskID: try id(row[1]), attempt: try number(row[2]), stage: row[3],
                generation: try number(row[4]), status: Self.words[try number(row[5])] ?? row[5],
                isOpen: try number(row[5]) < 10)
        }
        history.outputs = try await rows(
            "SELECT workflow_id::text, stage, generation::text FROM outputs WHERE workflow_id > $1::uuid", mark
        ) { History.Output(workflowID: try id($0[0]), stage: $0[1], generation: try number($0[2])) }
        history.events = try await rows(
            """
            SELECT workflow_id::text, seq::text, kind, actor, convert_from(data, 'UTF8'),
                (extract(epoch FROM at) * 1000000)::bigint::text
            FROM events WHERE workflow_id > $1::uuid
            """, mark
        ) { row in
            History.Event(
                workflowID: try id(row[0]), sequence: Int64(try number(row[1])), kind: row[2], actor: row[3],
                data: try JSONValue(parsing: Array(row[4].utf8)),
                at: Timestamp(microseconds: Int64(try number(row[5]))))
        }
        history.timers = try await rows("SELECT workflow_id::text FROM timers WHERE workflow_id > $1::uuid", mark) {
            try id($0[0])
        }
        history.openQuestions = try await rows(
            "SELECT DISTINCT workflow_id::text FROM questions WHERE closed_at IS NULL AND workflow_id > $1::uuid", mark
        ) { try id($0[0]) }
        history.parked = try await rows(
            """
            SELECT workflow_id::text, stage, generation::text FROM dead_letters
            WHERE kind = 'task' AND stage IS NOT NULL AND workflow_id > $1::uuid
            """, mark
        ) { History.Parked(workflowID: try id($0[0]), stage: $0[1], generation: try number($0[2])) }
        history.streams = try await streams()
        return history
    }

    /// How much each stream holds that has to be empty.
    package func streams() async throws -> [History.Stream] {
        let names = ChannelNames()
        var streams: [History.Stream] = []
        for name in types.flatMap({ names.taskStreams($0) }) + [names.results] {
            let count = try await redis.send(RedisCommand("XLEN", .text(name))).integer ?? 0
            streams.append(History.Stream(name: name, count: count))
        }
        return streams
    }

    private func workflows(
        after mark: UniqueID, _ definitions: [String: [History.Stage]]
    ) async throws -> [History.Workflow] {
        try await rows(
            """
            SELECT w.id::text, convert_from(s.state, 'UTF8'), w.status, w.tenant, coalesce(w.idempotency_key, ''),
                s.definition_hash
            FROM workflows w JOIN workflow_state s USING (id) WHERE w.id > $1::uuid
            """, mark
        ) { row in
            History.Workflow(
                id: try id(row[0]), phase: try WorkflowState(decoding: Array(row[1].utf8)).phase.rawValue,
                shownStatus: row[2], tenant: row[3], idempotencyKey: row[4].isEmpty ? nil : row[4],
                stages: definitions[row[5]] ?? [])
        }
    }

    private func definitions() async throws -> [String: [History.Stage]] {
        var stages: [String: [History.Stage]] = [:]
        for row in try await record.rows("SELECT hash, convert_from(body, 'UTF8') FROM definition_blobs") {
            let definition = try WorkflowDefinition(canonicalJSON: try JSONValue(parsing: Array(row[1].utf8)))
            stages[row[0]] = definition.stages.map {
                History.Stage(
                    name: $0.name, needs: $0.needs, isRequired: $0.required, maxAttempts: $0.retry.maxAttempts)
            }
        }
        return stages
    }

    private func rows<Element>(
        _ sql: SQLText, _ mark: UniqueID, _ body: ([String]) throws -> Element
    ) async throws -> [Element] {
        try await record.rows(sql, [.text("\(mark)")]).map(body)
    }

    private func id(_ text: String) throws -> UniqueID {
        guard let id = UniqueID(text) else { throw Fault(description: "\(text) is no id") }
        return id
    }

    private func number(_ text: String) throws -> Int {
        guard let number = Int(text) else { throw Fault(description: "\(text) is no number") }
        return number
    }

    /// The words of the states of attempts.
    private static let words = [
        0: "queued", 1: "dispatched", 2: "running", 10: "succeeded", 11: "partial", 12: "needs_input", 13: "failed",
        14: "timed_out", 15: "lost", 16: "cancelled",
    ]
}
