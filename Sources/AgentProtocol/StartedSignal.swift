public import JSONTools

/// An agent has begun an attempt; said of attempts that outlive 250 ms.
public struct StartedSignal: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was said, by the agent's clock.
    public var sentAt: Timestamp
    /// The send that this is about.
    public var reference: TaskReference

    /// A signal; every parameter is the property of its name.
    public init(agentID: String, sentAt: Timestamp, reference: TaskReference) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.reference = reference
    }
}

extension StartedSignal: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            reference: try fields.nested("ref"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "started", sentAt: sentAt, agentID: agentID)
        writer.field("ref", reference)
        writer.endObject()
    }
}
