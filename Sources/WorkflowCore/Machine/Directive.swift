public import JSONTools

/// What has to be done after an event was applied. The shell carries it out: record first, then the wire.
public enum Directive: Sendable, Hashable {
    /// Record an attempt and send it.
    case dispatch(AttemptOrder)
    /// Send an attempt again under a new mark; `reference` is the new one.
    case sendAgain(AttemptReference, stage: Int)
    /// An agent runs the attempt until `deadline`.
    case bind(AttemptReference, agentID: String, deadline: Timestamp)
    /// The attempt is over.
    case close(AttemptClosing)
    /// Tell the agents of the stage's type to stop this attempt.
    case stop(AttemptReference, stage: Int)
    /// Keep a stage's output: written once a generation.
    case accept(StageAcceptance)
    /// Keep questions for people to answer.
    case ask(QuestionRound)
    /// Keep what was answered, or that nobody will answer any more.
    case closeRound(ClosedQuestionRound)
    /// Keep a task whose attempts are spent as a dead letter.
    case park(ParkedTask)
    /// A send that nobody runs yet must not (or may again) leave the queue: its workflow was paused (or resumed).
    case hold(AttemptReference, isHeld: Bool)
    /// Append to the audit trail.
    case record(AuditRecord)
    /// The workflow is over.
    case finish(WorkflowState.Phase)
    /// A workflow that was over runs again, because `actor` wants it; `stages` are those that begin a new generation.
    case reopen(actor: String, stages: [String])
}

/// Questions of one round.
public struct QuestionRound: Sendable, Hashable {
    /// Name of the stage that asks.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Counted from 1 in each generation.
    public var round: Int
    /// UUID of the task whose attempt asked.
    public var taskID: UniqueID
    /// Number of the attempt that asked.
    public var attempt: Int
    /// What is asked.
    public var questions: [AskedQuestion]
    /// When the stage fails for want of an answer.
    public var expiresAt: Timestamp
}

/// A round of questions that is over.
public struct ClosedQuestionRound: Sendable, Hashable {
    /// Name of the stage that asked.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Counted from 1 in each generation.
    public var round: Int
    /// One answer for each question; none if nobody answered and nobody will be heard any more.
    public var values: [GivenAnswer]
    /// Who answered, or ended the stage.
    public var actor: String
}

/// An attempt that has to be recorded and sent.
public struct AttemptOrder: Sendable, Hashable {
    /// Index of the stage in the definition.
    public var stage: Int
    /// The attempt and the mark of its first send.
    public var reference: AttemptReference
    /// Generation of the stage, from 1.
    public var generation: Int
    /// The stage's `with`, rendered.
    public var payload: JSONValue
    /// Outputs that the agent gets to see, by stage.
    public var stageOutputs: [String: JSONValue]
    /// The commit that the stage works on; nil before the first one exists.
    public var inputCommit: String?
    /// What people answered to the questions of earlier attempts.
    public var answers: [GivenAnswer]
}

/// The end of an attempt.
public struct AttemptClosing: Sendable, Hashable {
    /// How the attempt ended.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case succeeded, partial, needsInput, failed, timedOut, lost, cancelled
    }

    /// UUID of the task, the same for every attempt of a generation.
    public var taskID: UniqueID
    /// Number of the attempt, from 1.
    public var attempt: Int
    /// How it ended.
    public var status: Status
    /// The code of the fault, for queries; nil for success.
    public var faultCode: String?
    /// The agent that ended it, if one did.
    public var agentID: String?
    /// Whether the event that closed it was this attempt's result, whose bytes are to be kept.
    public var keepsResult: Bool
}

/// A stage's accepted result.
public struct StageAcceptance: Sendable, Hashable {
    /// Name of the stage in the definition.
    public var stage: String
    /// Generation of the stage, from 1; an output is written once for each.
    public var generation: Int
    /// What the agent returned, for the expressions of later stages.
    public var output: JSONValue
    /// Hash of the commit that this stage made; nil if it made none.
    public var commit: String?
    /// `{name, type, sha256, size_bytes, label}` of each stored file.
    public var artifacts: [JSONValue]
}

/// One entry of the audit trail.
public struct AuditRecord: Sendable, Hashable {
    /// How much a person should care.
    public enum Severity: String, Sendable, Hashable {
        case info, warning, critical
    }

    /// Position in the workflow's trail, from 1, without gaps.
    public var sequence: Int64
    /// What happened.
    public var kind: AuditKind
    /// How much a person should care.
    public var severity: Severity
    /// Who did it: `orchestrator`, an agent's id, a person's or token's name.
    public var actor: String
    /// Particulars, by kind: stage, attempt, fault code and the like.
    public var data: JSONObject
}

/// What happened to a workflow, in the words of the audit trail.
public enum AuditKind: String, Sendable, Hashable, CaseIterable {
    case workflowCreated = "workflow_created"
    case workflowStarted = "workflow_started"
    case workflowStopping = "workflow_stopping"
    case workflowCompleted = "workflow_completed"
    case workflowFailed = "workflow_failed"
    case workflowCancelled = "workflow_cancelled"
    case stageStarted = "stage_started"
    case stageCompleted = "stage_completed"
    case stageFailed = "stage_failed"
    case stageSkipped = "stage_skipped"
    case stageCancelled = "stage_cancelled"
    case taskDispatched = "task_dispatched"
    case taskStarted = "task_started"
    case taskSentAgain = "task_sent_again"
    case attemptFailed = "attempt_failed"
    case attemptLost = "attempt_lost"
    case attemptTimedOut = "attempt_timed_out"
    case attemptCancelled = "attempt_cancelled"
    case retryScheduled = "retry_scheduled"
    case resultIgnored = "result_ignored"
    case lateSuccess = "late_success"
    case workflowPaused = "workflow_paused"
    case workflowResumed = "workflow_resumed"
    case workflowRetried = "workflow_retried"
    case questionsAsked = "questions_asked"
    case questionsAnswered = "questions_answered"
    case watchdogFinding = "watchdog_finding"
    case workflowRepaired = "workflow_repaired"
}
