public import JSONTools

/// What the watchdog finds: each is an event through the one door, a row of the audit trail, a counter.
public enum WatchdogFinding: String, Sendable, Hashable, CaseIterable {
    /// A recorded send never reached Redis.
    case neverSent = "never_sent"
    /// A send is on no stream, and no agent has said that it runs it.
    case neverClaimed = "never_claimed"
    /// A live agent took the task and never said that it runs it.
    case claimedAndSilent = "claimed_and_silent"
    /// An attempt went on past its deadline.
    case pastDeadline = "past_deadline"
    /// The agent that ran an attempt fell silent, or left no trace of it.
    case agentLost = "agent_lost"
    /// No agent of the type that a task needs lives.
    case agentMissing = "agent_missing"
    /// A result had been read by an orchestrator that died before it recorded it.
    case resultNotAdvanced = "result_not_advanced"
    /// Nobody answered in time.
    case expiryPassed = "expiry_passed"
    /// A timer fired long after it was due.
    case timerOverdue = "timer_overdue"
    /// The workflow was never woken: its timer was missing, or its next look long past.
    case wakeMissing = "wake_missing"
    /// State and rows of a workflow said different things.
    case recordMismatch = "record_mismatch"
    /// A queued task stayed unsent though there was room.
    case queuedNotSent = "queued_not_sent"
}

/// Why a send counts as lost.
public enum SendLossReason: String, Sendable, Hashable, CaseIterable {
    /// It was recorded and nobody marked it as having reached Redis.
    case neverSent
    /// No stream holds it and no agent runs it.
    case notOnStream
    /// A live agent took it and never said that it runs it.
    case claimedAndSilent
    /// It was queued, and stayed so though there was room for it.
    case queuedNotSent

    /// The finding that it is.
    public var finding: WatchdogFinding {
        switch self {
        case .neverSent: .neverSent
        case .notOnStream: .neverClaimed
        case .claimedAndSilent: .claimedAndSilent
        case .queuedNotSent: .queuedNotSent
        }
    }

    var explanation: String {
        switch self {
        case .neverSent: "the send was recorded, but nothing says that it reached Redis"
        case .notOnStream: "the send is on no stream, and no agent has said that it runs it"
        case .claimedAndSilent: "an agent took the send, lives, and does not list it among what it runs"
        case .queuedNotSent: "the task was queued, and stayed unsent though there was room for it"
        }
    }
}

/// What a workflow's rows say, read when it was found to be overdue.
public struct RecordEvidence: Sendable, Hashable {
    /// ``WorkflowState/sequence`` of the state that stood in the record when the rows were read: evidence about another
    /// state proves nothing.
    public var sequence: Int64
    /// The attempts whose rows are open, with the marks in the rows.
    public var openAttempts: [AttemptReference]
    /// Of the attempts whose rows are queued: whether they are held back.
    public var isHeld: [AttemptReference: Bool]
    /// When the timers table wants to wake it; nil for no row.
    public var timer: Timestamp?
    /// When it should have been looked at, at the latest.
    public var nextWake: Timestamp

    /// What the rows say.
    public init(
        sequence: Int64, openAttempts: [AttemptReference], isHeld: [AttemptReference: Bool] = [:], timer: Timestamp?,
        nextWake: Timestamp
    ) {
        self.sequence = sequence
        self.openAttempts = openAttempts
        self.isHeld = isHeld
        self.timer = timer
        self.nextWake = nextWake
    }
}
