public import JSONTools

/// An agent leaves.
public struct GoodbyeSignal: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was said, by the agent's clock.
    public var sentAt: Timestamp
    /// What it had begun and could not end; these attempts are lost, and not counted.
    public var abandoned: [TaskReference]

    /// A signal; every parameter is the property of its name.
    public init(agentID: String, sentAt: Timestamp, abandoned: [TaskReference] = []) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.abandoned = abandoned
    }
}

extension GoodbyeSignal: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            abandoned: try fields.list("abandoned"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "goodbye", sentAt: sentAt, agentID: agentID)
        writer.field("abandoned", abandoned)
        writer.endObject()
    }
}
