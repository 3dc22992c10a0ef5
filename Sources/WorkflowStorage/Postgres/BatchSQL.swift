import JSONTools
import PostgresDriver
import WorkflowCore

/// The statements of a batch: reading. Writing is in `BatchSQL+Save.swift`.
enum BatchSQL {
    static let now: SQLText = "SELECT clock_timestamp()"

    static let lockSkipping: SQLText = """
        SELECT id, definition_hash, version, state
        FROM workflow_state
        WHERE id = ANY ($1)
        ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
        """

    static let lockWaiting: SQLText = """
        SELECT id, definition_hash, version, state
        FROM workflow_state
        WHERE id = ANY ($1)
        ORDER BY id
        FOR NO KEY UPDATE
        """

    static let facts: SQLText = """
        SELECT id, type, name, description, requirements, priority, input, trace_id
        FROM workflows
        WHERE id = ANY ($1)
        """

    static let knownKeys: SQLText = """
        SELECT w.tenant, w.idempotency_key, w.id, w.body_hash
        FROM unnest($1::text[], $2::text[]) AS k (tenant, key)
        JOIN workflows w ON w.tenant = k.tenant AND w.idempotency_key = k.key
        """

    static let outputs: SQLText = """
        SELECT o.workflow_id, o.stage, o.generation, o.output, o.artifacts, o.commit
        FROM unnest($1::uuid[], $2::text[], $3::int[]) AS k (workflow_id, stage, generation)
        JOIN outputs o ON o.workflow_id = k.workflow_id AND o.stage = k.stage AND o.generation = k.generation
        """

    static let definitionBlob: SQLText = "SELECT body FROM definition_blobs WHERE hash = $1"

    /// Decides whether a batch was committed: waits for a commit that is still under way; a returned row means that it
    /// was not committed and, its id being taken, never can be.
    static let claimBatch: SQLText = "INSERT INTO batches (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1"

    /// Reads the answers to the statements that begin a batch, in the order in which they were asked.
    static func load(from answers: [PostgresRows], for request: BatchRequest) throws(PostgresError) -> BatchLoad {
        var next = 1
        func take(_ isAsked: Bool) -> PostgresRows? {
            guard isAsked else { return nil }
            defer { next += 1 }
            return answers[next]
        }
        var locked: [LockedWorkflow] = []
        if let rows = take(!request.workflows.isEmpty) {
            locked.reserveCapacity(rows.count)
            for row in rows {
                locked.append(
                    LockedWorkflow(
                        id: try row.id(0), definitionHash: try row.text(1), version: try row.int8(2),
                        state: try row.bytes(3)))
            }
        }
        var facts: [WorkflowFacts] = []
        if let rows = take(!request.factsOf.isEmpty) {
            for row in rows { facts.append(try workflowFacts(from: row)) }
        }
        var known: [KnownKey] = []
        if let rows = take(!request.keys.isEmpty) {
            for row in rows {
                known.append(
                    KnownKey(
                        key: IdempotencyKey(tenant: try row.text(0), key: try row.text(1)), workflowID: try row.id(2),
                        bodyHash: try row.optionalText(3)))
            }
        }
        return BatchLoad(now: try answers[next].only().time(0), locked: locked, facts: facts, known: known)
    }

    private static func workflowFacts(from row: PostgresRow) throws(PostgresError) -> WorkflowFacts {
        WorkflowFacts(
            id: try row.id(0), type: try row.text(1), name: try row.text(2), description: try row.text(3),
            requirements: try row.text(4), priority: WorkflowPriority(rawValue: try row.text(5)) ?? .medium,
            input: try row.json(6), traceID: try row.text(7))
    }

    static func leftEntry(from row: PostgresRow) throws(PostgresError) -> LeftEntry {
        LeftEntry(
            agentType: try row.text(0), priority: WorkflowPriority(rawValue: try row.text(1)) ?? .medium,
            entryID: try row.text(2))
    }

    static func resentTask(from row: PostgresRow) throws(PostgresError) -> ResentTask {
        ResentTask(
            workflowID: try row.id(0),
            reference: AttemptReference(
                taskID: try row.id(1), attempt: Int(try row.int4(2)),
                dispatchID: UInt64(bitPattern: try row.int8(3))),
            agentType: try row.text(4), priority: WorkflowPriority(rawValue: try row.text(5)) ?? .medium,
            payload: try row.bytes(6))
    }
}
