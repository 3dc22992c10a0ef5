public import JSONTools

/// Why an event could not be applied. Nothing was changed.
public enum Rejection: Error, Sendable, Hashable {
    /// Outputs of these stages are needed to go on: load them and apply the event again.
    case outputsNeeded(Set<String>)
    /// The workflow's phase doesn't allow it (HTTP 409).
    case conflict(event: WorkflowEvent.Name, phase: WorkflowState.Phase)
    /// The workflow has changed since the decision was made (HTTP 409).
    case versionMismatch(expected: Int64, found: Int64)
    /// The definition has no stage of that name (HTTP 422).
    case unknownStage(String)
    /// Every stage ended well: only a retry from a named stage makes sense (HTTP 422).
    case nothingToRetry
    /// No stage, or not that one, waits for answers (HTTP 409).
    case noOpenQuestions(stage: String?)
    /// Several stages wait for answers, and the answers don't say which they are for (HTTP 422).
    case severalStagesAsk([String])
    /// Another round of questions is open than the one that was answered (HTTP 409).
    case roundMismatch(expected: Int, found: Int)
    /// The answers don't fit the questions, in words (HTTP 422).
    case invalidAnswers([String])
}

/// The output of a stage that has completed, as loaded from the record.
public struct StageOutput: Sendable, Hashable {
    /// What the agent returned.
    public var output: JSONValue
    /// Hash of the commit that the stage hands on; nil if it made none.
    public var commit: String?
    /// `{name, type, sha256, size_bytes, label}` of each stored file.
    public var artifacts: [JSONValue]

    /// An output as it was accepted.
    public init(output: JSONValue, commit: String?, artifacts: [JSONValue]) {
        self.output = output
        self.commit = commit
        self.artifacts = artifacts
    }
}
