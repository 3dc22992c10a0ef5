public import JSONTools

/// An agent took a task entry that it cannot decode; it has acknowledged and deleted it.
public struct RejectedSignal: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was said, by the agent's clock.
    public var sentAt: Timestamp
    /// The stream that the entry was on.
    public var stream: String
    /// The entry's id.
    public var entryID: String
    /// Why it can't be decoded.
    public var reason: String
    /// The beginning of the entry, at most ``ProtocolLimits/rejectedBytes``.
    public var bytes: [UInt8]

    /// A signal; what `bytes` has beyond ``ProtocolLimits/rejectedBytes`` is cut off.
    public init(agentID: String, sentAt: Timestamp, stream: String, entryID: String, reason: String, bytes: [UInt8]) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.stream = stream
        self.entryID = entryID
        self.reason = reason
        self.bytes = Array(bytes.prefix(ProtocolLimits.rejectedBytes))
    }
}

extension RejectedSignal: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        let agentID = try fields.name("agent_id")
        let sentAt = try fields.time("sent_at")
        let stream = try fields.shortText("stream")
        let entryID = try fields.shortText("entry_id")
        let reason = try fields.text("reason", maxBytes: ProtocolLimits.longTextBytes)
        let text = try fields.text("bytes_base64", maxBytes: (ProtocolLimits.rejectedBytes + 2) / 3 * 4)
        guard let bytes = Base64.decode(text) else {
            throw fields.invalid("bytes_base64", "the text is not base64 (RFC 4648, section 4, with padding)")
        }
        self.init(agentID: agentID, sentAt: sentAt, stream: stream, entryID: entryID, reason: reason, bytes: bytes)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "rejected", sentAt: sentAt, agentID: agentID)
        writer.field("stream", stream)
        writer.field("entry_id", entryID)
        writer.field("reason", reason)
        writer.field("bytes_base64", Base64.encode(bytes))
        writer.endObject()
    }
}
