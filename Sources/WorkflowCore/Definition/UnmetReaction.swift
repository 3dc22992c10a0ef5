/// What a workflow does when a stage ends other than with success.
public enum UnmetReaction: String, Sendable, Hashable, CaseIterable {
    /// The stage, and with it the workflow, fails.
    case fail
    /// The workflow goes on with the stages that need this one.
    case `continue`
}
