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
            case .taskStarted, .leaseExpired, .abandoned, .sendLost, .agentMissing, .inspected, .wake: .ignored
            case .taskFinished: .recordedNoOp
            case .pause, .resume, .retry, .answers: .rejected
            }
        case .running:
            switch event {
            case .start, .resume: .ignored
            case .taskStarted, .taskFinished, .leaseExpired, .abandoned, .sendLost, .agentMissing, .inspected, .wake,
                .cancel, .pause, .answers:
                .applies
            case .retry: .rejected
            }
        case .paused:
            switch event {
            case .start, .pause: .ignored
            case .taskStarted, .taskFinished, .leaseExpired, .abandoned, .sendLost, .agentMissing, .inspected, .wake,
                .cancel, .resume, .answers:
                .applies
            case .retry: .rejected
            }
        case .stopping:
            switch event {
            case .start, .sendLost, .agentMissing, .cancel: .ignored
            case .taskStarted, .taskFinished, .leaseExpired, .abandoned, .inspected, .wake: .applies
            case .pause, .resume, .retry, .answers: .rejected
            }
        case .completed, .failed, .cancelled:
            switch event {
            case .start, .taskStarted, .leaseExpired, .abandoned, .sendLost, .agentMissing, .wake: .ignored
            case .taskFinished: .recordedNoOp
            // Rows that an ended workflow left open are closed.
            case .retry, .inspected: .applies
            case .cancel, .pause, .resume, .answers: .rejected
            }
        }
    }

    /// The phases that a workflow can go to from `phase`. Only an explicit retry leads out of a terminal one.
    public static func successors(of phase: WorkflowState.Phase) -> Set<WorkflowState.Phase> {
        switch phase {
        case .initiated: [.running, .stopping]
        case .running: [.paused, .stopping, .completed]
        case .paused: [.running, .stopping]
        case .stopping: [.failed, .cancelled]
        case .completed, .failed, .cancelled: [.running]
        }
    }

    /// The phases that a stage can go to from `phase`. Only an explicit retry leads out of a closed one, with a new
    /// generation.
    public static func successors(of phase: StageState.Phase) -> Set<StageState.Phase> {
        switch phase {
        case .pending: [.running, .skipped, .failed, .cancelled]
        case .running: [.awaitingAnswers, .completed, .failed, .cancelled]
        case .awaitingAnswers: [.running, .failed, .cancelled]
        case .completed, .failed, .skipped, .cancelled: [.pending]
        }
    }
}
