import JSONTools
import PostgresDriver
import WorkflowCore

/// Writing a batch: one statement a table, arrays in binary, never a loop of single-row statements.
///
/// Why `status + 0 < 10` here: with `status < 10` the planner takes the partial index of open attempts and compares each
/// row of the batch with all of them, dead entries included. The primary key finds each at once.
extension BatchSQL {
    /// The statements that write a batch, in an order that respects what refers to what.
    ///
    /// - Returns: the statements, and the indexes of those whose answers list the attempts sent again, the entries left
    ///   by attempts that ended without their agent's word, and the attempts let go.
    static func statements(
        for save: BatchSave
    ) -> (list: [PostgresStatement], sentAgainIndex: Int?, closingsIndex: Int?, releases: Range<Int>) {
        var list: [PostgresStatement] = []
        if !save.created.isEmpty { list.append(insertWorkflows(save)) }
        if !save.newStates.isEmpty { list.append(insertStates(save.newStates)) }
        let (queued, sent) = save.tasks.split(by: \.isQueued)
        if !save.tasks.isEmpty { list.append(insertPayloads(save.tasks)) }
        if !sent.isEmpty { list.append(insertTasks(sent, at: save.now)) }
        if !queued.isEmpty { list.append(insertQueued(queued, at: save.now)) }
        if !save.bindings.isEmpty { list.append(bind(save)) }
        var sentAgainIndex: Int?
        if !save.sentAgain.isEmpty {
            sentAgainIndex = list.count
            list.append(sendAgain(save))
        }
        if !save.stopping.isEmpty { list.append(markStopping(save)) }
        var closingsIndex: Int?
        let (answered, unanswered) = save.closings.split(by: \.closing.keepsResult)
        if !answered.isEmpty { list.append(close(answered, at: save.now)) }
        if !unanswered.isEmpty {
            closingsIndex = list.count
            list.append(closeUnanswered(unanswered, at: save.now))
        }
        if !save.outputs.isEmpty {
            list.append(insertOutputs(save))
            if let artifacts = insertArtifacts(save) { list.append(artifacts) }
        }
        if !save.events.isEmpty { list.append(insertEvents(save)) }
        list += timers(save)
        if !save.states.isEmpty { list.append(updateStates(save.states)) }
        if !save.summaries.isEmpty { list.append(updateSummaries(save.summaries)) }
        if !save.deadLetters.isEmpty { list.append(insertDeadLetters(save.deadLetters)) }
        list += waiting(save)
        list.append(PostgresStatement("INSERT INTO batches (id) VALUES ($1)", [.uuid(save.id.postgres)]))
        // Last: whoever wants a row that is let go waits for the commit, and this transaction for nobody any more.
        let firstRelease = list.count
        for (agentType, count, turn) in save.releases {
            list.append(release(agentType: agentType, count: count, turn: turn))
        }
        return (list, sentAgainIndex, closingsIndex, firstRelease..<list.count)
    }

    /// What few batches have. What is parked before its workflow runs again is redriven by that; the questions that it
    /// leaves behind are closed before it asks new ones.
    private static func waiting(_ save: BatchSave) -> [PostgresStatement] {
        var list: [PostgresStatement] = []
        if !save.parked.isEmpty { list.append(insertParked(save)) }
        if !save.reopened.isEmpty { list += reopen(save) }
        if !save.holds.isEmpty { list.append(hold(save)) }
        if !save.questions.isEmpty { list.append(insertQuestions(save)) }
        if !save.answered.isEmpty { list += answer(save) }
        return list
    }

    private static func insertWorkflows(_ save: BatchSave) -> PostgresStatement {
        let rows = save.created
        let summaries = save.createdSummaries
        return PostgresStatement(
            """
            INSERT INTO workflows (
                id, type, definition_version, name, description, requirements, priority, tenant, input, trace_id,
                created_by, idempotency_key, body_hash, status, current_stage, progress, state_version, fault_code,
                fault_message, fault_stage, completed_at, created_at, updated_at, started_at)
            SELECT n.*, $22, $22, $22
            FROM unnest(
                $1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
                $16::smallint[], $17::bigint[], $18::text[], $19::text[], $20::text[], $21::timestamptz[]) AS n
            """,
            [
                .uuidArray(rows.map(\.facts.id.postgres)), .textArray(rows.map(\.facts.type)),
                .int4Array(rows.map { Int32($0.definitionVersion) }), .textArray(rows.map(\.facts.name)),
                .textArray(rows.map(\.facts.description)), .textArray(rows.map(\.facts.requirements)),
                .textArray(rows.map(\.facts.priority.rawValue)), .textArray(rows.map(\.tenant)),
                .bytesArray(rows.map { $0.facts.input.encoded() }), .textArray(rows.map(\.facts.traceID)),
                .textArray(rows.map(\.createdBy)), .nullableTextArray(rows.map(\.idempotencyKey)),
                .nullableTextArray(rows.map(\.bodyHash)), .textArray(summaries.map(\.status)),
                .nullableTextArray(summaries.map(\.currentStage)),
                .int2Array(summaries.map { Int16($0.progress) }), .int8Array(summaries.map(\.version)),
                .nullableTextArray(summaries.map(\.fault?.code)), .nullableTextArray(summaries.map(\.fault?.message)),
                .nullableTextArray(summaries.map(\.faultStage)),
                .nullableTimestampArray(summaries.map { $0.completedAt?.postgres }), .timestamp(save.now.postgres),
            ])
    }

    private static func insertStates(_ states: [BatchSave.State]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO workflow_state (id, definition_hash, version, is_terminal, state, next_wake_at)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::bytea[], $6::timestamptz[])
            """,
            [
                .uuidArray(states.map(\.id.postgres)), .textArray(states.map(\.definitionHash)),
                .int8Array(states.map(\.version)), .boolArray(states.map(\.isTerminal)),
                .bytesArray(states.map(\.bytes)), .timestampArray(states.map(\.nextWake.postgres)),
            ])
    }

    private static func updateStates(_ states: [BatchSave.State]) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE workflow_state AS s
            SET version = n.version, is_terminal = n.is_terminal, state = n.state, next_wake_at = n.next_wake_at
            FROM unnest($1::uuid[], $2::bigint[], $3::boolean[], $4::bytea[], $5::timestamptz[])
                AS n (id, version, is_terminal, state, next_wake_at)
            WHERE s.id = n.id
            """,
            [
                .uuidArray(states.map(\.id.postgres)), .int8Array(states.map(\.version)),
                .boolArray(states.map(\.isTerminal)), .bytesArray(states.map(\.bytes)),
                .timestampArray(states.map(\.nextWake.postgres)),
            ])
    }

    private static func insertTasks(_ tasks: [NewTask], at now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO tasks (
                workflow_id, task_id, attempt, stage, generation, agent_type, action, priority, dispatch_id, status,
                publish_by, created_at)
            SELECT n.*, 1, clock_timestamp() + interval '5 seconds', $10
            FROM unnest(
                $1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
                $9::bigint[]) AS n
            """,
            taskParameters(tasks) + [.timestamp(now.postgres)])
    }

    private static func insertPayloads(_ tasks: [NewTask]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO task_payloads (workflow_id, task_id, attempt, body)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::bytea[])
            """,
            [
                .uuidArray(tasks.map(\.workflowID.postgres)), .uuidArray(tasks.map(\.reference.taskID.postgres)),
                .int4Array(tasks.map { Int32($0.reference.attempt) }), .bytesArray(tasks.map(\.payload)),
            ])
    }

    /// Nine arrays, in the order of the columns.
    static func taskParameters(_ tasks: [NewTask]) -> [PostgresParameter] {
        [
            .uuidArray(tasks.map(\.workflowID.postgres)), .uuidArray(tasks.map(\.reference.taskID.postgres)),
            .int4Array(tasks.map { Int32($0.reference.attempt) }), .textArray(tasks.map(\.stage)),
            .int4Array(tasks.map { Int32($0.generation) }), .textArray(tasks.map(\.agentType)),
            .textArray(tasks.map(\.action)), .textArray(tasks.map(\.priority.rawValue)),
            .int8Array(tasks.map { Int64(bitPattern: $0.reference.dispatchID) }),
        ]
    }

    private static func bind(_ save: BatchSave) -> PostgresStatement {
        let rows = save.bindings
        return PostgresStatement(
            """
            UPDATE tasks AS t
            SET status = 2, agent_id = n.agent_id, deadline = n.deadline, started_at = $6, published = true
            FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::timestamptz[])
                AS n (workflow_id, task_id, attempt, agent_id, deadline)
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .uuidArray(rows.map(\.reference.taskID.postgres)),
                .int4Array(rows.map { Int32($0.reference.attempt) }), .textArray(rows.map(\.agentID)),
                .timestampArray(rows.map(\.deadline.postgres)), .timestamp(save.now.postgres),
            ])
    }

    /// A held attempt that was never sent gets its new mark and stays where it is: its row answers with status 0.
    private static func sendAgain(_ save: BatchSave) -> PostgresStatement {
        let rows = save.sentAgain
        return PostgresStatement(
            """
            UPDATE tasks AS t
            SET dispatch_id = n.dispatch_id, published = false, entry_id = NULL,
                status = CASE WHEN t.status = 0 AND t.is_held THEN 0 ELSE greatest(t.status, 1) END,
                publish_by = clock_timestamp() + interval '5 seconds'
            FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::bigint[])
                AS n (workflow_id, task_id, attempt, dispatch_id)
            LEFT JOIN task_payloads p
                ON p.workflow_id = n.workflow_id AND p.task_id = n.task_id AND p.attempt = n.attempt
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            RETURNING t.workflow_id, t.task_id, t.attempt, t.dispatch_id, t.agent_type, t.priority,
                coalesce(p.body, t.payload), t.status
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .uuidArray(rows.map(\.reference.taskID.postgres)),
                .int4Array(rows.map { Int32($0.reference.attempt) }),
                .int8Array(rows.map { Int64(bitPattern: $0.reference.dispatchID) }),
            ])
    }

    private static func markStopping(_ save: BatchSave) -> PostgresStatement {
        let rows = save.stopping
        return PostgresStatement(
            """
            UPDATE tasks AS t
            SET is_stopping = true, is_held = t.is_held OR t.status = 0
            FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS n (workflow_id, task_id, attempt)
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .uuidArray(rows.map(\.reference.taskID.postgres)),
                .int4Array(rows.map { Int32($0.reference.attempt) }),
            ])
    }

    private static func close(_ rows: [BatchSave.Closing], at now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE tasks AS t
            SET status = n.status, result = n.result, fault_code = n.fault_code, completed_at = $8,
                agent_id = coalesce(n.agent_id, t.agent_id)
            FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::bytea[], $6::text[], $7::text[])
                AS n (workflow_id, task_id, attempt, status, result, fault_code, agent_id)
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            """,
            closingParameters(rows, results: true) + [.timestamp(now.postgres)])
    }

    /// Closes attempts that ended without their agent's word; their entries are still on the stream.
    private static func closeUnanswered(_ rows: [BatchSave.Closing], at now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE tasks AS t
            SET status = n.status, fault_code = n.fault_code, completed_at = $7,
                agent_id = coalesce(n.agent_id, t.agent_id)
            FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::text[], $6::text[])
                AS n (workflow_id, task_id, attempt, status, fault_code, agent_id)
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            RETURNING t.agent_type, t.priority, coalesce(t.entry_id, '')
            """,
            closingParameters(rows, results: false) + [.timestamp(now.postgres)])
    }

    private static func closingParameters(_ rows: [BatchSave.Closing], results: Bool) -> [PostgresParameter] {
        [
            .uuidArray(rows.map(\.workflowID.postgres)), .uuidArray(rows.map(\.closing.taskID.postgres)),
            .int4Array(rows.map { Int32($0.closing.attempt) }),
            .int2Array(rows.map { TaskStatus($0.closing.status).rawValue }),
        ] + (results ? [.nullableBytesArray(rows.map(\.result))] : []) + [
            .nullableTextArray(rows.map(\.closing.faultCode)), .nullableTextArray(rows.map(\.closing.agentID)),
        ]
    }

    private static func insertOutputs(_ save: BatchSave) -> PostgresStatement {
        let rows = save.outputs
        return PostgresStatement(
            """
            INSERT INTO outputs (workflow_id, stage, generation, output, artifacts, commit, created_at)
            SELECT n.*, $7
            FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bytea[], $5::bytea[], $6::text[]) AS n
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .textArray(rows.map(\.acceptance.stage)),
                .int4Array(rows.map { Int32($0.acceptance.generation) }),
                .bytesArray(rows.map { $0.acceptance.output.encoded() }),
                .bytesArray(rows.map { JSONValue.array($0.acceptance.artifacts).encoded() }),
                .nullableTextArray(rows.map(\.acceptance.commit)), .timestamp(save.now.postgres),
            ])
    }

    private static func insertArtifacts(_ save: BatchSave) -> PostgresStatement? {
        let rows = save.outputs.flatMap { row in
            row.acceptance.artifacts.map { (row: row, artifact: $0) }
        }
        guard !rows.isEmpty else { return nil }
        return PostgresStatement(
            """
            INSERT INTO artifacts (workflow_id, stage, generation, name, type, sha256, size_bytes, label, created_at)
            SELECT n.*, $9
            FROM unnest(
                $1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[]) AS n
            ON CONFLICT (workflow_id, stage, generation, name) DO NOTHING
            """,
            [
                .uuidArray(rows.map(\.row.workflowID.postgres)), .textArray(rows.map(\.row.acceptance.stage)),
                .int4Array(rows.map { Int32($0.row.acceptance.generation) }),
                .textArray(rows.map { $0.artifact["name"]?.stringValue ?? "" }),
                .textArray(rows.map { $0.artifact["type"]?.stringValue ?? "application/octet-stream" }),
                .textArray(rows.map { $0.artifact["sha256"]?.stringValue ?? "" }),
                .int8Array(rows.map { Int64($0.artifact["size_bytes"]?.intValue ?? 0) }),
                .nullableTextArray(rows.map { $0.artifact["label"]?.stringValue }), .timestamp(save.now.postgres),
            ])
    }

    private static func insertEvents(_ save: BatchSave) -> PostgresStatement {
        let rows = save.events
        return PostgresStatement(
            """
            INSERT INTO events (workflow_id, seq, kind, severity, actor, data, at)
            SELECT n.*, $7
            FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[]) AS n
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .int8Array(rows.map(\.record.sequence)),
                .textArray(rows.map(\.record.kind.rawValue)), .textArray(rows.map(\.record.severity.rawValue)),
                .textArray(rows.map(\.record.actor)),
                .bytesArray(rows.map { JSONValue.object($0.record.data).encoded() }),
                .timestamp(save.now.postgres),
            ])
    }

    private static func timers(_ save: BatchSave) -> [PostgresStatement] {
        var list: [PostgresStatement] = []
        // Within a batch the last word on a workflow counts.
        var latest: [UniqueID: Timestamp?] = [:]
        for (workflowID, due) in save.timers { latest[workflowID] = .some(due) }
        let set = latest.compactMap { id, due in due.map { (id, $0) } }.sorted { $0.0 < $1.0 }
        let cleared = latest.filter { $0.value == nil }.keys.sorted()
        if !set.isEmpty {
            list.append(
                PostgresStatement(
                    """
                    INSERT INTO timers (workflow_id, due_at)
                    SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
                    ON CONFLICT (workflow_id) DO UPDATE SET due_at = excluded.due_at
                    """,
                    [.uuidArray(set.map(\.0.postgres)), .timestampArray(set.map(\.1.postgres))]))
        }
        if !cleared.isEmpty {
            list.append(
                PostgresStatement(
                    "DELETE FROM timers WHERE workflow_id = ANY ($1)", [.uuidArray(cleared.map(\.postgres))]))
        }
        return list
    }

    /// Brings the searchable rows up to date; an older version never overwrites a newer one.
    static func updateSummaries(_ summaries: [WorkflowSummary]) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE workflows AS w
            SET status = n.status, current_stage = n.current_stage, progress = n.progress,
                state_version = n.state_version, fault_code = n.fault_code, fault_message = n.fault_message,
                fault_stage = n.fault_stage, started_at = n.started_at, completed_at = n.completed_at,
                updated_at = clock_timestamp()
            FROM unnest(
                $1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                $9::timestamptz[], $10::timestamptz[]) AS n (
                    id, status, current_stage, progress, state_version, fault_code, fault_message, fault_stage,
                    started_at, completed_at)
            WHERE w.id = n.id AND w.state_version < n.state_version
            """,
            [
                .uuidArray(summaries.map(\.id.postgres)), .textArray(summaries.map(\.status)),
                .nullableTextArray(summaries.map(\.currentStage)), .int2Array(summaries.map { Int16($0.progress) }),
                .int8Array(summaries.map(\.version)), .nullableTextArray(summaries.map(\.fault?.code)),
                .nullableTextArray(summaries.map(\.fault?.message)), .nullableTextArray(summaries.map(\.faultStage)),
                .nullableTimestampArray(summaries.map { $0.startedAt?.postgres }),
                .nullableTimestampArray(summaries.map { $0.completedAt?.postgres }),
            ])
    }

    static func insertDeadLetters(_ letters: [DeadLetter]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO dead_letters (
                id, kind, source, cause, detail, bytes, workflow_id, cause_class, size_bytes)
            SELECT gen_random_uuid(), n.*
            FROM unnest(
                $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::text[], $8::int[]) AS n
            """,
            [
                .textArray(letters.map(\.kind.rawValue)), .textArray(letters.map(\.source)),
                .textArray(letters.map(\.cause)), .textArray(letters.map(\.detail)),
                .bytesArray(letters.map(\.bytes)), .nullableUUIDArray(letters.map { $0.workflowID?.postgres }),
                .textArray(letters.map(\.causeClass.rawValue)),
                .int4Array(letters.map { Int32(clamping: $0.originalSizeBytes) }),
            ])
    }
}

extension Sequence {
    /// The elements that satisfy a condition, and the others, each in order.
    fileprivate func split(by condition: (Element) -> Bool) -> (fitting: [Element], others: [Element]) {
        var fitting: [Element] = []
        var others: [Element] = []
        for element in self {
            if condition(element) { fitting.append(element) } else { others.append(element) }
        }
        return (fitting, others)
    }
}
