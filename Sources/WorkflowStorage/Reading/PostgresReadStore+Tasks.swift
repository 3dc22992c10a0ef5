public import JSONTools
public import PostgresDriver

/// Which attempts a list shows.
public struct AttemptQuery: Sendable, Hashable {
    /// Whose workflows'.
    public var tenant: String
    /// Where they are; nil for any.
    public var status: TaskStatus?
    /// Only of this type of agent.
    public var agentType: String?
    /// Only of the stages of this name.
    public var stage: String?
    /// Only those that come after this one in the list.
    public var after: Place?
    /// The most rows.
    public var limit = 50

    /// A place in the list.
    public struct Place: Sendable, Hashable {
        /// The workflow.
        public var workflowID: UniqueID
        /// The task.
        public var taskID: UniqueID
        /// Number of the attempt.
        public var attempt: Int

        /// A place.
        public init(workflowID: UniqueID, taskID: UniqueID, attempt: Int) {
            self.workflowID = workflowID
            self.taskID = taskID
            self.attempt = attempt
        }
    }

    /// All attempts of a tenant.
    public init(tenant: String) {
        self.tenant = tenant
    }
}

extension PostgresReadStore {
    private static let taskColumns = """
        workflow_id, task_id, attempt, stage, generation, agent_type, action, status, dispatch_id, agent_id, fault_code,
        created_at, started_at, completed_at, deadline
        """

    static let newestAttempts = SQLText(
        unchecked: """
            SELECT DISTINCT ON (stage) \(taskColumns)
            FROM tasks
            WHERE workflow_id = $1
            ORDER BY stage, generation DESC, attempt DESC
            """)

    private static let tasksOfWorkflow = SQLText(
        unchecked: """
            SELECT \(taskColumns)
            FROM tasks
            WHERE workflow_id = $1
              AND ($2::timestamptz IS NULL OR (created_at, task_id, attempt) > ($2, $3::uuid, $4::integer))
            ORDER BY created_at, task_id, attempt
            LIMIT $5
            """)

    private static let attemptsOfTask = SQLText(
        unchecked: """
            SELECT \(taskColumns)
            FROM tasks t
            WHERE task_id = $1 AND EXISTS (SELECT 1 FROM workflows w WHERE w.id = t.workflow_id AND w.tenant || '' = $2)
            ORDER BY attempt
            """)

    private static let newestFirst = SQLText(
        unchecked: """
            SELECT \(taskColumns)
            FROM (
                SELECT *
                FROM tasks t
                WHERE ($4::uuid IS NULL OR (workflow_id, task_id, attempt) < ($4, $5::uuid, $6::integer))
                ORDER BY workflow_id DESC, task_id DESC, attempt DESC
                LIMIT $9) AS t
            WHERE ($1::smallint IS NULL OR status = $1) AND ($2::text IS NULL OR agent_type = $2)
              AND ($3::text IS NULL OR stage = $3)
              AND EXISTS (SELECT 1 FROM workflows w WHERE w.id = t.workflow_id AND w.tenant || '' = $7)
            ORDER BY workflow_id DESC, task_id DESC, attempt DESC
            LIMIT $8
            """)

    /// The attempt at which such a page stops looking.
    private static let lastLookedAt: SQLText = """
        SELECT workflow_id, task_id, attempt
        FROM tasks t
        WHERE ($1::uuid IS NULL OR (workflow_id, task_id, attempt) < ($1, $2::uuid, $3::integer))
        ORDER BY workflow_id DESC, task_id DESC, attempt DESC
        OFFSET $4 - 1
        LIMIT 1
        """

    /// Attempts, those of the newest workflows first. It looks at ``searchWindow`` attempts at most.
    ///
    /// - Returns: at most `limit`; and if there are fewer, where to look on, unless it has looked at all.
    public func attempts(
        _ query: AttemptQuery
    ) async throws(PostgresError) -> (rows: [TaskRow], searchedTo: AttemptQuery.Place?) {
        let rows = try await pool.query(
            Self.newestFirst,
            [
                .int2(query.status?.rawValue), .text(query.agentType), .text(query.stage),
                .uuid(query.after?.workflowID.postgres), .uuid(query.after?.taskID.postgres),
                .int4(query.after.map { Int32(clamping: $0.attempt) }), .text(query.tenant),
                .int8(Int64(query.limit)), .int8(Self.searchWindow),
            ])
        var found: [TaskRow] = []
        for row in rows { found.append(try Self.task(from: row)) }
        guard found.count < query.limit else { return (found, nil) }
        let end = try await pool.query(
            Self.lastLookedAt,
            [
                .uuid(query.after?.workflowID.postgres), .uuid(query.after?.taskID.postgres),
                .int4(query.after.map { Int32(clamping: $0.attempt) }), .int8(Self.searchWindow),
            ])
        guard let row = end.first else { return (found, nil) }
        return (
            found,
            AttemptQuery.Place(workflowID: try row.id(0), taskID: try row.id(1), attempt: Int(try row.int4(2)))
        )
    }

    /// The attempts of a workflow, oldest first.
    ///
    /// - Parameter place: only those that come after this one.
    public func tasks(
        of workflowID: UniqueID, after place: (createdAt: Timestamp, taskID: UniqueID, attempt: Int32)? = nil,
        limit: Int
    ) async throws(PostgresError) -> [TaskRow] {
        let rows = try await pool.query(
            Self.tasksOfWorkflow,
            [
                .uuid(workflowID.postgres), .timestamp(place?.createdAt.postgres), .uuid(place?.taskID.postgres),
                .int4(place?.attempt), .int8(Int64(limit)),
            ])
        var found: [TaskRow] = []
        for row in rows { found.append(try Self.task(from: row)) }
        return found
    }

    /// All attempts of one task, oldest first; empty if there is no such task.
    public func attempts(of taskID: UniqueID, tenant: String) async throws(PostgresError) -> [TaskRow] {
        do {
            // The index that tells where a task is can only be used by a bitmap scan, which is off for all else.
            return try await pool.withTransaction { connection in
                _ = try await connection.query("SET LOCAL enable_bitmapscan = on")
                _ = try await connection.query("SET LOCAL enable_seqscan = off")
                let rows = try await connection.query(
                    Self.attemptsOfTask, [.uuid(taskID.postgres), .text(tenant)])
                var found: [TaskRow] = []
                for row in rows { found.append(try Self.task(from: row)) }
                return found
            }
        } catch let error as PostgresError {
            throw error
        } catch {
            throw PostgresError(.cancelled, "\(error)", outcome: .failed)
        }
    }

    static func task(from row: PostgresRow) throws(PostgresError) -> TaskRow {
        let number = try row.int2(7)
        guard let status = TaskStatus(rawValue: number) else {
            throw PostgresError(.decoding, "\(number) is no status of a task", outcome: .completed)
        }
        return TaskRow(
            workflowID: try row.id(0), taskID: try row.id(1), attempt: Int(try row.int4(2)), stage: try row.text(3),
            generation: Int(try row.int4(4)), agentType: try row.text(5), action: try row.text(6), status: status,
            dispatchID: UInt64(bitPattern: try row.int8(8)), agentID: try row.optionalText(9),
            faultCode: try row.optionalText(10), createdAt: try row.time(11), startedAt: try row.optionalTime(12),
            completedAt: try row.optionalTime(13), deadline: try row.optionalTime(14))
    }
}
