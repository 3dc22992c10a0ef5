public import JSONTools

/// Names one send of one attempt: the fence. What bears another triple changes nothing.
public struct AttemptReference: Sendable, Hashable {
    /// UUID of the task, the same for every attempt of a generation.
    public var taskID: UniqueID
    /// Counted from 1.
    public var attempt: Int
    /// Drawn anew at every send.
    public var dispatchID: UInt64

    /// A reference to one send of one attempt.
    public init(taskID: UniqueID, attempt: Int, dispatchID: UInt64) {
        self.taskID = taskID
        self.attempt = attempt
        self.dispatchID = dispatchID
    }
}

/// What an agent said at the end of an attempt, as far as the machine needs it.
public struct AttemptOutcome: Sendable, Hashable {
    /// The result's status (wire protocol, "Result").
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case success, failure, partial, needsInput, cancelled
    }

    /// The send that the agent ran.
    public var reference: AttemptReference
    /// Name of the stage that the agent says it worked on.
    public var stage: String
    /// The agent that reports.
    public var agentID: String
    /// How the agent says it ended.
    public var status: Status
    /// What the agent returned, for the expressions of later stages.
    public var output: JSONValue
    /// The commit that a write stage made; nil if it made none.
    public var commit: String?
    /// `{name, type, sha256, size_bytes, label}` of each stored file.
    public var artifacts: [JSONValue]
    /// What went wrong; the first one stands for the attempt. Empty for success.
    public var faults: [WorkflowFault]
    /// What people have to answer first; empty unless the status is `needsInput`.
    public var questions: [AskedQuestion]
    /// Whether an orchestrator had read the result before, and died or stood still before it recorded it.
    public var wasLeftBehind = false

    /// What an agent reported.
    public init(
        reference: AttemptReference,
        stage: String,
        agentID: String,
        status: Status,
        output: JSONValue = .object([:]),
        commit: String? = nil,
        artifacts: [JSONValue] = [],
        faults: [WorkflowFault] = [],
        questions: [AskedQuestion] = []
    ) {
        self.reference = reference
        self.stage = stage
        self.agentID = agentID
        self.status = status
        self.output = output
        self.commit = commit
        self.artifacts = artifacts
        self.faults = faults
        self.questions = questions
    }
}

/// Everything that can change a workflow.
public enum WorkflowEvent: Sendable, Hashable {
    /// Begin. Applied in the transaction that records the workflow; `actor` is who asked for it.
    case start(actor: String)
    /// An agent says that it runs this send: binds it.
    case taskStarted(AttemptReference, agentID: String)
    /// An attempt ended.
    case taskFinished(AttemptOutcome)
    /// The agent that holds this attempt fell silent for longer than its lease, or left no trace of it.
    case leaseExpired(AttemptReference, agentID: String)
    /// The agent was stopped in good order and gave this attempt up: lost, not counted.
    case abandoned(AttemptReference, agentID: String)
    /// The send is not to be found anywhere and nobody runs it: send again under a new mark.
    case sendLost(AttemptReference, reason: SendLossReason)
    /// No agent lives that could take this open attempt.
    case agentMissing(AttemptReference)
    /// The workflow was long overdue: what its rows say, to be held against its state.
    case inspected(RecordEvidence)
    /// Look at the clocks. `judgeDeadlines` is false while silence proves nothing (Redis or the record was away).
    case wake(judgeDeadlines: Bool)
    /// A person or program wants the workflow to stop.
    case cancel(actor: String, reason: String)
    /// Dispatch nothing new until resumed; what is out goes on.
    case pause(actor: String, reason: String)
    /// Go on after a pause.
    case resume(actor: String)
    /// Run a workflow that has ended again, from a stage on.
    case retry(RetryRequest)
    /// People answered what an agent asked.
    case answers(AnswerSet)

    /// Name of the event, as in the transition table.
    public var name: Name {
        switch self {
        case .start: .start
        case .taskStarted: .taskStarted
        case .taskFinished: .taskFinished
        case .leaseExpired: .leaseExpired
        case .abandoned: .abandoned
        case .sendLost: .sendLost
        case .wake: .wake
        case .cancel: .cancel
        case .agentMissing: .agentMissing
        case .inspected: .inspected
        case .pause: .pause
        case .resume: .resume
        case .retry: .retry
        case .answers: .answers
        }
    }

    /// The kinds of events, for tables and metrics.
    public enum Name: String, Sendable, Hashable, CaseIterable {
        case start, taskStarted, taskFinished, leaseExpired, abandoned, sendLost, agentMissing, inspected, wake, cancel
        case pause, resume, retry, answers
    }
}
