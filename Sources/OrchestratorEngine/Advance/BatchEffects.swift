public import JSONTools
public import WorkflowCore
public import WorkflowStorage

/// What has to be done after a batch was committed: messages, acknowledgements, answers. Losing it loses nothing that
/// the record and the sweeper don't make good.
public struct BatchEffects: Sendable {
    /// A send of an attempt.
    public struct Send: Sendable {
        public var workflowID: UniqueID
        public var agentType: String
        public var priority: WorkflowPriority
        public var reference: AttemptReference
        /// The envelope's body, as in the attempt's row.
        public var payload: [UInt8]
    }

    /// A stop order for the agents of a type.
    public struct Stop: Sendable {
        public var agentType: String
        public var reference: AttemptReference
    }

    /// A result that the orchestrator is done with: its agent may forget it.
    public struct Settled: Sendable {
        public var agentType: String
        public var agentID: String
        public var reference: AttemptReference
    }

    /// A write stage's accepted commit, to be named in the workflow's repository.
    public struct AcceptedCommit: Sendable {
        public var workflowID: UniqueID
        public var stage: String
        public var generation: Int
        public var commit: String
    }

    /// A committed event, for those who watch live.
    public struct Published: Sendable {
        public var workflowID: UniqueID
        public var record: AuditRecord
        public var at: Timestamp
    }

    public var sends: [Send] = []
    public var stops: [Stop] = []
    public var settled: [Settled] = []
    public var acknowledgements: [String] = []
    public var closed: [UniqueID] = []
    public var commits: [AcceptedCommit] = []
    public var events: [Published] = []
    public var replies: [(ReplyToken, SubmissionOutcome)] = []
    /// Dead letters that were kept, for the mirror on Redis.
    public var deadLetters: [DeadLetter] = []
    /// Entries of attempts that ended without their agent's word.
    public var left: [LeftEntry] = []
    /// Summaries that may wait a second.
    public var summaries: [WorkflowSummary] = []

    /// Nothing to do.
    public init() {}

    /// Adds what the rows said that has to be done.
    mutating func take(_ answer: CommitAnswer) {
        left += answer.left
        for task in answer.resent {
            sends.append(
                Send(
                    workflowID: task.workflowID, agentType: task.agentType, priority: task.priority,
                    reference: task.reference, payload: task.payload))
        }
    }
}

