public import JSONTools
public import WorkflowCore

/// A workflow's hot row, locked for a batch.
public struct LockedWorkflow: Sendable {
    /// UUIDv7 of the workflow.
    public var id: UniqueID
    /// SHA-256 of the pinned definition in canonical JSON, 64 lower-case hex digits.
    public var definitionHash: String
    /// Version of the row, from 1; every committed change raises it by one.
    public var version: Int64
    /// The encoded ``WorkflowState``, at most 32 KiB.
    public var state: [UInt8]

    /// A locked row.
    package init(id: UniqueID, definitionHash: String, version: Int64, state: [UInt8]) {
        self.id = id
        self.definitionHash = definitionHash
        self.version = version
        self.state = state
    }
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
    /// Whether the connection was made for this batch: between, the record may have become another one, as by a failover.
    public var isFirst = false

    /// What a batch found when it began.
    package init(now: Timestamp, locked: [LockedWorkflow] = [], facts: [WorkflowFacts] = [], known: [KnownKey] = []) {
        self.now = now
        self.locked = locked
        self.facts = facts
        self.known = known
    }
}

/// An output to load: of a stage's present generation.
public struct OutputKey: Sendable, Hashable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// Name of the stage in the definition.
    public var stage: String
    /// Generation of the stage, from 1.
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
    /// UUIDv7 of the workflow.
    public var id: UniqueID
    /// Version of the hot row that this shows; an older one never replaces a newer one.
    public var version: Int64
    /// The phase, as ``WorkflowState/Phase`` spells it.
    public var status: String
    /// The stage that is running, else the one at fault, else the next one, else the last.
    public var currentStage: String?
    /// How far the workflow is, 0 to 100 percent.
    public var progress: Int
    /// Why it failed or was cancelled; nil otherwise.
    public var fault: WorkflowFault?
    /// Name of the stage at fault; nil for a cancel or a total timeout.
    public var faultStage: String?
    /// When it began to run, in database time; nil before.
    public var startedAt: Timestamp?
    /// When it reached a terminal phase, in database time; nil before.
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
    /// What never changes of it, its id included.
    public var facts: WorkflowFacts
    /// SHA-256 of the pinned definition in canonical JSON, 64 lower-case hex digits.
    public var definitionHash: String
    /// Version of the definition under its name, from 1, for people to read.
    public var definitionVersion: Int
    /// Whose workflow it is; its idempotency keys are unique within.
    public var tenant: String
    /// Name of the person or token that asked for it.
    public var createdBy: String
    /// The `Idempotency-Key` of the request; nil if it had none.
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
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// The attempt and the mark of its first send.
    public var reference: AttemptReference
    /// Name of the stage that it is an attempt of.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Type of the agents that may take it, which names the stream.
    public var agentType: String
    /// Name of the action that the agent is to run.
    public var action: String
    /// Lane of the stream.
    public var priority: WorkflowPriority
    /// The envelope's body: everything but the marks of one send.
    public var payload: [UInt8]
    /// Whether it is recorded only, and sent once ``WatchStore/releaseQueued(agentType:count:turn:)`` lets it go.
    public var isQueued: Bool

    /// An attempt to be recorded.
    public init(
        workflowID: UniqueID,
        reference: AttemptReference,
        stage: String,
        generation: Int,
        agentType: String,
        action: String,
        priority: WorkflowPriority,
        payload: [UInt8],
        isQueued: Bool = false
    ) {
        self.workflowID = workflowID
        self.reference = reference
        self.stage = stage
        self.generation = generation
        self.agentType = agentType
        self.action = action
        self.priority = priority
        self.payload = payload
        self.isQueued = isQueued
    }
}

/// Everything that a batch writes, in one transaction.
public struct BatchSave: Sendable {
    /// A hot row after the batch.
    public struct State: Sendable {
        /// UUIDv7 of the workflow.
        public var id: UniqueID
        /// SHA-256 of the pinned definition in canonical JSON, 64 lower-case hex digits.
        public var definitionHash: String
        /// Version after the batch; 1 for a new workflow.
        public var version: Int64
        /// Whether the workflow has completed, failed or been cancelled.
        public var isTerminal: Bool
        /// The encoded ``WorkflowState``, at most 32 KiB.
        public var bytes: [UInt8]
        /// Database time by which somebody has to look at it at the latest, timer or not.
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
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// Which attempt ended, and how.
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
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// The send that the agent runs.
        public var reference: AttemptReference
        /// The agent that runs it.
        public var agentID: String
        /// Database time at which the attempt times out.
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
    /// Database time of the batch: `created_at`, `updated_at` and the like of all that it writes.
    public var now: Timestamp
    /// Workflows to record; each has its place in ``newStates`` and ``createdSummaries``.
    public var created: [NewWorkflow] = []
    /// Searchable rows of the ``created`` workflows, in the same order.
    public var createdSummaries: [WorkflowSummary] = []
    /// Hot rows to insert, one for each of ``created``, in the same order.
    public var newStates: [State] = []
    /// Hot rows to overwrite; the batch holds their locks.
    public var states: [State] = []
    /// Attempts to insert.
    public var tasks: [NewTask] = []
    /// Attempts to close.
    public var closings: [Closing] = []
    /// Attempts that an agent has begun to run.
    public var bindings: [Binding] = []
    /// Attempts to send again; each reference bears the new mark.
    public var sentAgain: [(workflowID: UniqueID, reference: AttemptReference)] = []
    /// Attempts whose agents are told to stop.
    public var stopping: [(workflowID: UniqueID, reference: AttemptReference)] = []
    /// Results to keep, one for each generation of a stage.
    public var outputs: [(workflowID: UniqueID, acceptance: StageAcceptance)] = []
    /// Rows to append to the audit trail.
    public var events: [(workflowID: UniqueID, record: AuditRecord)] = []
    /// Timers to set; nil removes the row.
    public var timers: [(workflowID: UniqueID, due: Timestamp?)] = []
    /// Summaries that can't wait: of workflows that ended, or that run again after they had ended.
    public var summaries: [WorkflowSummary] = []
    /// Messages that could not be taken, to keep for people.
    public var deadLetters: [DeadLetter] = []
    /// Questions to people.
    public var questions: [NewQuestion] = []
    /// Rounds of questions that are over.
    public var answered: [AnsweredRound] = []
    /// Tasks whose attempts are spent: dead letters of kind task, one for each generation of a stage.
    public var parked: [NewParkedTask] = []
    /// Queued attempts that must not be let go for now, or may be again.
    public var holds: [(workflowID: UniqueID, reference: AttemptReference, isHeld: Bool)] = []
    /// Workflows that had ended and run again, each with who asked for it and the names of the stages that run again.
    /// Their open questions are closed, and the parked tasks of those stages count as redriven. The hot row and the
    /// summary stand in ``states`` and ``summaries``.
    public var reopened: [(workflowID: UniqueID, actor: String, stages: [String])] = []
    /// Queued attempts to let go once all else is written, as ``WatchStore/releaseQueued(agentType:count:turn:)`` does.
    public var releases: [(agentType: String, count: Int, turn: Int)] = []

    /// An empty batch.
    public init(id: UniqueID, now: Timestamp) {
        self.id = id
        self.now = now
    }

    /// Within a batch the last word on an attempt counts: of the holds, the last one for each.
    var lastHolds: [(workflowID: UniqueID, reference: AttemptReference, isHeld: Bool)] {
        var seen: Set<AttemptReference> = []
        // A hold is for an attempt, whichever send of it is the newest.
        return holds.reversed().filter { hold in
            seen.insert(
                AttemptReference(taskID: hold.reference.taskID, attempt: hold.reference.attempt, dispatchID: 0)
            ).inserted
        }.reversed()
    }

    /// Whether there is nothing to write.
    public var isEmpty: Bool {
        newStates.isEmpty && states.isEmpty && deadLetters.isEmpty
    }
}
