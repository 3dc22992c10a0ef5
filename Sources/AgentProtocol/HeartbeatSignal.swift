public import JSONTools

/// An agent lives, and this is what it runs; sent every few seconds whatever the work is doing.
public struct HeartbeatSignal: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was said, by the agent's clock.
    public var sentAt: Timestamp
    /// What it works on.
    public var running: [RunningTask]
    /// What it has sent results of that are not settled yet.
    public var held: [TaskReference]
    /// How many more tasks it could run.
    public var freeSlots: Int

    /// A signal; every parameter is the property of its name.
    public init(
        agentID: String, sentAt: Timestamp, running: [RunningTask] = [], held: [TaskReference] = [], freeSlots: Int
    ) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.running = running
        self.held = held
        self.freeSlots = freeSlots
    }
}

/// An attempt that an agent works on.
public struct RunningTask: Sendable, Hashable {
    /// The send that it works on.
    public var reference: TaskReference
    /// How much is done, 0 to 1; nil if it cannot say.
    public var progress: Double?
    /// What it is doing, for people.
    public var note: String?

    /// - Parameters:
    ///   - reference: the send that it works on.
    ///   - progress: how much is done, 0 to 1.
    ///   - note: what it is doing, for people.
    public init(reference: TaskReference, progress: Double? = nil, note: String? = nil) {
        self.reference = reference
        self.progress = progress
        self.note = note
    }
}

extension RunningTask: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            reference: try fields.nested("ref"), progress: try fields.optionalNumber("progress", in: 0...1),
            note: try fields.optionalText("note", maxBytes: ProtocolLimits.shortTextBytes))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("ref", reference)
        writer.field("progress", progress)
        writer.field("note", note)
        writer.endObject()
    }
}

extension HeartbeatSignal: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            running: try fields.list("running", required: true), held: try fields.list("held"),
            freeSlots: try fields.integer("free_slots", in: 0...ProtocolLimits.listElements))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "heartbeat", sentAt: sentAt, agentID: agentID)
        writer.field("running", running)
        writer.field("held", held)
        writer.field("free_slots", freeSlots)
        writer.endObject()
    }
}
