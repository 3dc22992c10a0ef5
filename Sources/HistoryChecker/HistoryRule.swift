public import JSONTools

/// A rule that every history has to keep.
public enum HistoryRule: String, Sendable, Hashable, CaseIterable {
    /// Every accepted workflow is in the record and has ended, or is where it was expected to be.
    case acceptedEnds = "accepted-ends"
    /// Accepted creations and workflows are the same, none doubled under one idempotency key.
    case conservation
    /// Each trail is numbered 1, 2, 3, … and goes forward in time.
    case trailWithoutGaps = "trail-without-gaps"
    /// What a trail tells could happen in that order: it begins once, pauses before it resumes, ends once.
    case trailLinear = "trail-linear"
    /// The trail ends as the state says, and lists show the same.
    case stateAsTold = "state-as-told"
    /// Exactly one `stage_completed` for each stage and generation that completed.
    case completedOnce = "completed-once"
    /// Nothing is dispatched while the workflow is paused.
    case nothingSentWhilePaused = "nothing-sent-while-paused"
    /// Nothing is dispatched and no stage completes once the workflow is stopping.
    case nothingSentWhileStopping = "nothing-sent-while-stopping"
    /// After its end a trail has results set aside, and nothing else.
    case nothingAfterTheEnd = "nothing-after-the-end"
    /// A stage starts only when what it needs has ended well.
    case needsEndedWell = "needs-ended-well"
    /// `workflow_completed` means that every required stage completed or was skipped.
    case completedMeansAll = "completed-means-all"
    /// Attempts that failed, timed out or were lost are at most `max_attempts`.
    case failuresWithinLimit = "failures-within-limit"
    /// A stage has one attempt at a time, numbered 1, 2, 3, … in each generation.
    case oneAttemptAtATime = "one-attempt-at-a-time"
    /// Rows of attempts and the trail tell of the same attempts.
    case rowsAsTold = "rows-as-told"
    /// No attempt of a workflow that has ended is open, and none of it waits for a timer or for people.
    case nothingLeftOpen = "nothing-left-open"
    /// One output for each stage and generation that completed, and no other.
    case oneOutput = "one-output"
    /// One dead letter for each stage whose attempts are spent, and no other.
    case oneLetter = "one-letter"
    /// Nothing had to be repaired: where nobody tampers with rows, what needs mending is a defect of ours.
    case nothingRepaired = "nothing-repaired"
    /// The streams of tasks and results are empty.
    case streamsEmpty = "streams-empty"
}

/// Where a history breaks a rule.
public struct HistoryViolation: Sendable, Hashable, CustomStringConvertible {
    /// The rule.
    public var rule: HistoryRule
    /// The workflow; nil if it is none's.
    public var workflowID: UniqueID?
    /// Number of the event that breaks the rule; nil if it is none.
    public var sequence: Int64?
    /// What was found, and what was expected.
    public var text: String

    /// The violation as one line.
    public var description: String {
        let place = workflowID.map { id in " workflow \(id)" + (sequence.map { " seq \($0)" } ?? "") } ?? ""
        return "[\(rule.rawValue)]\(place): \(text)"
    }
}
