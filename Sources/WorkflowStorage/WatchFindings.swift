public import JSONTools
public import WorkflowCore

/// What the sweeper asks for.
public struct WatchQuestion: Sendable {
    /// Whether leases may be judged: only after listening long enough.
    public var judgesLeases: Bool
    /// An agent silent for longer than this has lost its attempts, in milliseconds.
    public var leaseMilliseconds: Int
    /// Whether to hold the workflows that are under way against the record (once a minute): those whose `next_wake_at`
    /// has passed, those that nothing could wake, open attempts of workflows that have ended, expired questions.
    public var looksForOverdue: Bool
    /// For how long a thing may be late before it is a finding, in milliseconds: a queued attempt that isn't sent, an
    /// attempt that no agent could take, an attempt past its deadline.
    public var patienceMilliseconds: Int
    /// The most rows of each kind; of attempts that wait for an agent or to be sent, of each agent type.
    public var limit: Int

    /// A question.
    public init(
        judgesLeases: Bool, leaseMilliseconds: Int, looksForOverdue: Bool, patienceMilliseconds: Int = 10_000,
        limit: Int = 500
    ) {
        self.judgesLeases = judgesLeases
        self.leaseMilliseconds = leaseMilliseconds
        self.looksForOverdue = looksForOverdue
        self.patienceMilliseconds = patienceMilliseconds
        self.limit = limit
    }
}

/// What the sweeper found due.
public struct WatchFindings: Sendable {
    /// Workflows with a timer that is due.
    public var due: [UniqueID] = []
    /// Those of ``due`` whose timer has been due for a while: nobody fired it, or firing did not help.
    public var lateTimers: [(workflowID: UniqueID, lateMilliseconds: Int64)] = []
    /// Sends that nobody marked as having reached Redis, past the time by which they should have.
    public var unpublished: [(workflowID: UniqueID, reference: AttemptReference)] = []
    /// Attempts bound to an agent that has been silent for longer than its lease.
    public var expired: [(workflowID: UniqueID, reference: AttemptReference, agentID: String)] = []
    /// Workflows that should have been looked at long ago.
    public var overdue: [UniqueID] = []
    /// Those of ``overdue`` that have no timer.
    public var timerless: [UniqueID] = []
    /// Attempts that nobody can take: no agent of the type lives. Queued ones too. Only where leases are judged.
    public var agentless: [WatchedAttempt] = []
    /// Queued attempts that have waited for longer than patience. With many of them that is as it should be while their
    /// type has no room: see ``loads``.
    public var queuedLong: [WatchedAttempt] = []
    /// Bound attempts past their deadline by more than patience.
    public var pastDeadline: [WatchedAttempt] = []
    /// Workflows that run and wait for nothing that the record knows of: no open attempt, no timer, no question. Also those
    /// with a queued attempt that is held back though they are not paused, or not though they are.
    public var stranded: [UniqueID] = []
    /// Open attempts of workflows that have ended.
    public var orphaned: [WatchedAttempt] = []
    /// Workflows with open questions that expired a minute ago or longer.
    public var expiredQuestions: [UniqueID] = []
    /// What is under way for each agent type that has open attempts or living agents.
    public var loads: [AgentTypeLoad] = []

    /// For how long a due timer may wait to be fired, in milliseconds.
    public static let timerPatienceMilliseconds: Int64 = 30_000

    /// Nothing due.
    public init() {}

    /// Whether nothing is due.
    public var isEmpty: Bool {
        due.isEmpty && unpublished.isEmpty && expired.isEmpty && overdue.isEmpty && agentless.isEmpty
            && queuedLong.isEmpty && pastDeadline.isEmpty && stranded.isEmpty && orphaned.isEmpty
            && expiredQuestions.isEmpty
    }
}

/// An attempt that the sweeper found.
public struct WatchedAttempt: Sendable, Hashable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// The attempt and the mark of its newest send.
    public var reference: AttemptReference
    /// Type of the agents that may take it.
    public var agentType: String
    /// For how long it has waited, or has been late, in milliseconds of database time.
    public var milliseconds: Int64

    /// An attempt that the sweeper found.
    public init(workflowID: UniqueID, reference: AttemptReference, agentType: String, milliseconds: Int64) {
        self.workflowID = workflowID
        self.reference = reference
        self.agentType = agentType
        self.milliseconds = milliseconds
    }
}

/// What is under way for an agent type.
public struct AgentTypeLoad: Sendable, Hashable {
    /// The type.
    public var agentType: String
    /// Open attempts that were sent.
    public var sent: Int
    /// Attempts that are recorded and may be sent.
    public var queued: Int
    /// How many tasks the living agents of the type run at once, together.
    public var slots: Int

    /// What is under way for an agent type.
    public init(agentType: String, sent: Int, queued: Int, slots: Int) {
        self.agentType = agentType
        self.sent = sent
        self.queued = queued
        self.slots = slots
    }
}

/// What the record says about a workflow, apart from its state.
public struct WorkflowEvidence: Sendable {
    /// An attempt: each that is open, and the newest of each stage.
    public struct Attempt: Sendable, Hashable {
        /// Name of the stage.
        public var stage: String
        /// Generation of the stage, from 1.
        public var generation: Int
        /// The attempt and the mark of its newest send.
        public var reference: AttemptReference
        /// Where it is.
        public var status: TaskStatus
        /// The agent that runs or ran it.
        public var agentID: String?
        /// Whether it must not be let go, while it is queued.
        public var isHeld: Bool

        /// An attempt.
        public init(
            stage: String, generation: Int, reference: AttemptReference, status: TaskStatus, agentID: String?,
            isHeld: Bool = false
        ) {
            self.stage = stage
            self.generation = generation
            self.reference = reference
            self.status = status
            self.agentID = agentID
            self.isHeld = isHeld
        }
    }

    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// Version of the hot row that this belongs to.
    public var version: Int64
    /// When it is to be looked at, at the latest.
    public var nextWake: Timestamp
    /// When its timer is due; nil if it has none.
    public var timerDue: Timestamp?
    /// Sequence number of the newest event of its trail; 0 without any.
    public var newestEvent: Int64
    /// Each open attempt, and the newest of each stage.
    public var attempts: [Attempt]
    /// Outputs that are kept.
    public var outputs: [OutputKey]
    /// How many questions are open.
    public var openQuestions: Int

    /// What the record says about a workflow.
    public init(
        workflowID: UniqueID, version: Int64, nextWake: Timestamp, timerDue: Timestamp?, newestEvent: Int64,
        attempts: [Attempt], outputs: [OutputKey], openQuestions: Int
    ) {
        self.workflowID = workflowID
        self.version = version
        self.nextWake = nextWake
        self.timerDue = timerDue
        self.newestEvent = newestEvent
        self.attempts = attempts
        self.outputs = outputs
        self.openQuestions = openQuestions
    }
}
