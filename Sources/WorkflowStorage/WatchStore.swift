public import JSONTools
public import WorkflowCore

/// What the sweeper and the registry need of the record.
public protocol WatchStore: Sendable {
    /// Everything that is due, in one query.
    func findings(_ question: WatchQuestion) async throws(BatchError) -> WatchFindings

    /// The open attempts of some sends, by task id; those that are closed, queued or never were are absent.
    func openAttempts(taskIDs: [UniqueID]) async throws(BatchError) -> [OpenAttemptRow]

    /// All open attempts that were sent, oldest first, up to a limit.
    func allOpenAttempts(limit: Int) async throws(BatchError) -> [OpenAttemptRow]

    /// The open attempts that are bound to an agent.
    func openAttempts(boundTo agentIDs: [String]) async throws(BatchError) -> [OpenAttemptRow]

    /// Notes that sends have reached Redis.
    func markPublished(_ sends: [PublishedSend]) async throws(BatchError)

    /// Brings searchable rows up to date.
    func refresh(_ summaries: [WorkflowSummary]) async throws(BatchError)

    /// Notes agents that registered.
    func register(_ agents: [AgentRegistration]) async throws(BatchError)

    /// Notes heartbeats, in one query, but of agents that said goodbye: only ``register(_:)`` brings one back.
    func beat(_ heartbeats: [AgentBeat]) async throws(BatchError) -> BeatAnswer

    /// Notes agents that said goodbye.
    func retire(_ agentIDs: [String]) async throws(BatchError)

    /// The agents that live: heard within `leaseMilliseconds`.
    func livingAgents(leaseMilliseconds: Int) async throws(BatchError) -> [String: String]

    /// Those of some agents that said goodbye and have not come back.
    func goneAgents(among agentIDs: [String]) async throws(BatchError) -> Set<String>

    /// Keeps dead letters.
    func keep(_ letters: [DeadLetter]) async throws(BatchError)

    /// Appends log lines; lines that are there already, or of attempts that don't exist, are passed over.
    func append(_ lines: [LogRow]) async throws(BatchError)

    /// Lets queued attempts of an agent type go: their rows count as sent from now on, under the mark that they have.
    ///
    /// Fair: tenants take turns; within a tenant lanes go by weight, 8 : 4 : 2 : 1 from critical to low, in a fixed
    /// pattern of 15 places; within a lane the oldest task goes first. Held attempts stay. Rows that somebody else
    /// holds are passed over.
    ///
    /// - Parameters:
    ///   - count: the most that are let go.
    ///   - turn: where in the pattern to begin: how many the caller has let go of this type before. With the turn kept
    ///     so, no lane and no tenant starves even if one attempt is let go at a time.
    /// - Returns: what has to be sent, in the order of fairness.
    func releaseQueued(agentType: String, count: Int, turn: Int) async throws(BatchError) -> [ResentTask]

    /// What is under way for each agent type that has open attempts or living agents.
    func loads(leaseMilliseconds: Int) async throws(BatchError) -> [AgentTypeLoad]

    /// What the record says about some workflows, to hold their states against; those that don't exist are absent.
    func evidence(of workflowIDs: [UniqueID]) async throws(BatchError) -> [WorkflowEvidence]
}

/// An open attempt that was sent, as its row has it.
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

/// What the record says to heartbeats.
public struct BeatAnswer: Sendable {
    /// The type of each agent among them that is registered.
    public var types: [String: String]
    /// The open attempts that are bound to them.
    public var bound: [OpenAttemptRow]
    /// Those of them that are to take no more tasks.
    public var draining: Set<String>

    /// An answer.
    public init(types: [String: String] = [:], bound: [OpenAttemptRow] = [], draining: Set<String> = []) {
        self.types = types
        self.bound = bound
        self.draining = draining
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
