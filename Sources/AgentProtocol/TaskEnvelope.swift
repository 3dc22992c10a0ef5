public import JSONTools

/// A task as it is sent to an agent.
public struct TaskEnvelope: Sendable, Hashable {
    /// This message; a send again has another.
    public var messageID: UniqueID
    /// The task, the same over all attempts.
    public var taskID: UniqueID
    /// The workflow that it belongs to.
    public var workflowID: UniqueID
    /// The attempt, from 1.
    public var attempt: Int
    /// This send of the attempt; everything said about the task repeats it.
    public var dispatchID: DispatchID
    /// How often the stage was begun: 1, and one more for each retry from it or from one that it needs.
    public var generation: Int
    /// The type of agent that is to do it.
    public var agentType: String
    /// What is to be done.
    public var action: String
    /// The stage that it is done for.
    public var stage: String
    /// The step of that stage; nil if the stage has none.
    public var step: String?
    /// How urgent it is.
    public var priority: TaskLane
    /// The bounds within which the attempt has to stay.
    public var constraints: TaskConstraints
    /// The stage's resolved `with`: the input of the action. Always an object on the wire.
    public var payload: JSONValue
    /// What the task is told about its workflow.
    public var workflowContext: WorkflowContext
    /// What people answered to the questions of earlier attempts.
    public var answers: [Answer]
    /// Where the workflow's files are.
    public var workspace: WorkspaceReference
    /// Where artifacts are stored by hash; nil if nowhere.
    public var artifactsURL: String?
    /// The span under which it was sent.
    public var trace: TraceContext?
    /// When it was made.
    public var createdAt: Timestamp
    /// The orchestrator that made it.
    public var createdBy: String

    /// An envelope; every parameter is the property of its name.
    public init(
        messageID: UniqueID, taskID: UniqueID, workflowID: UniqueID, attempt: Int, dispatchID: DispatchID,
        generation: Int = 1, agentType: String, action: String, stage: String, step: String? = nil,
        priority: TaskLane = .medium, constraints: TaskConstraints = TaskConstraints(), payload: JSONValue = [:],
        workflowContext: WorkflowContext, answers: [Answer] = [],
        workspace: WorkspaceReference = WorkspaceReference(mode: .none), artifactsURL: String? = nil,
        trace: TraceContext? = nil, createdAt: Timestamp, createdBy: String
    ) {
        self.messageID = messageID
        self.taskID = taskID
        self.workflowID = workflowID
        self.attempt = attempt
        self.dispatchID = dispatchID
        self.generation = generation
        self.agentType = agentType
        self.action = action
        self.stage = stage
        self.step = step
        self.priority = priority
        self.constraints = constraints
        self.payload = payload
        self.workflowContext = workflowContext
        self.answers = answers
        self.workspace = workspace
        self.artifactsURL = artifactsURL
        self.trace = trace
        self.createdAt = createdAt
        self.createdBy = createdBy
    }

    /// What messages about this send refer to.
    public var reference: TaskReference {
        TaskReference(taskID: taskID, attempt: attempt, dispatchID: dispatchID)
    }
}

extension TaskEnvelope {
    /// Decodes and validates an envelope.
    /// - Throws: ``ProtocolError`` with the code and the pointer of the first thing that is wrong.
    public init(decoding bytes: [UInt8]) throws(ProtocolError) {
        try self.init(wire: bytes)
    }

    /// The JSON text; its size is not checked, see ``checkSize()``.
    public func encoded() -> [UInt8] {
        Self.assemble(messageID: messageID, dispatchID: dispatchID, body: encodedBody())
    }

    /// Everything but `message_id` and `dispatch_id`, without the opening brace: what all sends of an attempt share.
    ///
    /// It is encoded and stored once; each send is put together by ``assemble(messageID:dispatchID:body:)``.
    public func encodedBody() -> [UInt8] {
        var writer = JSONWriter(capacity: 1536)
        writeBody(to: &writer)
        return Array(writer.bytes.dropFirst())
    }

    /// The envelope of one send.
    /// - Parameters:
    ///   - messageID: the message's id.
    ///   - dispatchID: the send's id.
    ///   - body: what ``encodedBody()`` gave.
    public static func assemble(messageID: UniqueID, dispatchID: DispatchID, body: [UInt8]) -> [UInt8] {
        var writer = JSONWriter(capacity: body.count + 96)
        writer.beginObject()
        writer.field("message_id", messageID)
        writer.field("dispatch_id", dispatchID)
        var bytes = writer.bytes
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: body)
        return bytes
    }
}

extension TaskEnvelope: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        let metadata = try fields.nested("metadata", EnvelopeMetadata.self)
        self.init(
            messageID: try fields.id("message_id"), taskID: try fields.id("task_id"),
            workflowID: try fields.id("workflow_id"),
            attempt: try fields.integer("attempt", in: 1...ProtocolLimits.counter),
            dispatchID: try fields.dispatchID("dispatch_id"),
            generation: try fields.integer("generation", in: 1...ProtocolLimits.counter),
            agentType: try fields.name("agent_type"), action: try fields.name("action"),
            stage: try fields.name("stage"), step: try fields.optionalShortText("step"),
            priority: try fields.choice("priority"), constraints: try fields.nested("constraints"),
            payload: .object(try fields.object("payload")), workflowContext: try fields.nested("workflow_context"),
            answers: try fields.list("answers"),
            workspace: try fields.optionalNested("workspace") ?? WorkspaceReference(mode: .none),
            artifactsURL: try fields.optionalText("artifacts_url", maxBytes: ProtocolLimits.urlBytes),
            trace: try fields.optionalNested("trace"), createdAt: metadata.createdAt, createdBy: metadata.createdBy)
    }

    func write(to writer: inout JSONWriter) {
        writer.raw(encoded())
    }

    private func writeBody(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("task_id", taskID)
        writer.field("workflow_id", workflowID)
        writer.field("attempt", attempt)
        writer.field("generation", generation)
        writer.field("agent_type", agentType)
        writer.field("action", action)
        writer.field("stage", stage)
        writer.field("step", step)
        writer.field("priority", priority.rawValue)
        writer.field("constraints", constraints)
        writer.field("payload", payload)
        writer.field("workflow_context", workflowContext)
        writer.field("answers", answers)
        writer.field("workspace", workspace)
        writer.field("artifacts_url", artifactsURL)
        writer.field("trace", trace)
        writer.field("metadata", EnvelopeMetadata(createdAt: createdAt, createdBy: createdBy))
        writer.endObject()
    }
}

/// The envelope's `metadata`; reading it checks the version.
private struct EnvelopeMetadata: WireObject {
    var createdAt: Timestamp
    var createdBy: String

    init(createdAt: Timestamp, createdBy: String) {
        self.createdAt = createdAt
        self.createdBy = createdBy
    }

    init(fields: inout FieldReader) throws(ProtocolError) {
        try fields.version("envelope_version")
        createdAt = try fields.time("created_at")
        createdBy = try fields.shortText("created_by")
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("created_at", createdAt)
        writer.field("created_by", createdBy)
        writer.field("envelope_version", ProtocolVersion.current)
        writer.endObject()
    }
}
