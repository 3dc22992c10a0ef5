/// The names of streams, channels, groups and keys on Redis, within a namespace.
public struct ChannelNames: Sendable, Hashable {
    /// The namespace, empty for none.
    public let namespace: String
    private let prefix: String

    /// The group through which the agents of a type share its task streams.
    public static let agentsGroup = "agents"
    /// The group through which orchestrators share results, signals and logs.
    public static let orchestratorsGroup = "orchestrators"
    /// The field of an entry that holds the message.
    public static let envelopeField = "envelope"
    /// The field of an entry that shows the task's id to people.
    public static let taskIDField = "task_id"
    /// The field of an entry that shows the attempt to people.
    public static let attemptField = "attempt"
    /// About how many signals are kept.
    public static let signalsLength = 10_000
    /// About how many log batches are kept.
    public static let logsLength = 100_000

    /// - Parameter namespace: put with a colon before every name; empty for none (`BATON_NAMESPACE`).
    public init(namespace: String = "") {
        self.namespace = namespace
        prefix = namespace.isEmpty ? "" : namespace + ":"
    }

    /// The stream of a type's tasks in one lane.
    public func tasks(_ type: String, _ lane: TaskLane) -> String {
        switch lane {
        case .medium: taskChannel(type)
        case .critical, .high, .low: "\(taskChannel(type)):\(lane.rawValue)"
        }
    }

    /// The streams of a type's tasks, the most urgent lane first.
    public func taskStreams(_ type: String) -> [String] { TaskLane.allCases.map { tasks(type, $0) } }

    /// The channel on which every send to a type, of whatever lane, is published for those who watch.
    public func taskChannel(_ type: String) -> String { "\(prefix)agent:\(type):tasks" }

    /// The stream of results; also the channel that takes results from programs that know no streams.
    public var results: String { "\(prefix)orchestrator:results" }

    /// The stream of signals from agents.
    public var signals: String { "\(prefix)agent:signals" }

    /// The stream of log lines from agents.
    public var logs: String { "\(prefix)agent:logs" }

    /// The channel on which the agents of a type are spoken to.
    public func control(_ type: String) -> String { "\(prefix)agent:\(type):control" }

    /// The channel of committed events.
    public var events: String { "\(prefix)workflow:events" }

    /// The stream that mirrors the dead letters.
    public var dead: String { "\(prefix)orchestrator:dead" }

    /// A key that is written now and then to see whether Redis has memory left.
    public var room: String { "\(prefix)orchestrator:room" }

    /// The key that makes sure that a result published on the channel gets on the stream once.
    public func inlet(sha256: String) -> String { "\(prefix)inlet:\(sha256)" }
}
