public import JSONTools

/// An agent is there, and this is what it can do.
public struct RegisterSignal: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was said, by the agent's clock.
    public var sentAt: Timestamp
    /// The type whose tasks it takes.
    public var agentType: String
    /// The version of its program.
    public var agentVersion: String
    /// What it can do.
    public var actions: [ActionDescription]
    /// How many tasks it runs at once, from 1.
    public var slots: Int
    /// The name of the machine it runs on.
    public var host: String
    /// Its process id there.
    public var pid: Int

    /// A signal; every parameter is the property of its name.
    public init(
        agentID: String, sentAt: Timestamp, agentType: String, agentVersion: String, actions: [ActionDescription],
        slots: Int, host: String, pid: Int
    ) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.agentType = agentType
        self.agentVersion = agentVersion
        self.actions = actions
        self.slots = slots
        self.host = host
        self.pid = pid
    }
}

extension RegisterSignal: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            agentType: try fields.name("agent_type"), agentVersion: try fields.shortText("agent_version"),
            actions: try fields.list("actions", required: true),
            slots: try fields.integer("slots", in: 1...ProtocolLimits.listElements),
            host: try fields.shortText("host"), pid: try fields.integer("pid", in: 0...ProtocolLimits.quantity))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "register", sentAt: sentAt, agentID: agentID)
        writer.field("agent_type", agentType)
        writer.field("agent_version", agentVersion)
        writer.field("actions", actions)
        writer.field("slots", slots)
        writer.field("host", host)
        writer.field("pid", pid)
        writer.endObject()
    }
}
