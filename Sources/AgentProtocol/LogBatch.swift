public import JSONTools

/// Log lines of one attempt, on `agent:logs`.
public struct LogBatch: Sendable, Hashable {
    /// The agent.
    public var agentID: String
    /// When it was sent, by the agent's clock.
    public var sentAt: Timestamp
    /// The send that the lines are about.
    public var reference: TaskReference
    /// The workflow that it belongs to.
    public var workflowID: UniqueID
    /// The lines, in order of their numbers.
    public var lines: [LogLine]
    /// How many lines of this attempt were dropped since the last batch because there were too many.
    public var dropped: Int

    /// A batch; every parameter is the property of its name.
    public init(
        agentID: String, sentAt: Timestamp, reference: TaskReference, workflowID: UniqueID, lines: [LogLine],
        dropped: Int = 0
    ) {
        self.agentID = agentID
        self.sentAt = sentAt
        self.reference = reference
        self.workflowID = workflowID
        self.lines = lines
        self.dropped = dropped
    }

    /// Decodes and validates a batch.
    /// - Throws: ``ProtocolError`` with the code and the pointer of the first thing that is wrong.
    public init(decoding bytes: [UInt8]) throws(ProtocolError) {
        try self.init(wire: bytes)
    }

    /// The JSON text.
    public func encoded() -> [UInt8] { wireBytes(capacity: 384 + 160 * lines.count) }
}

/// One line of the log of an attempt.
public struct LogLine: Sendable, Hashable {
    /// Where the line came from.
    public enum Source: String, Sendable, Hashable, CaseIterable {
        /// A tool's standard output.
        case stdout
        /// A tool's standard error.
        case stderr
        /// The agent itself.
        case agent
    }

    /// Its number within the attempt, from 1, counted by the agent; a gap means dropped lines.
    public var number: Int
    /// When it was written, by the agent's clock.
    public var at: Timestamp
    /// How important it is.
    public var level: LogLevel
    /// Where it came from.
    public var stream: Source
    /// The text, without the newline, at most ``ProtocolLimits/logLineBytes``.
    public var text: String

    /// A line; every parameter is the property of its name.
    public init(number: Int, at: Timestamp, level: LogLevel, stream: Source, text: String) {
        self.number = number
        self.at = at
        self.level = level
        self.stream = stream
        self.text = text
    }
}

extension LogLine: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            number: try fields.integer("n", in: 1...ProtocolLimits.counter), at: try fields.time("at"),
            level: try fields.choice("level"), stream: try fields.choice("stream"),
            text: try fields.text("text", maxBytes: ProtocolLimits.logLineBytes))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("n", number)
        writer.field("at", at)
        writer.field("level", level.rawValue)
        writer.field("stream", stream.rawValue)
        writer.field("text", text)
        writer.endObject()
    }
}

extension LogBatch: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        try fields.header(kind: "log")
        self.init(
            agentID: try fields.name("agent_id"), sentAt: try fields.time("sent_at"),
            reference: try fields.nested("ref"), workflowID: try fields.id("workflow_id"),
            lines: try fields.list("lines", required: true),
            dropped: try fields.optionalInteger("dropped", in: 0...ProtocolLimits.counter) ?? 0)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.header(kind: "log", sentAt: sentAt, agentID: agentID)
        writer.field("ref", reference)
        writer.field("workflow_id", workflowID)
        writer.field("lines", lines)
        writer.field("dropped", dropped)
        writer.endObject()
    }
}
