public import JSONTools

/// An agent is to end what it runs and take no more tasks.
public struct DrainMessage: Sendable, Hashable {
    /// The agent that is spoken to; nil speaks to all of the type.
    public var agentID: String?
    /// When it was said.
    public var sentAt: Timestamp

    /// A message; every parameter is the property of its name.
    public init(agentID: String?, sentAt: Timestamp) {
        self.agentID = agentID
        self.sentAt = sentAt
    }
}

extension DrainMessage: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(agentID: try fields.optionalName("agent_id"), sentAt: try fields.time("sent_at"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "drain", sentAt: sentAt, agentID: agentID)
        writer.endObject()
    }
}
