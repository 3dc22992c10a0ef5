public import JSONTools

/// A task whose attempts are spent: kept as a dead letter until a person looks at it.
public struct ParkedTask: Sendable, Hashable {
    /// What kind of trouble it was.
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        /// Agents died or fell silent over it.
        case crash
        /// It did not end within its limit.
        case timeout
        /// Its input or envelope could not be used.
        case invalid
        /// A tool, a file or a service that it needs is missing.
        case environment
        /// Nobody answered what it asked.
        case unanswered
        /// The work itself failed.
        case failure

        init(_ fault: WorkflowFault) {
            switch fault.code {
            case "AGENT_LOST", "AGENT_STOPPED", "RECORD_MISMATCH": self = .crash
            case "STAGE_TIMEOUT", "TOOL_TIMEOUT": self = .timeout
            case "INVALID_ENVELOPE", "INVALID_INPUT", "UNKNOWN_ACTION", "PAYLOAD_TOO_LARGE", "EXPRESSION_ERROR",
                "NO_QUESTIONS", "TOO_MANY_QUESTIONS":
                self = .invalid
            case "TOOL_MISSING", "WORKSPACE_MISSING", "DISK_FULL": self = .environment
            case "QUESTIONS_EXPIRED": self = .unanswered
            default: self = .failure
            }
        }
    }

    /// Name of the stage.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// UUID of the task.
    public var taskID: UniqueID
    /// Number of the last attempt.
    public var attempt: Int
    /// Why the last attempt failed.
    public var fault: WorkflowFault
    /// What kind of trouble it was.
    public var cause: Cause
}
