public import JSONTools

/// An agent is to log from another level on.
public struct LogLevelMessage: Sendable, Hashable {
    /// The agent that is spoken to; nil speaks to all of the type.
    public var agentID: String?
    /// When it was said.
    public var sentAt: Timestamp
    /// The least important level that is logged.
    public var level: LogLevel

    /// A message; every parameter is the property of its name.
    public init(agentID: String?, sentAt: Timestamp, level: LogLevel) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.level = level
    }
}

extension LogLevelMessage: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.optionalName("agent_id"), sentAt: try fields.time("sent_at"),
            level: try fields.choice("level"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "log_level", sentAt: sentAt, agentID: agentID)
        writer.field("level", level.rawValue)
        writer.endObject()
    }
}
