public import JSONTools
public import WorkflowCore

/// A workflow's hot row, locked for a batch.
public struct LockedWorkflow: Sendable {
    public var id: UniqueID
    public var definitionHash: String
    public var version: Int64
    public var state: [UInt8]
}

/// What a batch found when it began.
public struct BatchLoad: Sendable {
    /// Database time of the batch.
    public var now: Timestamp
    /// The rows that could be locked; those that another batch holds, or that don't exist, are absent.
    public var locked: [LockedWorkflow]
    /// The facts that were asked for.
    public var facts: [WorkflowFacts]
    /// The keys among those asked for that were used before.
    public var known: [KnownKey]
}

/// An output to load: of a stage's present generation.
public struct OutputKey: Sendable, Hashable {
    public var workflowID: UniqueID
    public var stage: String
    public var generation: Int

    /// The output of `stage` in `generation`.
    public init(workflowID: UniqueID, stage: String, generation: Int) {
        self.workflowID = workflowID
        self.stage = stage
        self.generation = generation
    }
}

/// What lists and searches show of a workflow.
public struct WorkflowSummary: Sendable, Hashable {
    public var id: UniqueID
    public var version: Int64
    public var status: String
    public var currentStage: String?
    public var progress: Int
    public var fault: WorkflowFault?
    public var faultStage: String?
    public var startedAt: Timestamp?
    public var completedAt: Timestamp?

    /// The summary of a machine's present state.
    public init(of machine: WorkflowMachine, version: Int64) {
        let state = machine.state
        id = machine.facts.id
        self.version = version
        status = state.phase.rawValue
        currentStage = machine.currentStage
        progress = machine.progressPercent
        fault = state.outcome?.fault
        faultStage = state.outcome?.stage
        startedAt = state.startedAt
        completedAt = state.endedAt
    }
}

/// A workflow to be recorded.
public struct NewWorkflow: Sendable {
    public var facts: WorkflowFacts
    public var definitionHash: String
    public var definitionVersion: Int
    public var tenant: String
    public var createdBy: String
    public var idempotencyKey: String?
    /// SHA-256 of the request's body: tells a repeated request from another one under the same key.
    public var bodyHash: String?

    /// A workflow to be recorded under a pinned definition.
    public init(
        facts: WorkflowFacts,
        definitionHash: String,
        definitionVersion: Int,
        tenant: String,
        createdBy: String,
        idempotencyKey: String?,
        bodyHash: String?
    ) {
        self.facts = facts
        self.definitionHash = definitionHash
        self.definitionVersion = definitionVersion
        self.tenant = tenant
        self.createdBy = createdBy
        self.idempotencyKey = idempotencyKey
        self.bodyHash = bodyHash
    }
}

/// An attempt to be recorded.
public struct NewTask: Sendable {
    public var workflowID: UniqueID
    public var reference: AttemptReference
    public var stage: String
    public var generation: Int
    public var agentType: String
    public var action: String
    public var priority: WorkflowPriority
    /// The envelope's body: everything but the marks of one send.
    public var payload: [UInt8]

    /// An attempt to be recorded.
    public init(
        workflowID: UniqueID,
        reference: AttemptReference,
        stage: String,
        generation: Int,
        agentType: String,
        action: String,
        priority: WorkflowPriority,
        payload: [UInt8]
    ) {
        self.workflowID = workflowID
        self.reference = reference
        self.stage = stage
        self.generation = generation
        self.agentType = agentType
        self.action = action
        self.priority = priority
        self.payload = payload
    }
}

/// Everything that a batch writes, in one transaction.
public struct BatchSave: Sendable {
    /// A hot row after the batch.
    public struct State: Sendable {
        public var id: UniqueID
        public var definitionHash: String
        /// Version after the batch; 1 for a new workflow.
        public var version: Int64
        public var isTerminal: Bool
        public var bytes: [UInt8]
        public var nextWake: Timestamp

        /// A hot row.
        public init(
            id: UniqueID, definitionHash: String, version: Int64, isTerminal: Bool, bytes: [UInt8], nextWake: Timestamp
        ) {
            self.id = id
            self.definitionHash = definitionHash
            self.version = version
            self.isTerminal = isTerminal
            self.bytes = bytes
            self.nextWake = nextWake
        }
    }

    /// The end of an attempt.
    public struct Closing: Sendable {
        public var workflowID: UniqueID
        public var closing: AttemptClosing
        /// The result's bytes as they came, if it was a result that ended the attempt.
        public var result: [UInt8]?

        /// The end of an attempt.
        public init(workflowID: UniqueID, closing: AttemptClosing, result: [UInt8]?) {
            self.workflowID = workflowID
            self.closing = closing
            self.result = result
        }
    }

    /// A binding of an attempt to an agent.
    public struct Binding: Sendable {
        public var workflowID: UniqueID
        public var reference: AttemptReference
        public var agentID: String
        public var deadline: Timestamp

        /// A binding of an attempt to an agent.
        public init(workflowID: UniqueID, reference: AttemptReference, agentID: String, deadline: Timestamp) {
            self.workflowID = workflowID
            self.reference = reference
            self.agentID = agentID
            self.deadline = deadline
        }
    }

    /// Identity of the batch: what decides an unknown commit outcome.
    public var id: UniqueID
    public var now: Timestamp
    public var created: [NewWorkflow] = []
    public var createdSummaries: [WorkflowSummary] = []
    public var newStates: [State] = []
    public var states: [State] = []
    public var tasks: [NewTask] = []
    public var closings: [Closing] = []
    public var bindings: [Binding] = []
    public var sentAgain: [(workflowID: UniqueID, reference: AttemptReference)] = []
    public var stopping: [(workflowID: UniqueID, reference: AttemptReference)] = []
    public var outputs: [(workflowID: UniqueID, acceptance: StageAcceptance)] = []
    public var events: [(workflowID: UniqueID, record: AuditRecord)] = []
    /// Timers to set; nil removes the row.
    public var timers: [(workflowID: UniqueID, due: Timestamp?)] = []
    /// Summaries that can't wait: of workflows that ended.
    public var summaries: [WorkflowSummary] = []
    public var deadLetters: [DeadLetter] = []

    /// An empty batch.
    public init(id: UniqueID, now: Timestamp) {
        self.id = id
        self.now = now
    }

    /// Whether there is nothing to write.
    public var isEmpty: Bool {
        newStates.isEmpty && states.isEmpty && deadLetters.isEmpty
    }
}
