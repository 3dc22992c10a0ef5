/// How urgent a task is: on the wire the envelope's `priority`, on Redis a stream of its own for each agent type.
public enum TaskLane: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Before everything else.
    case critical
    /// Before the usual.
    case high
    /// The usual.
    case medium
    /// When nothing else waits.
    case low

    /// Less urgent than.
    public static func < (left: TaskLane, right: TaskLane) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .critical: 3
        case .high: 2
        case .medium: 1
        case .low: 0
        }
    }
}
