public import AgentProtocol
internal import JSONTools

/// One thing that an agent can do, named in envelopes as `action`.
///
/// An action is a value without state of its own: several attempts may run through the same one at once.
public protocol AgentAction: Sendable {
    /// What the orchestrator is told about this action, and what the runtime checks before it runs.
    var description: ActionDescription { get }

    /// Does the work of one attempt.
    ///
    /// - Parameter context: The input, the files and the tools of this attempt.
    /// - Returns: What is reported to the orchestrator.
    /// - Throws: ``ActionFailure`` for a failure that was to be expected (reported with its code),
    ///   `CancellationError` when the attempt was stopped. Any other error is reported as `ACTION_ERROR`.
    func run(_ context: ActionContext) async throws -> ActionOutcome
}

/// An action that often has its answer without waiting for anything.
///
/// The runtime asks it before it sets up an attempt: no directory, no clone and no task of its own is then made.
protocol ImmediateAction: AgentAction {
    /// The answer to `input` in the attempt of an envelope if it can be given at once, within microseconds.
    ///
    /// - Returns: nil when the attempt has to be run in full.
    func answer(_ input: JSONValue, of envelope: TaskEnvelope) -> Result<ActionOutcome, ActionFailure>?
}
