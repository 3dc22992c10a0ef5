public import AgentProtocol
public import JSONTools

/// What an action reports when it ran to its end.
public struct ActionOutcome: Sendable {
    /// `success` unless set; `cancelled` is the runtime's to set.
    public var status: TaskResult.Status
    /// Small facts for the stages that follow, at most 64 KiB encoded.
    public var output: JSONObject
    /// What went wrong, for `failure` and `partial`.
    public var faults: [TaskFault]
    /// What a person should know although the stage went well.
    public var warnings: [String]
    /// What has to be asked of people, for `needsInput`.
    public var questions: [Question]
    /// Message of the one commit that the runtime makes of the workspace; nil when the workspace isn't to be kept.
    public var commitMessage: String?
    /// Set only by an action that made the commit itself; the commit must exist in the workspace.
    public var commit: String?
    /// How sure the action is of its answer, 0...1.
    public var confidence: Double?

    /// An outcome with everything but `status` and `output` empty; set the rest on the value.
    ///
    /// - Parameters:
    ///   - status: How the attempt ended.
    ///   - output: Small facts for the stages that follow.
    ///   - commitMessage: Message of the one commit, for an action that changed its workspace.
    public init(
        status: TaskResult.Status = .success,
        output: JSONObject = [:],
        commitMessage: String? = nil
    ) {
        self.status = status
        self.output = output
        self.commitMessage = commitMessage
        faults = []
        warnings = []
        questions = []
        commit = nil
        confidence = nil
    }
}

/// A failure that an action expected and can name.
public struct ActionFailure: Error, Sendable {
    /// A name in capitals for programs, such as `TOOL_FAILED`.
    public var code: String
    /// One sentence for people: what was found, what was expected, what to do next.
    public var message: String
    /// Whether another attempt could end differently.
    public var retryable: Bool
    /// Facts that help to act on it.
    public var detail: JSONObject

    /// A failure with a code and a message.
    ///
    /// - Parameters:
    ///   - code: A name in capitals for programs.
    ///   - message: One sentence for people.
    ///   - retryable: Whether another attempt could end differently.
    ///   - detail: Facts that help to act on it.
    public init(code: String, message: String, retryable: Bool = false, detail: JSONObject = [:]) {
        self.code = code
        self.message = message
        self.retryable = retryable
        self.detail = detail
    }
}

extension ActionFailure: CustomStringConvertible {
    /// Code and message on one line.
    public var description: String { "\(code): \(message)" }
}
