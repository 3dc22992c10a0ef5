public import JSONTools
public import WorkflowCore

/// A workflow as it was recorded, for whoever asked for it: what a reading would say at once.
public struct CreatedWorkflow: Sendable {
    /// What never changes of it, and who asked for it.
    public var workflow: NewWorkflow
    /// What lists show of it.
    public var summary: WorkflowSummary
    /// The machine's state.
    public var state: WorkflowState
    /// Its first attempts.
    public var tasks: [NewTask]
    /// Database time at which it was recorded.
    public var at: Timestamp

    /// UUIDv7 of the workflow.
    public var id: UniqueID { workflow.facts.id }

    /// A workflow as it was recorded.
    package init(
        workflow: NewWorkflow, summary: WorkflowSummary, state: WorkflowState, tasks: [NewTask], at: Timestamp
    ) {
        self.workflow = workflow
        self.summary = summary
        self.state = state
        self.tasks = tasks
        self.at = at
    }
}
