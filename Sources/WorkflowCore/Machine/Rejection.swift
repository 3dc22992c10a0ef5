public import JSONTools

/// Why an event could not be applied. Nothing was changed.
public enum Rejection: Error, Sendable, Hashable {
    /// Outputs of these stages are needed to go on: load them and apply the event again.
    case outputsNeeded(Set<String>)
    /// The workflow's phase doesn't allow it (HTTP 409).
    case conflict(event: WorkflowEvent.Name, phase: WorkflowState.Phase)
}

/// The output of a stage that has completed, as loaded from the record.
public struct StageOutput: Sendable, Hashable {
    public var output: JSONValue
    public var commit: String?
    public var artifacts: [JSONValue]

    /// An output as it was accepted.
    public init(output: JSONValue, commit: String?, artifacts: [JSONValue]) {
        self.output = output
        self.commit = commit
        self.artifacts = artifacts
    }
}

