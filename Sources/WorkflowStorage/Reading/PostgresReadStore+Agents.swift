import JSONTools
public import PostgresDriver

/// Which agents a list shows.
public struct AgentQuery: Sendable, Hashable {
    /// A place in the list.
    public struct Place: Sendable, Hashable {
        /// Whether the agent there has said goodbye.
        public var isGone: Bool
        /// Its id.
        public var id: String

        /// A place.
        public init(isGone: Bool, id: String) {
            self.isGone = isGone
            self.id = id
        }
    }

    /// Only of this type.
    public var type: String?
    /// Only those that have, or have not, said goodbye.
    public var isGone: Bool?
    /// Only those that were, or were not, heard lately.
    public var isHeard: Bool?
    /// Only those that come after this place.
    public var after: Place?
    /// The most rows.
    public var limit = 50

    /// All agents.
    public init() {}
}

/// The agents of a type that live.
public struct LivingAgents: Sendable, Hashable {
    /// The type.
    public var agentType: String
    /// How many there are.
    public var count: Int
    /// How many tasks they can run.
    public var slots: Int
    /// How many they run.
    public var busySlots: Int
}

extension PostgresReadStore {
    private static let agentColumns = """
        agent_id, agent_type, version, actions, slots, free_slots, running, host, pid, registered_at,
        last_heartbeat_at, gone_at,
        gone_at IS NULL AND last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond',
        is_draining
        """

    private static let someAgents = SQLText(
        unchecked: """
            SELECT \(agentColumns)
            FROM agents
            WHERE ($3::text IS NULL OR agent_type = $3)
              AND ($4::boolean IS NULL OR (gone_at IS NOT NULL) = $4)
              AND ($5::boolean IS NULL
                OR (last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond') = $5)
              AND ($6::boolean IS NULL OR (gone_at IS NOT NULL, agent_id) > ($6, $7::text))
            ORDER BY gone_at IS NOT NULL, agent_id
            LIMIT $2
            """)

    private static let oneAgent = SQLText(
        unchecked: "SELECT \(agentColumns) FROM agents WHERE agent_id = $2")

    /// How many agents of each type live, with how many slots, and how many of those are busy.
    public func livingAgents() async throws(PostgresError) -> [LivingAgents] {
        let rows = try await pool.query(
            """
            SELECT agent_type, count(*), sum(slots)::bigint, sum(running)::bigint
            FROM agents
            WHERE gone_at IS NULL AND last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond'
            GROUP BY agent_type
            ORDER BY agent_type
            """,
            [.int8(agentSilenceMilliseconds)])
        var found: [LivingAgents] = []
        for row in rows {
            found.append(
                LivingAgents(
                    agentType: try row.text(0), count: Int(try row.int8(1)), slots: Int(try row.int8(2)),
                    busySlots: Int(try row.int8(3))))
        }
        return found
    }

    /// Agents, first those that have not said goodbye, by id.
    public func agents(_ query: AgentQuery) async throws(PostgresError) -> [AgentRow] {
        let rows = try await pool.query(
            Self.someAgents,
            [
                .int8(agentSilenceMilliseconds), .int8(Int64(query.limit)), .text(query.type), .bool(query.isGone),
                .bool(query.isHeard), .bool(query.after?.isGone), .text(query.after?.id),
            ])
        var found: [AgentRow] = []
        for row in rows { found.append(try Self.agent(from: row)) }
        return found
    }

    /// One agent; nil if none of that id was ever heard.
    public func agent(_ id: String) async throws(PostgresError) -> AgentRow? {
        let rows = try await pool.query(Self.oneAgent, [.int8(agentSilenceMilliseconds), .text(id)])
        guard let row = rows.first else { return nil }
        return try Self.agent(from: row)
    }

    /// Notes whether an agent is to take no more tasks; it is told with its next heartbeats.
    ///
    /// - Returns: the agent; nil if none of that id was ever heard.
    public func drainAgent(_ id: String, _ isDraining: Bool) async throws(PostgresError) -> AgentRow? {
        _ = try await pool.query(
            "UPDATE agents SET is_draining = $2 WHERE agent_id = $1 AND is_draining <> $2",
            [.text(id), .bool(isDraining)])
        return try await agent(id)
    }

    private static func agent(from row: PostgresRow) throws(PostgresError) -> AgentRow {
        AgentRow(
            agentID: try row.text(0), agentType: try row.text(1), version: try row.text(2), actions: try row.json(3),
            slots: Int(try row.int4(4)), freeSlots: Int(try row.int4(5)), running: Int(try row.int4(6)),
            host: try row.text(7), pid: try row.int8(8), registeredAt: try row.time(9),
            lastHeartbeatAt: try row.time(10), goneAt: try row.optionalTime(11), isLiving: try row.bool(12),
            isDraining: try row.bool(13))
    }
}
