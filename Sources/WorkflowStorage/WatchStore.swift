public import JSONTools
public import WorkflowCore

/// What the sweeper and the registry need of the record.
public protocol WatchStore: Sendable {
    /// Everything that is due, in one query.
    func findings(_ question: WatchQuestion) async throws(BatchError) -> WatchFindings

    /// The open attempts of some sends, by task id; those that are closed or never were are absent.
    func openAttempts(taskIDs: [UniqueID]) async throws(BatchError) -> [OpenAttemptRow]

    /// All open attempts, oldest first, up to a limit.
    func allOpenAttempts(limit: Int) async throws(BatchError) -> [OpenAttemptRow]

    /// The open attempts that are bound to an agent.
    func openAttempts(boundTo agentIDs: [String]) async throws(BatchError) -> [OpenAttemptRow]

    /// Notes that sends have reached Redis.
    func markPublished(_ sends: [PublishedSend]) async throws(BatchError)

    /// Brings searchable rows up to date.
    func refresh(_ summaries: [WorkflowSummary]) async throws(BatchError)

    /// Notes agents that registered.
    func register(_ agents: [AgentRegistration]) async throws(BatchError)

    /// Notes heartbeats.
    ///
    /// - Returns: the type of each agent among them that is registered.
    func beat(_ heartbeats: [AgentBeat]) async throws(BatchError) -> [String: String]

    /// Notes agents that said goodbye.
    func retire(_ agentIDs: [String]) async throws(BatchError)

    /// The agents that live: heard within `leaseMilliseconds`.
    func livingAgents(leaseMilliseconds: Int) async throws(BatchError) -> [String: String]

    /// Keeps dead letters.
    func keep(_ letters: [DeadLetter]) async throws(BatchError)

    /// Appends log lines; lines that are there already, or of attempts that don't exist, are passed over.
    func append(_ lines: [LogRow]) async throws(BatchError)
}

/// What the sweeper asks for.
public struct WatchQuestion: Sendable {
    /// Whether leases may be judged: only after listening long enough.
    public var judgesLeases: Bool
    /// An agent silent for longer than this has lost its attempts, in milliseconds.
    public var leaseMilliseconds: Int
    /// Whether to look for workflows whose `next_wake_at` has passed (once a minute).
    public var looksForOverdue: Bool
    /// The most rows of each kind.
    public var limit: Int

    /// A question.
    public init(judgesLeases: Bool, leaseMilliseconds: Int, looksForOverdue: Bool, limit: Int = 500) {
        self.judgesLeases = judgesLeases
        self.leaseMilliseconds = leaseMilliseconds
        self.looksForOverdue = looksForOverdue
        self.limit = limit
    }
}

/// What the sweeper found due.
public struct WatchFindings: Sendable {
    /// Workflows with a timer that is due.
    public var due: [UniqueID] = []
    /// Sends that nobody marked as having reached Redis, past the time by which they should have.
    public var unpublished: [(workflowID: UniqueID, reference: AttemptReference)] = []
    /// Attempts bound to an agent that has been silent for longer than its lease.
    public var expired: [(workflowID: UniqueID, reference: AttemptReference, agentID: String)] = []
    /// Workflows that should have been looked at long ago.
    public var overdue: [UniqueID] = []

    /// Nothing due.
    public init() {}

    /// Whether nothing is due.
    public var isEmpty: Bool { due.isEmpty && unpublished.isEmpty && expired.isEmpty && overdue.isEmpty }
}

/// An open attempt as its row has it.
public struct OpenAttemptRow: Sendable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// The attempt and the mark of its newest send.
    public var reference: AttemptReference
    /// Name of the stage that it is an attempt of.
    public var stage: String
    /// Type of the agents that may take it, which names the stream.
    public var agentType: String
    /// Lane of the stream.
    public var priority: WorkflowPriority
    /// The agent that runs it; nil while unbound.
    public var agentID: String?
    /// Whether its agent has been told to stop.
    public var isStopping: Bool
    /// How long ago it was sent, in milliseconds of database time.
    public var ageMilliseconds: Int64
    /// How long ago it was bound; nil while unbound.
    public var boundMilliseconds: Int64?

    /// An open attempt.
    package init(
        workflowID: UniqueID, reference: AttemptReference, stage: String, agentType: String,
        priority: WorkflowPriority, agentID: String?, isStopping: Bool, ageMilliseconds: Int64,
        boundMilliseconds: Int64?
    ) {
        self.workflowID = workflowID
        self.reference = reference
        self.stage = stage
        self.agentType = agentType
        self.priority = priority
        self.agentID = agentID
        self.isStopping = isStopping
        self.ageMilliseconds = ageMilliseconds
        self.boundMilliseconds = boundMilliseconds
    }
}

/// A send that has reached Redis.
public struct PublishedSend: Sendable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// The send; noted only while it is still the attempt's newest.
    public var reference: AttemptReference
    /// Id of its entry on the stream, as Redis gave it (`1700000000000-0`).
    public var entryID: String

    /// A send that has reached Redis under an entry id.
    public init(workflowID: UniqueID, reference: AttemptReference, entryID: String) {
        self.workflowID = workflowID
        self.reference = reference
        self.entryID = entryID
    }
}

/// An agent that registered.
public struct AgentRegistration: Sendable {
    /// The agent's id, unique among all agents that live.
    public var agentID: String
    /// What kind of tasks it takes (`scaffold`, `validation`, …).
    public var agentType: String
    /// Version of the agent's program, as it says itself.
    public var version: String
    /// The registered actions as JSON.
    public var actions: JSONValue
    /// How many tasks it runs at once.
    public var slots: Int
    /// Name of the host that it runs on.
    public var host: String
    /// Its process id on that host.
    public var pid: Int64

    /// A registration.
    public init(
        agentID: String, agentType: String, version: String, actions: JSONValue, slots: Int, host: String, pid: Int64
    ) {
        self.agentID = agentID
        self.agentType = agentType
        self.version = version
        self.actions = actions
        self.slots = slots
        self.host = host
        self.pid = pid
    }
}

/// A heartbeat.
public struct AgentBeat: Sendable {
    /// The agent that is alive.
    public var agentID: String
    /// How many more tasks it could take now.
    public var freeSlots: Int
    /// How many tasks it runs now.
    public var running: Int

    /// A heartbeat.
    public init(agentID: String, freeSlots: Int, running: Int) {
        self.agentID = agentID
        self.freeSlots = freeSlots
        self.running = running
    }
}

/// A line of an attempt's log.
public struct LogRow: Sendable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// UUID of the task, the same for every attempt.
    public var taskID: UniqueID
    /// Number of the attempt, from 1.
    public var attempt: Int
    /// Numbered by the agent, per attempt.
    public var line: Int
    /// When the agent wrote it, by the agent's clock.
    public var at: Timestamp
    /// How important it is, as the wire spells it (`info`, `warning`, …).
    public var level: String
    /// Where it came from: `stdout` or `stderr` of a tool, or `agent`.
    public var stream: String
    /// The line without its newline.
    public var text: String

    /// A line.
    public init(
        workflowID: UniqueID, taskID: UniqueID, attempt: Int, line: Int, at: Timestamp, level: String, stream: String,
        text: String
    ) {
        self.workflowID = workflowID
        self.taskID = taskID
        self.attempt = attempt
        self.line = line
        self.at = at
        self.level = level
        self.stream = stream
        self.text = text
    }
}
