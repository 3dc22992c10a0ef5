/// How much waits at the door, and whether one more caller is let in.
package struct Admission: Sendable, Hashable {
    /// Most submissions that wait.
    package static let countLimit = 20_000
    /// Most bytes that wait, by estimate.
    package static let weightLimit = 64 * 1024 * 1024

    /// After how long a caller who was turned away for want of room may come again: the queue is worked off by then.
    package static let retryAfterSeconds = 2

    /// How many submissions wait.
    package var count = 0
    /// What they weigh, in bytes by estimate.
    package var weight = 0
    /// Whether the record could be reached when it was last tried.
    package var isRecordReachable = true
    /// Whether the orchestrator stops.
    package var isStopped = false

    /// Whether there is room for one more.
    package var hasRoom: Bool {
        count < Self.countLimit && weight < Self.weightLimit
    }

    /// Why a caller is turned away now; nil if it is let in.
    package func refusal() -> SubmissionOutcome? {
        if isStopped { return .unavailable("the orchestrator is shutting down") }
        if !isRecordReachable { return .unavailable("PostgreSQL can't be reached") }
        if !hasRoom { return .overloaded(retryAfterSeconds: Self.retryAfterSeconds) }
        return nil
    }
}
