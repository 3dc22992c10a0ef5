public import JSONTools
public import WorkflowCore
public import WorkflowStorage

/// What has to be done after a batch was committed: messages, acknowledgements, answers. Losing it loses nothing that
/// the record and the sweeper don't make good.
public struct BatchEffects: Sendable {
    /// A send of an attempt.
    public struct Send: Sendable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// Type of the agents that may take it, which names the stream.
        public var agentType: String
        /// Lane of the stream.
        public var priority: WorkflowPriority
        /// The attempt and the mark of this send.
        public var reference: AttemptReference
        /// The envelope's body, as in the attempt's row.
        public var payload: [UInt8]
    }

    /// A stop order for the agents of a type.
    public struct Stop: Sendable {
        /// Type of the agents that are told; whoever runs the attempt obeys.
        public var agentType: String
        /// The attempt to stop.
        public var reference: AttemptReference
    }

    /// A result that the orchestrator is done with: its agent may forget it.
    public struct Settled: Sendable {
        /// Type of the agent, which names its control channel.
        public var agentType: String
        /// The agent that keeps the result.
        public var agentID: String
        /// The send whose result it is.
        public var reference: AttemptReference
    }

    /// A write stage's accepted commit, to be named in the workflow's repository.
    public struct AcceptedCommit: Sendable {
        /// UUIDv7 of the workflow, which names the repository.
        public var workflowID: UniqueID
        /// Name of the stage that made it.
        public var stage: String
        /// Generation of the stage, from 1.
        public var generation: Int
        /// Hash of the commit, lower-case hex digits.
        public var commit: String
    }

    /// A committed event, for those who watch live.
    public struct Published: Sendable {
        /// UUIDv7 of the workflow.
        public var workflowID: UniqueID
        /// The event as it stands in the audit trail.
        public var record: AuditRecord
        /// Database time of the batch that committed it.
        public var at: Timestamp
    }

    /// When the batch was begun, in milliseconds of this process's monotonic clock: its sends are not put on the streams
    /// when they are too old. Nil if nothing is sent.
    package var begunAt: Int64?
    /// Attempts to put on the streams.
    public var sends: [Send] = []
    /// Attempts whose agents are told to stop.
    public var stops: [Stop] = []
    /// Results whose agents may forget them.
    public var settled: [Settled] = []
    /// Ids of the entries on the results stream that are done with.
    public var acknowledgements: [String] = []
    /// UUIDs of the tasks whose open attempt was closed.
    public var closed: [UniqueID] = []
    /// Commits to name in the repositories of their workflows.
    public var commits: [AcceptedCommit] = []
    /// Events for those who watch live.
    public var events: [Published] = []
    /// Answers to callers who wait.
    public var replies: [(ReplyToken, SubmissionOutcome)] = []
    /// Dead letters that were kept, for the mirror on Redis.
    public var deadLetters: [DeadLetter] = []
    /// Entries of attempts that ended without their agent's word.
    public var left: [LeftEntry] = []
    /// Workflows whose searchable rows the batch itself brought up to date.
    public var current: [UniqueID] = []
    /// Summaries that may wait a second.
    public var summaries: [WorkflowSummary] = []

    /// Nothing to do.
    public init() {}

    /// Adds what the rows said that has to be done.
    mutating func take(_ answer: CommitAnswer) {
        left += answer.left
        let older = answer.resent + answer.released.joined()
        guard !older.isEmpty else { return }
        // What has waited goes before what is new.
        sends =
            older.map { task in
                Send(
                    workflowID: task.workflowID, agentType: task.agentType, priority: task.priority,
                    reference: task.reference, payload: task.payload)
            } + sends
    }
}
