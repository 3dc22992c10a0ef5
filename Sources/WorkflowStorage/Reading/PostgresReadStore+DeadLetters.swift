public import JSONTools
public import PostgresDriver

/// Which dead letters a list shows.
public struct DeadLetterQuery: Sendable, Hashable {
    /// Whose letters: those of the tenant's workflows; for `default`, those too that belong to no workflow.
    public var tenant: String
    /// `message` or `task`; nil for both.
    public var kind: String?
    /// Where they are: `open`, `redriven` or `dropped`; nil for any.
    public var state: DeadLetterState? = .open
    /// Only those with this class of cause.
    public var causeClass: String?
    /// Only those of this workflow.
    public var workflowID: UniqueID?
    /// A place in the list.
    public struct Place: Sendable, Hashable {
        /// When the letter there was recorded.
        public var createdAt: Timestamp
        /// Its id.
        public var id: UniqueID

        /// A place.
        public init(createdAt: Timestamp, id: UniqueID) {
            self.createdAt = createdAt
            self.id = id
        }
    }

    /// Only those that come after this place; nil for the newest.
    public var after: Place?
    /// The most rows.
    public var limit = 50

    /// The open letters that a tenant may see.
    public init(tenant: String) {
        self.tenant = tenant
    }
}

/// What became of a dead letter.
public enum DeadLetterState: String, Sendable, Hashable, CaseIterable {
    /// Nobody has decided about it.
    case open
    /// It was tried again.
    case redriven
    /// Somebody decided that it is not needed.
    case dropped
}

extension PostgresReadStore {
    private static let letterColumns = """
        d.id, d.kind, d.source, d.cause, d.cause_class, d.detail, d.workflow_id, d.stage, d.generation, d.task_id,
        d.attempt, coalesce(d.size_bytes, length(d.bytes)), d.state, d.created_at, d.resolved_at, d.resolved_by,
        (SELECT w.name FROM workflows w WHERE w.id = d.workflow_id)
        """

    /// A letter is its workflow's tenant's; one without a workflow, or of one that isn't there, is `default`'s. `$1`: the
    /// tenant.
    private static let isVisible = """
        coalesce((SELECT w.tenant FROM workflows w WHERE w.id = d.workflow_id), 'default') = $1
        """

    private static let letters = SQLText(
        unchecked: """
            SELECT \(letterColumns)
            FROM dead_letters d
            WHERE ($6::timestamptz IS NULL OR (d.created_at, d.id) < ($6, $8::uuid))
              AND ($2::text IS NULL OR d.kind = $2) AND ($3::text IS NULL OR d.state = $3)
              AND ($4::text IS NULL OR d.cause_class = $4) AND ($5::uuid IS NULL OR d.workflow_id = $5)
              AND \(isVisible)
            ORDER BY d.created_at DESC, d.id DESC
            LIMIT $7
            """)

    private static let oneLetter = SQLText(
        unchecked: """
            SELECT \(letterColumns), d.bytes
            FROM dead_letters d
            WHERE d.id = $2 AND \(isVisible)
            """)

    private static let resolve = SQLText(
        unchecked: """
            UPDATE dead_letters AS d
            SET state = $3, resolved_by = $4, resolved_at = clock_timestamp()
            WHERE d.id = $2 AND d.state = 'open' AND \(isVisible)
            RETURNING d.id
            """)

    /// Dead letters, newest first.
    public func deadLetters(_ query: DeadLetterQuery) async throws(PostgresError) -> [DeadLetterRow] {
        let rows = try await pool.query(
            Self.letters,
            [
                .text(query.tenant), Self.text(query.kind), Self.text(query.state?.rawValue),
                Self.text(query.causeClass), Self.uuid(query.workflowID), .timestamp(query.after?.createdAt.postgres),
                .int8(Int64(query.limit)), Self.uuid(query.after?.id),
            ])
        var found: [DeadLetterRow] = []
        for row in rows { found.append(try Self.letter(from: row)) }
        return found
    }

    /// One dead letter with its content; nil if there is none that the tenant may see.
    public func deadLetter(_ id: UniqueID, tenant: String) async throws(PostgresError) -> DeadLetterContent? {
        let rows = try await pool.query(Self.oneLetter, [.text(tenant), .uuid(id.postgres)])
        guard let row = rows.first else { return nil }
        return DeadLetterContent(row: try Self.letter(from: row), bytes: try row.bytes(17))
    }

    /// Notes what became of an open dead letter.
    ///
    /// - Returns: whether it was open.
    public func resolveDeadLetter(
        _ id: UniqueID, tenant: String, as state: DeadLetterState, actor: String
    ) async throws(PostgresError) -> Bool {
        let rows = try await pool.query(
            Self.resolve, [.text(tenant), .uuid(id.postgres), .text(state.rawValue), .text(actor)])
        return rows.first != nil
    }

    private static func letter(from row: PostgresRow) throws(PostgresError) -> DeadLetterRow {
        let workflowID: PostgresUUID? = try row.optional(6)
        let taskID: PostgresUUID? = try row.optional(9)
        let generation: Int32? = try row.optional(8)
        let attempt: Int32? = try row.optional(10)
        let state = try row.text(12)
        return DeadLetterRow(
            id: try row.id(0), kind: try row.text(1), source: try row.text(2), cause: try row.text(3),
            causeClass: try row.text(4), detail: try row.text(5), workflowID: workflowID.map { UniqueID($0) },
            workflowName: try row.optionalText(16), stage: try row.optionalText(7),
            generation: generation.map { Int($0) },
            taskID: taskID.map { UniqueID($0) }, attempt: attempt.map { Int($0) }, sizeBytes: Int(try row.int4(11)),
            state: DeadLetterState(rawValue: state) ?? .open, createdAt: try row.time(13),
            resolvedAt: try row.optionalTime(14), resolvedBy: try row.optionalText(15))
    }

    private static func text(_ text: String?) -> PostgresParameter { text.map { .text($0) } ?? .null(.text) }

    private static func uuid(_ id: UniqueID?) -> PostgresParameter {
        id.map { .uuid($0.postgres) } ?? .null(.uuid)
    }
}
