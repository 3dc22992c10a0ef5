/// Why an attempt, a stage or a workflow failed: a code to act on and a message to read.
public struct WorkflowFault: Error, Sendable, Hashable {
    /// Upper case with underscores: `TOOL_FAILED`, `LEASE_EXPIRED`, …
    public var code: String
    /// What was found, what was expected, what to do: for people.
    public var message: String
    /// Whether trying once more may help.
    public var isRetryable: Bool

    /// - Parameters:
    ///   - code: upper case with underscores.
    ///   - message: what was found, what was expected, what to do.
    ///   - isRetryable: whether another attempt may help.
    public init(code: String, message: String, isRetryable: Bool) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    static func leaseExpired(agent: String) -> WorkflowFault {
        WorkflowFault(
            code: "AGENT_LOST",
            message: "agent \(agent) fell silent for longer than its lease while it ran this attempt",
            isRetryable: true)
    }

    static func abandoned(agent: String) -> WorkflowFault {
        WorkflowFault(
            code: "AGENT_STOPPED", message: "agent \(agent) was shut down before it could finish this attempt",
            isRetryable: true)
    }

    static func timedOut(after limit: Swift.Duration) -> WorkflowFault {
        WorkflowFault(
            code: "STAGE_TIMEOUT", message: "the attempt did not end within its limit of \(limit)", isRetryable: true)
    }

    static func totalTimeout(_ limit: Swift.Duration) -> WorkflowFault {
        WorkflowFault(
            code: "TOTAL_TIMEOUT", message: "the workflow did not end within its total_timeout of \(limit)",
            isRetryable: false)
    }

    static let partialResult = WorkflowFault(
        code: "PARTIAL_RESULT",
        message: "the agent reported a partial result, and this stage has on_partial: fail", isRetryable: false)

    static let noQuestions = WorkflowFault(
        code: "NO_QUESTIONS",
        message: "the agent reported needs_input without a question, or with questions whose ids are empty or doubled",
        isRetryable: false)

    static func tooManyQuestions(_ what: String) -> WorkflowFault {
        WorkflowFault(code: "TOO_MANY_QUESTIONS", message: what, isRetryable: false)
    }

    static func questionsExpired(at time: String) -> WorkflowFault {
        WorkflowFault(
            code: "QUESTIONS_EXPIRED", message: "nobody answered the questions of this stage until \(time)",
            isRetryable: false)
    }

    static let recordMismatch = WorkflowFault(
        code: "RECORD_MISMATCH",
        message: "the workflow counted on an attempt whose row is closed or gone; it was given up and tried again",
        isRetryable: true)

    static let nothingToWaitFor = WorkflowFault(
        code: "INTERNAL",
        message: "the workflow had nothing left that could happen; this is a defect of Baton, please "
            + "report it with the workflow's events", isRetryable: false)
}
