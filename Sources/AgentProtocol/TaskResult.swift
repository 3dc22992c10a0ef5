public import JSONTools

/// What came of one attempt of a task.
public struct TaskResult: Sendable, Hashable {
    /// How an attempt ended.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        /// Everything asked for was done.
        case success
        /// It was not done; `errors` say why.
        case failure
        /// A part was done; the definition says what that means.
        case partial
        /// People have to answer `questions` first.
        case needsInput = "needs_input"
        /// It was stopped because it was told to.
        case cancelled
    }

    /// This message.
    public var messageID: UniqueID
    /// The task.
    public var taskID: UniqueID
    /// The workflow that it belongs to.
    public var workflowID: UniqueID
    /// The attempt, from 1.
    public var attempt: Int
    /// The send that was worked on.
    public var dispatchID: DispatchID
    /// Who worked on it.
    public var agentID: String
    /// That agent's type.
    public var agentType: String
    /// The stage that it was done for.
    public var stage: String
    /// The step of that stage; nil if the stage has none.
    public var step: String?
    /// How it ended.
    public var status: Status
    /// Small facts, at most ``ProtocolLimits/outputBytes``; what is larger belongs into artifacts.
    public var output: JSONObject
    /// The commit that a `write` stage made: 40 or 64 lower-case hex digits; nil if none.
    public var commit: String?
    /// The files that were produced.
    public var artifacts: [ArtifactReference]
    /// What it cost.
    public var metrics: TaskMetrics
    /// How sure the agent is, 0 to 1; nil if it doesn't say.
    public var confidence: Double?
    /// What went wrong.
    public var errors: [TaskFault]
    /// What people have to answer, with status `needs_input`.
    public var questions: [Question]
    /// What went right but deserves a look.
    public var warnings: [String]
    /// When the work began, by the agent's clock; never used for deadlines.
    public var startedAt: Timestamp
    /// When it ended, by the agent's clock; never used for deadlines.
    public var completedAt: Timestamp
    /// The span of the work.
    public var trace: TraceContext?

    /// A result; every parameter is the property of its name.
    public init(
        messageID: UniqueID, taskID: UniqueID, workflowID: UniqueID, attempt: Int, dispatchID: DispatchID,
        agentID: String, agentType: String, stage: String, step: String? = nil, status: Status,
        output: JSONObject = [:], commit: String? = nil, artifacts: [ArtifactReference] = [],
        metrics: TaskMetrics = TaskMetrics(), confidence: Double? = nil, errors: [TaskFault] = [],
        questions: [Question] = [], warnings: [String] = [], startedAt: Timestamp, completedAt: Timestamp,
        trace: TraceContext? = nil
    ) {
        self.messageID = messageID
        self.taskID = taskID
        self.workflowID = workflowID
        self.attempt = attempt
        self.dispatchID = dispatchID
        self.agentID = agentID
        self.agentType = agentType
        self.stage = stage
        self.step = step
        self.status = status
        self.output = output
        self.commit = commit
        self.artifacts = artifacts
        self.metrics = metrics
        self.confidence = confidence
        self.errors = errors
        self.questions = questions
        self.warnings = warnings
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.trace = trace
    }

    /// The send that this is about.
    public var reference: TaskReference {
        TaskReference(taskID: taskID, attempt: attempt, dispatchID: dispatchID)
    }
}

extension TaskResult {
    /// Decodes and validates a result.
    /// - Throws: ``ProtocolError`` with the code and the pointer of the first thing that is wrong.
    public init(decoding bytes: [UInt8]) throws(ProtocolError) {
        try self.init(wire: bytes)
        if bytes.count > ProtocolLimits.outputBytes { try checkOutputSize() }
    }

    /// The JSON text; its size is not checked, see ``checkSize()``.
    public func encoded() -> [UInt8] { wireBytes(capacity: 1536) }
}

extension TaskResult: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        try fields.version("version")
        self.init(
            messageID: try fields.id("message_id"), taskID: try fields.id("task_id"),
            workflowID: try fields.id("workflow_id"),
            attempt: try fields.integer("attempt", in: 1...ProtocolLimits.counter),
            dispatchID: try fields.dispatchID("dispatch_id"), agentID: try fields.name("agent_id"),
            agentType: try fields.name("agent_type"), stage: try fields.name("stage"),
            step: try fields.optionalShortText("step"), status: try fields.choice("status"),
            output: try fields.optionalObject("output") ?? [:],
            commit: try fields.optionalHex("commit", lengths: 40, 64), artifacts: try fields.list("artifacts"),
            metrics: try fields.optionalNested("metrics") ?? TaskMetrics(),
            confidence: try fields.optionalNumber("confidence", in: 0...1), errors: try fields.list("errors"),
            questions: try fields.list("questions"),
            warnings: try fields.texts("warnings", maxBytes: ProtocolLimits.longTextBytes),
            startedAt: try fields.time("started_at"), completedAt: try fields.time("completed_at"),
            trace: try fields.optionalNested("trace"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("version", ProtocolVersion.current)
        writer.field("message_id", messageID)
        writer.field("task_id", taskID)
        writer.field("workflow_id", workflowID)
        writer.field("attempt", attempt)
        writer.field("dispatch_id", dispatchID)
        writer.field("agent_id", agentID)
        writer.field("agent_type", agentType)
        writer.field("stage", stage)
        writer.field("step", step)
        writer.field("status", status.rawValue)
        writer.field("output", output)
        writer.field("commit", commit)
        writer.field("artifacts", artifacts)
        writer.field("metrics", metrics)
        writer.field("confidence", confidence)
        writer.field("errors", errors)
        writer.field("questions", questions)
        writer.field("warnings", warnings)
        writer.field("started_at", startedAt)
        writer.field("completed_at", completedAt)
        writer.field("trace", trace)
        writer.endObject()
    }
}
