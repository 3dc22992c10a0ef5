public import JSONTools

/// An attempt is to be stopped at once.
public struct CancelMessage: Sendable, Hashable {
    /// The agent that runs it; nil if that isn't known, which speaks to all of the type.
    public var agentID: String?
    /// When it was said.
    public var sentAt: Timestamp
    /// The send to be stopped.
    public var reference: TaskReference

    /// A message; every parameter is the property of its name.
    public init(agentID: String?, sentAt: Timestamp, reference: TaskReference) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.reference = reference
    }
}

extension CancelMessage: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.optionalName("agent_id"), sentAt: try fields.time("sent_at"),
            reference: try fields.nested("ref"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "cancel", sentAt: sentAt, agentID: agentID)
        writer.field("ref", reference)
        writer.endObject()
    }
}
