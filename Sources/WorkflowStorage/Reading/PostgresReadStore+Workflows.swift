public import JSONTools
public import PostgresDriver
import WorkflowCore

/// Which workflows a list shows, and in which order.
public struct WorkflowQuery: Sendable, Hashable {
    /// What a list is ordered by.
    public enum Order: String, Sendable, Hashable, CaseIterable {
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case name
    }

    /// Where a page begins: after the workflow with this id and this value of what the list is ordered by.
    public struct Position: Sendable, Hashable {
        /// What the list is ordered by, there.
        public var value: String
        /// The id of the workflow there.
        public var id: UniqueID

        /// A place in the list. `value` is microseconds since 1970 for times.
        public init(value: String, id: UniqueID) {
            self.value = value
            self.id = id
        }
    }

    /// Whose workflows.
    public var tenant: String
    /// Only those with this status.
    public var status: String?
    /// Only those of this type.
    public var type: String?
    /// Only those of this priority.
    public var priority: String?
    /// Only those that are at this stage.
    public var stage: String?
    /// Text that occurs in the name or the description, without regard to case.
    public var text: String?
    /// What the list is ordered by.
    public var order = Order.createdAt
    /// Largest first.
    public var isDescending = true
    /// Where the page begins; nil for the first.
    public var after: Position?
    /// 1 to 200.
    public var limit = 50

    /// All workflows of a tenant, newest first.
    public init(tenant: String) {
        self.tenant = tenant
    }

    /// Whether it asks for something that no index knows: then a page looks at so many workflows and no more.
    var isSearch: Bool { text != nil || priority != nil || stage != nil }
}

/// A page of workflows.
public struct WorkflowPage: Sendable {
    /// At most one more than was asked for; that one only says that there are more.
    public var rows: [WorkflowRow]
    /// Where to look on, if a search has not looked at all of them.
    public var searchedTo: WorkflowQuery.Position?
}

extension PostgresReadStore {
    private static let columns = """
        w.id, w.type, w.definition_version, w.name, w.description, w.requirements, w.priority, w.input, w.trace_id,
        w.created_by, w.current_stage, w.progress, w.fault_code, w.fault_message, w.fault_stage,
        w.created_at, w.updated_at, w.started_at, w.completed_at
        """

    /// A hundred years.
    private static let endlessMilliseconds: Int64 = 3_155_760_000_000

    /// `running`, unless people are asked something, or a task that nobody has taken is for a type of which no agent
    /// lives. `$1`: silence in ms.
    private static let derivedStatus = """
        CASE WHEN w.status <> 'running' THEN w.status
        WHEN EXISTS (
            SELECT 1
            FROM questions q
            WHERE q.workflow_id = w.id AND q.closed_at IS NULL)
        THEN 'awaiting_clarification'
        WHEN EXISTS (
            SELECT 1
            FROM tasks t
            WHERE t.workflow_id = w.id AND t.status + 0 < 2 AND NOT EXISTS (
                SELECT 1
                FROM agents a
                WHERE a.agent_type = t.agent_type AND a.gone_at IS NULL
                  AND a.last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond'))
        THEN 'waiting_for_agent' ELSE w.status END
        """

    /// Statuses that are recorded as `running`.
    private static let derivedFromRunning: Set = ["running", "waiting_for_agent", "awaiting_clarification"]

    /// At how many workflows a page looks at most that searches what no index knows.
    public static let searchWindow: Int64 = 20_000

    /// A page of workflows.
    ///
    /// - Parameter judgesSilence: whether an agent that wasn't heard counts as gone. While Redis is away, nobody is.
    public func workflows(
        _ query: WorkflowQuery, judgesSilence: Bool = true
    ) async throws(PostgresError) -> WorkflowPage {
        let silence = judgesSilence ? agentSilenceMilliseconds : Self.endlessMilliseconds
        var parameters: [PostgresParameter] = [.int8(silence), .text(query.tenant)]
        // What an index knows, or narrows down where a page begins; and what each row is then asked.
        var conditions = ["w.tenant = $2"]
        var wishes: [String] = []
        func bind(_ parameter: PostgresParameter) -> String {
            parameters.append(parameter)
            return "$\(parameters.count)"
        }
        if let status = query.status {
            // The recorded status first: it has an index.
            let recorded = Self.derivedFromRunning.contains(status) ? "running" : status
            conditions.append("w.status = \(bind(.text(recorded)))")
            if recorded == "running" { wishes.append("(\(Self.derivedStatus)) = \(bind(.text(status)))") }
        }
        if let type = query.type { conditions.append("w.type = \(bind(.text(type)))") }
        if let priority = query.priority { wishes.append("w.priority = \(bind(.text(priority)))") }
        if let stage = query.stage { wishes.append("w.current_stage = \(bind(.text(stage)))") }
        if let text = query.text {
            let needle = bind(.text(text))
            wishes.append(
                "(position(lower(\(needle)) IN lower(w.name)) > 0 "
                    + "OR position(lower(\(needle)) IN lower(w.description)) > 0)")
        }
        let direction = query.isDescending ? "DESC" : "ASC"
        let comparison = query.isDescending ? "<" : ">"
        let ordering: String
        switch query.order {
        case .createdAt:
            // Ids are made from database time, so they are the order of creation, and indexed.
            if let after = query.after { conditions.append("w.id \(comparison) \(bind(.uuid(after.id.postgres)))") }
            ordering = "w.id \(direction)"
        case .updatedAt:
            if let after = query.after {
                let time = bind(.timestamp(PostgresTimestamp(microseconds: Int64(after.value) ?? 0)))
                conditions.append("(w.updated_at, w.id) \(comparison) (\(time), \(bind(.uuid(after.id.postgres))))")
            }
            ordering = "w.updated_at \(direction), w.id \(direction)"
        case .name:
            if let after = query.after {
                let name = bind(.text(after.value))
                conditions.append("(w.name, w.id) \(comparison) (\(name), \(bind(.uuid(after.id.postgres))))")
            }
            ordering = "w.name \(direction), w.id \(direction)"
        }
        let limit = bind(.int8(Int64(query.limit) + 1))
        let known = conditions.joined(separator: " AND ")
        // Put together from the fragments above only; every value is a parameter.
        guard query.isSearch else {
            let sql = SQLText(
                unchecked: """
                    SELECT \(Self.columns), \(Self.derivedStatus)
                    FROM workflows w
                    WHERE \((conditions + wishes).joined(separator: " AND "))
                    ORDER BY \(ordering)
                    LIMIT \(limit)
                    """)
            return WorkflowPage(rows: try Self.rows(in: try await pool.query(sql, parameters)))
        }
        let window = bind(.int8(Self.searchWindow))
        let sql = SQLText(
            unchecked: """
                SELECT \(Self.columns), \(Self.derivedStatus)
                FROM (SELECT * FROM workflows w WHERE \(known) ORDER BY \(ordering) LIMIT \(window)) AS w
                WHERE \(wishes.joined(separator: " AND "))
                ORDER BY \(ordering)
                LIMIT \(limit)
                """)
        var page = WorkflowPage(rows: try Self.rows(in: try await pool.query(sql, parameters)))
        guard page.rows.count <= query.limit else { return page }
        // All parameters are the same; those that this doesn't use are named, so that they have a type.
        let end = SQLText(
            unchecked: """
                SELECT w.id, w.updated_at, w.name
                FROM workflows w
                WHERE \(known) AND (\(Self.unused(parameters.count)))
                ORDER BY \(ordering)
                OFFSET \(window) - 1
                LIMIT 1
                """)
        if let row = try await pool.query(end, parameters).first {
            let value =
                switch query.order {
                case .createdAt: ""
                case .updatedAt: "\(try row.time(1).microseconds)"
                case .name: try row.text(2)
                }
            page.searchedTo = WorkflowQuery.Position(value: value, id: try row.id(0))
        }
        return page
    }

    private static func unused(_ count: Int) -> String {
        (1...count).map { "$\($0) IS NOT NULL" }.joined(separator: " OR ")
    }

    private static func rows(in rows: PostgresRows) throws(PostgresError) -> [WorkflowRow] {
        var found: [WorkflowRow] = []
        for row in rows { found.append(try workflow(from: row)) }
        return found
    }

    /// The tenant is no condition that an index is searched by: while the table was small the planner chose one that
    /// begins with the tenant, and read all of it for each workflow from then on.
    private static let detail = SQLText(
        unchecked: """
            SELECT \(columns), \(derivedStatus), s.definition_hash, s.state, clock_timestamp()
            FROM workflows w
            JOIN workflow_state s ON s.id = w.id
            WHERE w.id = $2 AND w.tenant || '' = $3
            """)

    /// All about one workflow; nil if the tenant has none of that id.
    public func workflow(_ id: UniqueID, tenant: String) async throws(PostgresError) -> WorkflowDetail? {
        let answers = try await pool.pipeline([
            PostgresStatement(Self.detail, [.int8(agentSilenceMilliseconds), .uuid(id.postgres), .text(tenant)]),
            // The state was read first: what it calls completed has its output here.
            PostgresStatement(
                "SELECT stage, generation, output, artifacts, commit FROM outputs WHERE workflow_id = $1",
                [.uuid(id.postgres)]),
            PostgresStatement(Self.newestAttempts, [.uuid(id.postgres)]),
            PostgresStatement(
                """
                SELECT agent_type, count(*)
                FROM agents
                WHERE gone_at IS NULL AND last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond'
                GROUP BY agent_type
                """,
                [.int8(agentSilenceMilliseconds)]),
            PostgresStatement(
                """
                SELECT stage, generation, round, id, text, options, asked_at, expires_at
                FROM questions
                WHERE workflow_id = $1 AND closed_at IS NULL
                ORDER BY asked_at, stage, round, place
                """,
                [.uuid(id.postgres)]),
        ])
        guard let row = answers[0].first else { return nil }
        let state: WorkflowState
        do {
            state = try WorkflowState(decoding: row.bytes(21))
        } catch {
            throw PostgresError(.decoding, "the state of \(id) can't be read: \(error)", outcome: .completed)
        }
        var detail = WorkflowDetail(
            row: try Self.workflow(from: row), definitionHash: try row.text(20), state: state, outputs: [],
            newestAttempts: [:], livingAgents: [:], now: try row.time(22))
        for row in answers[1] { detail.outputs.append(try Self.output(from: row)) }
        for row in answers[2] {
            let task = try Self.task(from: row)
            detail.newestAttempts[task.stage] = task
        }
        for row in answers[3] { detail.livingAgents[try row.text(0)] = Int(try row.int8(1)) }
        for row in answers[4] { detail.questions.append(try Self.question(from: row)) }
        detail.tasksAhead = try await tasksAhead(in: detail)
        return detail
    }

    private static func output(from row: PostgresRow) throws(PostgresError) -> OutputRow {
        OutputRow(
            stage: try row.text(0), generation: Int(try row.int4(1)), output: try row.json(2),
            artifacts: try row.json(3).arrayValue ?? [], commit: try row.optionalText(4))
    }

    private static func question(from row: PostgresRow) throws(PostgresError) -> QuestionRow {
        QuestionRow(
            stage: try row.text(0), generation: Int(try row.int4(1)), round: Int(try row.int4(2)),
            id: try row.text(3), text: try row.text(4),
            options: try row.json(5).arrayValue?.compactMap(\.stringValue) ?? [], askedAt: try row.time(6),
            expiresAt: try row.time(7))
    }

    /// For how long a task may wait before it is worth counting how many are before it.
    private static let countingPatience: Swift.Duration = .seconds(2)
    /// Up to how many are counted.
    public static let mostTasksAhead = 1000

    /// How many tasks of their types wait since longer, for those of a workflow that nobody has taken; by stage.
    private func tasksAhead(in detail: WorkflowDetail) async throws(PostgresError) -> [String: Int] {
        var found: [String: Int] = [:]
        for (stage, task) in detail.newestAttempts
        where [.queued, .dispatched].contains(task.status) && detail.now - task.createdAt >= Self.countingPatience {
            let rows = try await pool.query(
                """
                SELECT count(*)
                FROM (
                    SELECT 1
                    FROM tasks
                    WHERE status < 10 AND status + 0 IN (0, 1) AND agent_type = $1 AND task_id < $2
                    LIMIT $3) AS t
                """,
                [.text(task.agentType), .uuid(task.taskID.postgres), .int8(Int64(Self.mostTasksAhead))])
            if let row = rows.first { found[stage] = Int(try row.int8(0)) }
        }
        return found
    }

    /// Whether a tenant has this workflow, and whether it has ended; nil if there is none.
    public func isTerminal(_ id: UniqueID, tenant: String) async throws(PostgresError) -> Bool? {
        let rows = try await pool.query(
            """
            SELECT s.is_terminal
            FROM workflow_state s
            JOIN workflows w ON w.id = s.id
            WHERE s.id = $1 AND w.tenant || '' = $2
            """,
            [.uuid(id.postgres), .text(tenant)])
        guard let row = rows.first else { return nil }
        return try row.bool(0)
    }

    private static func workflow(from row: PostgresRow) throws(PostgresError) -> WorkflowRow {
        var fault: WorkflowFault?
        if let code = try row.optionalText(12) {
            fault = WorkflowFault(code: code, message: try row.optionalText(13) ?? "", isRetryable: false)
        }
        return WorkflowRow(
            id: try row.id(0), type: try row.text(1), definitionVersion: Int(try row.int4(2)), name: try row.text(3),
            description: try row.text(4), requirements: try row.text(5), priority: try row.text(6),
            input: try row.json(7), traceID: try row.text(8), createdBy: try row.text(9), status: try row.text(19),
            currentStage: try row.optionalText(10), progress: Int(try row.int2(11)), fault: fault,
            faultStage: try row.optionalText(14), createdAt: try row.time(15), updatedAt: try row.time(16),
            startedAt: try row.optionalTime(17), completedAt: try row.optionalTime(18))
    }
}
