import JSONTools
public import PostgresDriver

extension PostgresReadStore {
    private static let agentColumns = """
        agent_id, agent_type, version, actions, slots, free_slots, running, host, pid, registered_at,
        last_heartbeat_at, gone_at,
        gone_at IS NULL AND last_heartbeat_at > clock_timestamp() - $1::bigint * interval '1 millisecond',
        is_draining
        """

    private static let recentAgents = SQLText(
        unchecked: """
            SELECT \(agentColumns)
            FROM agents
            ORDER BY gone_at IS NOT NULL, last_heartbeat_at DESC, agent_id
            LIMIT $2
            """)

    private static let oneAgent = SQLText(
        unchecked: "SELECT \(agentColumns) FROM agents WHERE agent_id = $2")

    /// Agents, those that were heard last first.
    public func agents(limit: Int) async throws(PostgresError) -> [AgentRow] {
        let rows = try await pool.query(Self.recentAgents, [.int8(agentSilenceMilliseconds), .int8(Int64(limit))])
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
