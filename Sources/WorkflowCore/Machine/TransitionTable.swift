/// The transitions that exist, as data: the machine asserts that it makes no other, tests enumerate them.
public enum TransitionTable {
    /// What an event does to a workflow in a phase.
    public enum Rule: Sendable, Hashable {
        /// It may change the workflow.
        case applies
        /// Nothing changes; what is worth knowing goes to the audit trail (a late result, for instance).
        case recordedNoOp
        /// Nothing changes and nothing is recorded: the event is of the past (an old timer, a second start).
        case ignored
        /// Refused with ``Rejection/conflict(event:phase:)``.
        case rejected
    }

    /// The rule for `event` in `phase`.
    public static func rule(for event: WorkflowEvent.Name, in phase: WorkflowState.Phase) -> Rule {
        switch phase {
        case .initiated:
            switch event {
            case .start, .cancel: .applies
            case .wake: .ignored
            case .taskStarted, .leaseExpired, .abandoned, .sendLost: .ignored
            case .taskFinished: .recordedNoOp
            }
        case .running:
            switch event {
            case .start: .ignored
            case .taskStarted, .taskFinished, .leaseExpired, .abandoned, .sendLost, .wake, .cancel: .applies
            }
        case .stopping:
            switch event {
            case .start, .sendLost: .ignored
            case .taskStarted, .taskFinished, .leaseExpired, .abandoned, .wake: .applies
            case .cancel: .ignored
            }
        case .completed, .failed, .cancelled:
            switch event {
            case .start, .taskStarted, .leaseExpired, .abandoned, .sendLost, .wake: .ignored
            case .taskFinished: .recordedNoOp
            case .cancel: .rejected
            }
        }
    }

    /// The phases that a workflow can go to from `phase`.
    public static func successors(of phase: WorkflowState.Phase) -> Set<WorkflowState.Phase> {
        switch phase {
        case .initiated: [.running, .stopping]
        case .running: [.stopping, .completed]
        case .stopping: [.failed, .cancelled]
        case .completed, .failed, .cancelled: []
        }
    }

    /// The phases that a stage can go to from `phase`.
    public static func successors(of phase: StageState.Phase) -> Set<StageState.Phase> {
        switch phase {
        case .pending: [.running, .skipped, .failed, .cancelled]
        case .running: [.completed, .failed, .cancelled]
        case .completed, .failed, .skipped, .cancelled: []
        }
    }
}
