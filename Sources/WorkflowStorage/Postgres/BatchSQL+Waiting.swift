import JSONTools
import PostgresDriver
import WorkflowCore

/// Writing what waits: queued attempts, questions, parked tasks. None of it is on the hot path.
extension BatchSQL {
    /// Attempts that are recorded only. They bear their tenant, which decides whose turn it is.
    static func insertQueued(_ tasks: [NewTask], at now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO tasks (
                workflow_id, task_id, attempt, stage, generation, agent_type, action, priority, dispatch_id, status,
                publish_by, created_at, tenant)
            SELECT n.*, 0, clock_timestamp() + interval '5 seconds', $10, w.tenant
            FROM unnest(
                $1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
                $9::bigint[])
                AS n (workflow_id, task_id, attempt, stage, generation, agent_type, action, priority, dispatch_id)
            JOIN workflows w ON w.id = n.workflow_id
            """,
            taskParameters(tasks) + [.timestamp(now.postgres)])
    }

    /// What is queued and to be stopped stays held: it has nobody to stop it but us.
    static func hold(_ save: BatchSave) -> PostgresStatement {
        let rows = save.lastHolds
        return PostgresStatement(
            """
            UPDATE tasks AS t
            SET is_held = n.is_held OR (t.is_stopping AND t.status = 0)
            FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[]) AS n (workflow_id, task_id, attempt, is_held)
            WHERE t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
              AND t.status + 0 < 10
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .uuidArray(rows.map(\.reference.taskID.postgres)),
                .int4Array(rows.map { Int32($0.reference.attempt) }), .boolArray(rows.map(\.isHeld)),
            ])
    }

    static func insertQuestions(_ save: BatchSave) -> PostgresStatement {
        let rows = save.questions
        return PostgresStatement(
            """
            INSERT INTO questions (
                workflow_id, stage, generation, round, id, task_id, attempt, text, options, expires_at, place, asked_at)
            SELECT n.*, $11
            FROM unnest(
                $1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::uuid[], $7::int[], $8::text[],
                $9::bytea[], $10::timestamptz[]) WITH ORDINALITY AS n
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .textArray(rows.map(\.stage)),
                .int4Array(rows.map { Int32($0.generation) }), .int4Array(rows.map { Int32($0.round) }),
                .textArray(rows.map(\.id)), .uuidArray(rows.map(\.taskID.postgres)),
                .int4Array(rows.map { Int32($0.attempt) }), .textArray(rows.map(\.text)),
                .bytesArray(rows.map { JSONValue.array($0.options.map { .string($0) }).encoded() }),
                .timestampArray(rows.map(\.expiresAt.postgres)), .timestamp(save.now.postgres),
            ])
    }

    /// Keeps the answers, and closes their rounds.
    static func answer(_ save: BatchSave) -> [PostgresStatement] {
        let answers = save.answered.flatMap { round in round.values.map { (round: round, answer: $0) } }
        let rounds = save.answered
        var list: [PostgresStatement] = []
        if !answers.isEmpty {
            list.append(
                PostgresStatement(
                    """
                    UPDATE questions AS q
                    SET answer = n.answer, answered_by = n.actor, answered_at = $8
                    FROM unnest(
                        $1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[], $6::bytea[], $7::text[])
                        AS n (workflow_id, stage, generation, round, id, answer, actor)
                    WHERE q.workflow_id = n.workflow_id AND q.stage = n.stage AND q.generation = n.generation
                      AND q.round = n.round AND q.id = n.id
                    """,
                    [
                        .uuidArray(answers.map(\.round.workflowID.postgres)), .textArray(answers.map(\.round.stage)),
                        .int4Array(answers.map { Int32($0.round.generation) }),
                        .int4Array(answers.map { Int32($0.round.round) }), .textArray(answers.map(\.answer.id)),
                        .bytesArray(answers.map { $0.answer.value.encoded() }),
                        .textArray(answers.map(\.round.actor)), .timestamp(save.now.postgres),
                    ]))
        }
        list.append(
            PostgresStatement(
                """
                UPDATE questions AS q
                SET closed_at = $5
                FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS n (workflow_id, stage, generation, round)
                WHERE q.workflow_id = n.workflow_id AND q.stage = n.stage AND q.generation = n.generation
                  AND q.round = n.round AND q.closed_at IS NULL
                """,
                [
                    .uuidArray(rounds.map(\.workflowID.postgres)), .textArray(rounds.map(\.stage)),
                    .int4Array(rounds.map { Int32($0.generation) }), .int4Array(rounds.map { Int32($0.round) }),
                    .timestamp(save.now.postgres),
                ]))
        return list
    }

    /// Parked tasks become dead letters: what the last attempt was asked to do is copied from its row.
    static func insertParked(_ save: BatchSave) -> PostgresStatement {
        let rows = save.parked
        return PostgresStatement(
            """
            INSERT INTO dead_letters (
                id, kind, source, cause, detail, cause_class, bytes, size_bytes, workflow_id, stage, generation,
                task_id, attempt, created_at)
            SELECT gen_random_uuid(), 'task', 'agent:' || t.agent_type || ':tasks', n.fault_code, n.fault_message,
                n.cause_class, substring(coalesce(p.body, t.payload) FOR $9), length(coalesce(p.body, t.payload)),
                n.workflow_id, n.stage, n.generation, n.task_id, n.attempt, $10
            FROM unnest(
                $1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::text[])
                AS n (workflow_id, stage, generation, task_id, attempt, fault_code, fault_message, cause_class)
            JOIN tasks t ON t.workflow_id = n.workflow_id AND t.task_id = n.task_id AND t.attempt = n.attempt
            LEFT JOIN task_payloads p
                ON p.workflow_id = n.workflow_id AND p.task_id = n.task_id AND p.attempt = n.attempt
            ON CONFLICT (workflow_id, stage, generation) WHERE kind = 'task' AND stage IS NOT NULL DO NOTHING
            """,
            [
                .uuidArray(rows.map(\.workflowID.postgres)), .textArray(rows.map(\.stage)),
                .int4Array(rows.map { Int32($0.generation) }), .uuidArray(rows.map(\.taskID.postgres)),
                .int4Array(rows.map { Int32($0.attempt) }), .textArray(rows.map(\.faultCode)),
                .textArray(rows.map(\.faultMessage)), .textArray(rows.map(\.causeClass)),
                .int4(Int32(DeadLetter.bytesLimit)), .timestamp(save.now.postgres),
            ])
    }

    /// What workflows that had ended leave behind when they run again.
    static func reopen(_ save: BatchSave) -> [PostgresStatement] {
        let stages = save.reopened.flatMap { workflow in workflow.stages.map { (workflow: workflow, stage: $0) } }
        return [
            PostgresStatement(
                """
                UPDATE dead_letters AS d
                SET state = 'redriven', resolved_by = n.actor, resolved_at = $4
                FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (workflow_id, actor, stage)
                WHERE d.workflow_id = n.workflow_id AND d.stage = n.stage AND d.kind = 'task' AND d.state = 'open'
                """,
                [
                    .uuidArray(stages.map(\.workflow.workflowID.postgres)), .textArray(stages.map(\.workflow.actor)),
                    .textArray(stages.map(\.stage)), .timestamp(save.now.postgres),
                ]),
            PostgresStatement(
                "UPDATE questions SET closed_at = $2 WHERE workflow_id = ANY ($1) AND closed_at IS NULL",
                [.uuidArray(save.reopened.map(\.workflowID.postgres)), .timestamp(save.now.postgres)]),
        ]
    }
}
