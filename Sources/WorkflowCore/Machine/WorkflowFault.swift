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

    static let inputNotSupported = WorkflowFault(
        code: "INPUT_NOT_SUPPORTED",
        message: "the agent asked a question, and this version cannot ask people yet; give the answer in requirements "
            + "or input_data and run the workflow again",
        isRetryable: false)
}
