public import JSONTools

/// The answer to a heartbeat, a registration or a grant request.
public struct HeartbeatAcknowledgement: Sendable, Hashable {
    /// The agent that is spoken to.
    public var agentID: String
    /// When it was said.
    public var sentAt: Timestamp
    /// Whether the orchestrator knows the agent; if not, it has to register again.
    public var known: Bool
    /// What is to become of the attempts that it listed.
    public var tasks: [TaskVerdict]
    /// The attempts whose irreversible part it may begin. Only this grants: `continue` alone does not, because an
    /// acknowledgement may have been on its way when the grant was asked for.
    public var granted: [TaskReference]
    /// The results that it need no longer hold.
    public var settled: [TaskReference]
    /// Whether it is to take no more tasks.
    public var drain: Bool
    /// The level from which on it is to log; nil leaves it.
    public var logLevel: LogLevel?

    /// A message; every parameter is the property of its name.
    public init(
        agentID: String, sentAt: Timestamp, known: Bool, tasks: [TaskVerdict] = [], granted: [TaskReference] = [],
        settled: [TaskReference] = [], drain: Bool = false, logLevel: LogLevel? = nil
    ) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.known = known
        self.tasks = tasks
        self.granted = granted
        self.settled = settled
        self.drain = drain
        self.logLevel = logLevel
    }
}

/// What is to become of an attempt that an agent runs.
public struct TaskVerdict: Sendable, Hashable {
    /// What is to be done with it.
    public enum Verdict: String, Sendable, Hashable, CaseIterable {
        /// Go on.
        case `continue`
        /// Stop within 5 s: it was cancelled, has timed out, or another send of it counts.
        case stop
    }

    /// The send in question.
    public var reference: TaskReference
    /// What is to be done with it.
    public var verdict: Verdict

    /// - Parameters:
    ///   - reference: the send in question.
    ///   - verdict: what is to be done with it.
    public init(reference: TaskReference, verdict: Verdict) {
        self.reference = reference
        self.verdict = verdict
    }
}

extension TaskVerdict: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(reference: try fields.nested("ref"), verdict: try fields.choice("verdict"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("ref", reference)
        writer.field("verdict", verdict.rawValue)
        writer.endObject()
    }
}

extension HeartbeatAcknowledgement: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            known: try fields.truth("known"), tasks: try fields.list("tasks"), granted: try fields.list("granted"),
            settled: try fields.list("settled"), drain: try fields.truth("drain", default: false),
            logLevel: try fields.optionalChoice("log_level"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "heartbeat_ack", sentAt: sentAt, agentID: agentID)
        writer.field("known", known)
        writer.field("tasks", tasks)
        writer.field("granted", granted)
        writer.field("settled", settled)
        writer.field("drain", drain)
        writer.field("log_level", logLevel?.rawValue)
        writer.endObject()
    }
}
