/// A wish to run a workflow that has ended again, from a stage on.
public struct RetryRequest: Sendable, Hashable {
    /// Who asks for it.
    public var actor: String
    /// The stage to begin with; nil for whatever did not end well.
    public var fromStage: String?
    /// The version of the workflow that the decision was made on (``WorkflowState/sequence``); nil for whichever it is.
    public var expectedVersion: Int64?

    /// A wish for a retry.
    public init(actor: String, fromStage: String? = nil, expectedVersion: Int64? = nil) {
        self.actor = actor
        self.fromStage = fromStage
        self.expectedVersion = expectedVersion
    }
}
