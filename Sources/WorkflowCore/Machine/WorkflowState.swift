public import JSONTools

/// The small, hot state of one workflow: counters and open items, nothing that stands in rows of its own.
///
/// Encoded it is at most ``WorkflowState/maximumEncodedBytes`` bytes. Outputs, inputs and the audit trail are elsewhere.
public struct WorkflowState: Sendable, Hashable {
    /// The limit of the encoded form, in bytes: what a hundred stages need that run at once, each with the longest names,
    /// beside questions and answers. Workflows of a dozen stages need two or three thousand.
    public static let maximumEncodedBytes = 64 * 1024

    /// Where the workflow as a whole is.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Recorded, not started. Becomes running, or stopping by a cancel.
        case initiated
        /// Stages start, run, wait. Becomes paused, stopping, or completed.
        case running
        /// Nothing new is dispatched; what is out goes on, and its results are kept. Becomes running, or stopping by a
        /// cancel.
        case paused
        /// The outcome is known; open attempts are being closed; nothing new is sent. Becomes failed or cancelled.
        case stopping
        /// Every required stage completed. Terminal, but for a retry.
        case completed
        /// Terminal, but for a retry.
        case failed
        /// Terminal, but for a retry.
        case cancelled

        /// Whether nothing leads out of this phase but an explicit retry.
        public var isTerminal: Bool {
            switch self {
            case .initiated, .running, .paused, .stopping: false
            case .completed, .failed, .cancelled: true
            }
        }
    }

    /// How a workflow that is stopping, failed or cancelled came to that.
    public struct Outcome: Sendable, Hashable {
        /// The terminal phase it leads to: `failed` or `cancelled`.
        public var phase: Phase
        /// Why: the fault of the stage, the total timeout, or the cancel.
        public var fault: WorkflowFault
        /// The stage at fault; nil for a cancel or a total timeout.
        public var stage: String?

        /// An outcome that leads to `phase`.
        public init(phase: Phase, fault: WorkflowFault, stage: String?) {
            self.phase = phase
            self.fault = fault
            self.stage = stage
        }
    }

    /// Who paused a workflow, and when.
    public struct Pause: Sendable, Hashable {
        /// Since when, in database time.
        public var since: Timestamp
        /// Who wanted it.
        public var actor: String

        /// A pause.
        public init(since: Timestamp, actor: String) {
            self.since = since
            self.actor = actor
        }
    }

    /// Where the workflow as a whole is.
    public var phase: Phase
    /// Since when and by whom it is paused; nil unless it is.
    public var pause: Pause?
    /// How it came to stop; nil while initiated, running or completed.
    public var outcome: Outcome?
    /// One for each stage of the definition, in its order.
    public var stages: [StageState]
    /// Sequence number of the newest audit event; the first is 1. Also the version that decisions are made on.
    public var sequence: Int64
    /// When it began to run, in database time; nil before.
    public var startedAt: Timestamp?
    /// When it was last retried, in database time; `total_timeout` counts from then. Nil if it never was.
    public var retriedAt: Timestamp?
    /// When it reached a terminal phase, in database time; nil before.
    public var endedAt: Timestamp?
    /// What the timers table holds for this workflow: when it wants to be woken; nil for no row.
    public var recordedWake: Timestamp?
    /// The overdue ``recordedWake`` that is in the trail already.
    public var notedOverdue: Timestamp?
    /// How many results named no task of this workflow; the first ``StageState/maximumIgnoredRecords`` are in the trail.
    public var strayResults: Int

    /// Whether the encoded form surely has all of it: messages and codes of faults may be shortened there, and numbers in
    /// answers spelt in another way.
    public var isStoredWhole: Bool {
        outcome == nil && stages.allSatisfy { $0.fault == nil && $0.answers.isEmpty }
    }

    /// The state of a workflow that was just recorded.
    public init(stageCount: Int) {
        self.phase = .initiated
        self.outcome = nil
        self.stages = Array(repeating: StageState(), count: stageCount)
        self.sequence = 0
        self.startedAt = nil
        self.endedAt = nil
        self.recordedWake = nil
        self.notedOverdue = nil
        self.strayResults = 0
        self.pause = nil
        self.retriedAt = nil
    }
}

/// Where one stage is.
public struct StageState: Sendable, Hashable {
    /// The stage's place in its life.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Waits for the stages that it needs. Becomes running, skipped or cancelled.
        case pending
        /// An attempt is open, or the next one waits for its backoff. Becomes awaiting answers, completed, failed or
        /// cancelled.
        case running
        /// People have to answer before the next attempt. Becomes running, failed or cancelled.
        case awaitingAnswers = "awaiting_answers"
        case completed
        case failed
        case skipped
        case cancelled

        /// Whether the stage has ended.
        public var isClosed: Bool {
            switch self {
            case .pending, .running, .awaitingAnswers: false
            case .completed, .failed, .skipped, .cancelled: true
            }
        }
    }

    /// Where the stage is.
    public var phase: Phase
    /// 1 at first; an explicit retry from a stage raises it.
    public var generation: Int
    /// Number of the newest attempt; 0 before the first.
    public var attempt: Int
    /// Attempts that count against `max_attempts`.
    public var failures: Int
    /// The same for every attempt of a generation; nil before the first.
    public var taskID: UniqueID?
    /// The open attempt; nil when none is out.
    public var open: OpenAttempt?
    /// When the next attempt starts, while the stage waits for its backoff.
    public var retryAt: Timestamp?
    /// What people have to answer; nil unless the stage awaits answers.
    public var questions: OpenQuestions?
    /// Rounds of questions that this generation has asked.
    public var questionRounds: Int
    /// What people answered in this generation, for its next attempts.
    public var answers: [GivenAnswer]
    /// The commit that the stage hands on: its own, or its input commit if it made none.
    public var commit: String?
    /// When the stage began, in database time; nil before.
    public var startedAt: Timestamp?
    /// When the stage was closed, in database time; nil before.
    public var endedAt: Timestamp?
    /// Why the stage, or its newest attempt, failed.
    public var fault: WorkflowFault?
    /// How many results were set aside as stale or doubled; the first ``maximumIgnoredRecords`` are in the trail.
    public var ignoredResults: Int

    /// How many ignored results of a stage get a row in the audit trail; later ones only count.
    public static let maximumIgnoredRecords = 10

    /// A stage that waits for its turn.
    public init() {
        phase = .pending
        generation = 1
        attempt = 0
        failures = 0
        taskID = nil
        open = nil
        retryAt = nil
        questions = nil
        questionRounds = 0
        answers = []
        commit = nil
        startedAt = nil
        endedAt = nil
        fault = nil
        ignoredResults = 0
    }
}

/// The attempt of a task that is out with an agent, or on its way to one.
public struct OpenAttempt: Sendable, Hashable {
    /// The mark of the newest send; anything that bears another is stale.
    public var dispatchID: UInt64
    /// When it was recorded and sent (database time).
    public var sentAt: Timestamp
    /// The agent that it is bound to; nil until one says that it runs it.
    public var agentID: String?
    /// When the bound attempt has to be over; nil until bound.
    public var deadline: Timestamp?
    /// Since when the agent has been asked to stop; nil if it hasn't.
    public var cancelledAt: Timestamp?
    /// When an attempt that was asked to stop counts as closed, with or without an answer; nil if it wasn't asked.
    public var closesAt: Timestamp? {
        cancelledAt.map {
            $0 + (agentID == nil ? WorkflowMachine.unboundCancelGrace : WorkflowMachine.cancelGrace)
        }
    }
    /// Whether the trail says that no agent lives that could take it.
    public var isAgentMissingNoted: Bool

    /// An attempt that was just sent.
    public init(dispatchID: UInt64, sentAt: Timestamp) {
        self.dispatchID = dispatchID
        self.sentAt = sentAt
        self.agentID = nil
        self.deadline = nil
        self.cancelledAt = nil
        self.isAgentMissingNoted = false
    }
}
