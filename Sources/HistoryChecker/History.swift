public import JSONTools

/// What is left of a run: rows of the record, what clients were told, how much is on the streams.
///
/// Made from PostgreSQL by the chaos program and the integration tests, from memory by the simulator. Rows may come in
/// any order.
public struct History: Sendable {
    /// Workflows as they are at the end.
    public var workflows: [Workflow]
    /// Attempts as they are at the end.
    public var tasks: [Attempt]
    /// Outputs that were accepted.
    public var outputs: [Output]
    /// The audit trails of all workflows.
    public var events: [Event]
    /// Ids of the workflows that have a row in `timers`.
    public var timers: [UniqueID]
    /// Creations that clients were told of.
    public var accepted: [Creation]
    /// How much is on the streams of tasks and results.
    public var streams: [Stream]
    /// Questions to people that are open, each by its workflow.
    public var openQuestions: [UniqueID] = []
    /// Dead letters of tasks whose attempts are spent, the settled ones among them.
    public var parked: [Parked] = []

    /// A history.
    public init(
        workflows: [Workflow] = [], tasks: [Attempt] = [], outputs: [Output] = [], events: [Event] = [],
        timers: [UniqueID] = [], accepted: [Creation] = [], streams: [Stream] = []
    ) {
        self.workflows = workflows
        self.tasks = tasks
        self.outputs = outputs
        self.events = events
        self.timers = timers
        self.accepted = accepted
        self.streams = streams
    }

    /// A workflow at the end.
    public struct Workflow: Sendable, Hashable {
        /// UUIDv7 of the workflow.
        public var id: UniqueID
        /// The phase of its state: `running`, `completed`, …
        public var phase: String
        /// What lists show; nil if not known. It has to catch up with `phase` once the workflow has ended.
        public var shownStatus: String?
        /// Whose workflow it is.
        public var tenant: String
        /// The key under which it was created; nil if it had none.
        public var idempotencyKey: String?
        /// The stages of its pinned definition; empty if not known, which leaves out the rules that need them.
        public var stages: [Stage]

        /// A workflow at the end.
        public init(
            id: UniqueID, phase: String, shownStatus: String? = nil, tenant: String = "default",
            idempotencyKey: String? = nil, stages: [Stage] = []
        ) {
            self.id = id
            self.phase = phase
            self.shownStatus = shownStatus
            self.tenant = tenant
            self.idempotencyKey = idempotencyKey
            self.stages = stages
        }
    }

    /// A stage of a definition.
    public struct Stage: Sendable, Hashable {
        /// Name of the stage.
        public var name: String
        /// The stages that must have ended well before this one starts.
        public var needs: [String]
        /// Whether the workflow completes only with it.
        public var isRequired: Bool
        /// How many attempts may fail.
        public var maxAttempts: Int

        /// A stage of a definition.
        public init(name: String, needs: [String], isRequired: Bool, maxAttempts: Int) {
            self.name = name
            self.needs = needs
            self.isRequired = isRequired
            self.maxAttempts = maxAttempts
        }
    }

    /// A row of `tasks`.
    public struct Attempt: Sendable, Hashable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// UUID of the task.
        public var taskID: UniqueID
        /// Number of the attempt, from 1.
        public var attempt: Int
        /// Name of the stage.
        public var stage: String
        /// Generation of the stage, from 1.
        public var generation: Int
        /// The word for its status: `dispatched`, `succeeded`, …
        public var status: String
        /// Whether it is open: sent or running.
        public var isOpen: Bool

        /// A row of `tasks`.
        public init(
            workflowID: UniqueID, taskID: UniqueID, attempt: Int, stage: String, generation: Int, status: String,
            isOpen: Bool
        ) {
            self.workflowID = workflowID
            self.taskID = taskID
            self.attempt = attempt
            self.stage = stage
            self.generation = generation
            self.status = status
            self.isOpen = isOpen
        }
    }

    /// A row of `outputs`.
    public struct Output: Sendable, Hashable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// Name of the stage.
        public var stage: String
        /// Generation of the stage, from 1.
        public var generation: Int

        /// A row of `outputs`.
        public init(workflowID: UniqueID, stage: String, generation: Int) {
            self.workflowID = workflowID
            self.stage = stage
            self.generation = generation
        }
    }

    /// A row of `dead_letters` of kind task.
    public struct Parked: Sendable, Hashable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// Name of the stage.
        public var stage: String
        /// Generation of the stage, from 1.
        public var generation: Int

        /// A row of `dead_letters` of kind task.
        public init(workflowID: UniqueID, stage: String, generation: Int) {
            self.workflowID = workflowID
            self.stage = stage
            self.generation = generation
        }
    }

    /// A row of `events`.
    public struct Event: Sendable, Hashable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// Place in the workflow's trail, from 1.
        public var sequence: Int64
        /// What happened: `stage_completed`, …
        public var kind: String
        /// Who did it.
        public var actor: String
        /// Particulars.
        public var data: JSONValue
        /// Database time of the batch that wrote it.
        public var at: Timestamp

        /// A row of `events`.
        public init(
            workflowID: UniqueID, sequence: Int64, kind: String, actor: String = "orchestrator",
            data: JSONValue = .object([:]), at: Timestamp
        ) {
            self.workflowID = workflowID
            self.sequence = sequence
            self.kind = kind
            self.actor = actor
            self.data = data
            self.at = at
        }
    }

    /// A creation that a client was told of: `201` or `200` with an id.
    public struct Creation: Sendable, Hashable {
        /// The id in the answer.
        public var workflowID: UniqueID
        /// Whose workflow it is.
        public var tenant: String
        /// The key that the client sent; nil if none.
        public var idempotencyKey: String?
        /// The phases in which it may be at the end; nil for any terminal one.
        public var expectedPhases: Set<String>?

        /// A creation that a client was told of.
        public init(
            workflowID: UniqueID, tenant: String = "default", idempotencyKey: String? = nil,
            expectedPhases: Set<String>? = nil
        ) {
            self.workflowID = workflowID
            self.tenant = tenant
            self.idempotencyKey = idempotencyKey
            self.expectedPhases = expectedPhases
        }
    }

    /// A stream that has to be empty at the end.
    public struct Stream: Sendable, Hashable {
        /// Its key on Redis.
        public var name: String
        /// How many entries are on it.
        public var count: Int

        /// A stream.
        public init(name: String, count: Int) {
            self.name = name
            self.count = count
        }
    }
}
