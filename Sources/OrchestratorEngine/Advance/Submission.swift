public import JSONTools
public import WorkflowCore
public import WorkflowStorage

/// Something that wants to change a workflow, on its way through the one door.
public struct Submission: Sendable {
    /// What is wanted.
    public enum Body: Sendable {
        /// Record a workflow and start it. Its id is drawn when the batch begins, from database time.
        case create(Creation)
        /// Apply an event to a workflow.
        case event(WorkflowEvent, workflowID: UniqueID)
    }

    /// Where it came from, which tells what has to be done once it is committed.
    public enum Origin: Sendable, Hashable {
        /// A result on the stream, to be acknowledged; the bytes are kept with the attempt.
        case result(entryID: String, agentType: String, agentID: String, reference: AttemptReference, bytes: [UInt8])
        /// A caller who waits for the answer.
        case caller(ReplyToken)
        /// The sweeper or the registry; nobody waits.
        case watch
    }

    /// What is wanted.
    public var body: Body
    /// Where it came from.
    public var origin: Origin
    /// How often its workflow was held by another batch.
    var misses = 0

    /// A submission.
    public init(_ body: Body, origin: Origin) {
        self.body = body
        self.origin = origin
    }

    /// Whether it holds the workflow's rows against its state.
    var isInspection: Bool {
        if case .event(.inspected, _) = body { true } else { false }
    }

    /// The workflow that is to be changed; nil for one that does not exist yet.
    var workflowID: UniqueID? {
        switch body {
        case .create: nil
        case .event(_, let workflowID): workflowID
        }
    }

    /// An estimate of the memory that it holds, in bytes.
    var weight: Int {
        switch origin {
        case .result(_, _, _, _, let bytes): 512 + bytes.count
        case .caller, .watch: 1024
        }
    }
}

/// Names a caller who waits for an answer.
public struct ReplyToken: Sendable, Hashable {
    let number: UInt64

    /// A token, unlike any other of the same orchestrator.
    package init(number: UInt64) {
        self.number = number
    }
}

/// A workflow that someone wants.
public struct Creation: Sendable {
    /// Name of the definition (`app`, `feature`, …).
    public var type: String
    /// SHA-256 of the definition in canonical JSON, 64 lower-case hex digits: what the workflow is pinned to.
    public var definitionHash: String
    /// Version of the definition under its name, from 1, for people to read.
    public var definitionVersion: Int
    /// The name that its creator gives it.
    public var name: String
    /// What it is about, for people; empty if nothing was said.
    public var description: String
    /// What is wanted, in plain words; agents read it.
    public var requirements: String
    /// Lane that all its tasks take.
    public var priority: WorkflowPriority
    /// The `input_data` of the API, with the defaults of the definition's schema applied.
    public var input: JSONValue
    /// 32 lower-case hex digits (W3C Trace Context); nil to have one drawn.
    public var traceID: String?
    /// Whose workflow it is; idempotency keys are unique within.
    public var tenant: String
    /// Name of the person or token that asks, which the audit trail shows.
    public var createdBy: String
    /// The `Idempotency-Key` of the request; nil if it had none.
    public var idempotencyKey: String?
    /// SHA-256 of the request's body: tells a repeated request from another one under the same key.
    public var bodyHash: String?

    /// A request for a workflow under a definition that is in the record.
    public init(
        type: String,
        definitionHash: String,
        definitionVersion: Int,
        name: String,
        description: String = "",
        requirements: String = "",
        priority: WorkflowPriority = .medium,
        input: JSONValue = .object([:]),
        traceID: String? = nil,
        tenant: String = "default",
        createdBy: String,
        idempotencyKey: String? = nil,
        bodyHash: String? = nil
    ) {
        self.type = type
        self.definitionHash = definitionHash
        self.definitionVersion = definitionVersion
        self.name = name
        self.description = description
        self.requirements = requirements
        self.priority = priority
        self.input = input
        self.traceID = traceID
        self.tenant = tenant
        self.createdBy = createdBy
        self.idempotencyKey = idempotencyKey
        self.bodyHash = bodyHash
    }
}

/// What became of a submission.
public enum SubmissionOutcome: Sendable {
    /// Committed; the workflow's id.
    case done(UniqueID)
    /// Committed: a workflow that is new.
    case created(CreatedWorkflow)
    /// The same key was used before, with the same body: that workflow.
    case repeated(UniqueID)
    /// The same key was used before with another body (HTTP 422).
    case keyReused(UniqueID)
    /// The workflow's phase doesn't allow it (HTTP 409).
    case conflict(WorkflowState.Phase)
    /// The event doesn't fit the workflow: the reason tells which HTTP status.
    case rejected(Rejection)
    /// There is no such workflow (HTTP 404).
    case unknownWorkflow
    /// Too much is waiting to be recorded; nothing was changed (HTTP 429).
    case overloaded(retryAfterSeconds: Int)
    /// The record could not be written; nothing was changed (HTTP 503).
    case unavailable(String)
    /// The database refused the data (HTTP 422).
    case refused(String)
}

extension SubmissionOutcome {
    /// The workflow that was changed or is there already; nil if there is none.
    package var workflowID: UniqueID? {
        switch self {
        case .done(let id), .repeated(let id), .keyReused(let id): id
        case .created(let workflow): workflow.id
        case .conflict, .rejected, .unknownWorkflow, .overloaded, .unavailable, .refused: nil
        }
    }
}
