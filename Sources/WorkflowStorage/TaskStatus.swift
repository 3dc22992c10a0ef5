public import WorkflowCore

/// Status of an attempt's row. Below 10 the attempt is open.
public enum TaskStatus: Int16, Sendable, Hashable, CaseIterable {
    /// Recorded, not sent: it waits for room among the sends of its agent type.
    case queued = 0
    case dispatched = 1
    case running = 2
    case succeeded = 10
    case partial = 11
    case needsInput = 12
    case failed = 13
    case timedOut = 14
    case lost = 15
    case cancelled = 16

    /// The first value that means closed.
    public static let firstClosed: Int16 = 10

    /// The row's status for an attempt that ended so.
    public init(_ status: AttemptClosing.Status) {
        switch status {
        case .succeeded: self = .succeeded
        case .partial: self = .partial
        case .needsInput: self = .needsInput
        case .failed: self = .failed
        case .timedOut: self = .timedOut
        case .lost: self = .lost
        case .cancelled: self = .cancelled
        }
    }

    /// The word that the API uses.
    public var word: String {
        switch self {
        case .queued: "queued"
        case .dispatched: "dispatched"
        case .running: "running"
        case .succeeded: "succeeded"
        case .partial: "partial"
        case .needsInput: "needs_input"
        case .failed: "failed"
        case .timedOut: "timed_out"
        case .lost: "lost"
        case .cancelled: "cancelled"
        }
    }
}
