public import AgentProtocol
public import JSONTools

/// A send of a task.
public struct OutgoingTask: Sendable, Hashable {
    /// Who is to do it.
    public var agentType: String
    /// How urgent it is.
    public var lane: TaskLane
    /// For people who look at the stream.
    public var taskID: UniqueID
    /// For people who look at the stream.
    public var attempt: Int
    /// The encoded envelope.
    public var envelope: [UInt8]

    /// A send of a task.
    public init(agentType: String, lane: TaskLane, taskID: UniqueID, attempt: Int, envelope: [UInt8]) {
        self.agentType = agentType
        self.lane = lane
        self.taskID = taskID
        self.attempt = attempt
        self.envelope = envelope
    }
}

/// A message taken off a stream.
public struct InboundMessage: Sendable, Hashable {
    /// The entry, to acknowledge it by.
    public var entryID: String
    /// The message as it came; empty if it is larger than can be read.
    public var bytes: [UInt8]
    /// Whether it was claimed from dead consumers more than three times, or is too large to be read: it belongs to the dead
    /// letters, undecoded.
    public var isPoisoned: Bool

    /// A message.
    public init(entryID: String, bytes: [UInt8], isPoisoned: Bool = false) {
        self.entryID = entryID
        self.bytes = bytes
        self.isPoisoned = isPoisoned
    }
}

/// What agents said beside results.
public struct AgentReports: Sendable, Hashable {
    /// From `agent:signals`, oldest first.
    public var signals: [InboundMessage]
    /// From `agent:logs`, oldest first.
    public var logs: [InboundMessage]

    /// Reports.
    public init(signals: [InboundMessage] = [], logs: [InboundMessage] = []) {
        self.signals = signals
        self.logs = logs
    }

    /// True if there are none.
    public var isEmpty: Bool { signals.isEmpty && logs.isEmpty }
}

/// What agents have said and no orchestrator is done with.
public struct UnfinishedMessages: Sendable, Hashable {
    /// Age of the oldest result that is not recorded, read or not, in milliseconds; nil if there is none.
    public var resultMilliseconds: Int?
    /// Age of the oldest signal that an orchestrator read and has not acknowledged, in milliseconds; nil if there is none.
    public var signalMilliseconds: Int?

    /// What no orchestrator is done with.
    public init(resultMilliseconds: Int? = nil, signalMilliseconds: Int? = nil) {
        self.resultMilliseconds = resultMilliseconds
        self.signalMilliseconds = signalMilliseconds
    }
}

/// An entry of a task stream.
public struct TaskStreamEntry: Sendable, Hashable {
    /// The key of the stream.
    public var stream: String
    /// The entry.
    public var entryID: String
    /// The send that it carries; nil if the entry can't be read.
    public var reference: TaskReference?
    /// The agent that took it and has not acknowledged it; nil while it waits.
    public var consumer: String?
    /// How long the consumer has had it; 0 while it waits.
    public var idleMilliseconds: Int64

    /// An entry.
    public init(
        stream: String, entryID: String, reference: TaskReference?, consumer: String? = nil, idleMilliseconds: Int64 = 0
    ) {
        self.stream = stream
        self.entryID = entryID
        self.reference = reference
        self.consumer = consumer
        self.idleMilliseconds = idleMilliseconds
    }
}

/// How many tasks of a type wait in a lane, and how many agents have.
public struct TaskCounts: Sendable, Hashable {
    /// Nobody took them yet.
    public var waiting: Int
    /// An agent took them and has not acknowledged them.
    public var taken: Int

    /// Counts.
    public init(waiting: Int, taken: Int) {
        self.waiting = waiting
        self.taken = taken
    }
}

/// A dead letter for the mirror on Redis; the record has the original.
public struct DeadLetterCopy: Sendable, Hashable {
    /// The stream it came from.
    public var source: String
    /// Why it is dead.
    public var cause: String
    /// The message; what is beyond 64 KiB is left out.
    public var bytes: [UInt8]

    /// A copy.
    public init(source: String, cause: String, bytes: [UInt8]) {
        self.source = source
        self.cause = cause
        self.bytes = bytes
    }
}

/// A task that an agent took.
public struct ClaimedTask: Sendable, Hashable {
    /// The key of the stream.
    public var stream: String
    /// The entry.
    public var entryID: String
    /// The envelope as it came; empty if it is larger than can be read.
    public var bytes: [UInt8]

    /// A task.
    public init(stream: String, entryID: String, bytes: [UInt8]) {
        self.stream = stream
        self.entryID = entryID
        self.bytes = bytes
    }
}

/// A result on its way.
public struct OutgoingResult: Sendable, Hashable {
    /// For people who look at the stream.
    public var taskID: UniqueID
    /// For people who look at the stream.
    public var attempt: Int
    /// The encoded result.
    public var bytes: [UInt8]
    /// The task's entry, which is acknowledged and deleted in the same step; nil if that has been done, and the result is
    /// only sent again.
    public var task: ClaimedTask?

    /// A result.
    public init(taskID: UniqueID, attempt: Int, bytes: [UInt8], task: ClaimedTask?) {
        self.taskID = taskID
        self.attempt = attempt
        self.bytes = bytes
        self.task = task
    }
}

/// What an agent hears on its control channel.
public enum ControlEvent: Sendable, Hashable {
    /// It listens, for the `epoch`-th time. From the second on something may have been missed before.
    case listening(epoch: Int)
    /// Something was said to the agents of the type; ``AgentProtocol/ControlMessage/concerns(_:)`` tells whether to this one.
    case message(ControlMessage)
    /// Something came that can't be understood. It is to be logged and ignored.
    case garbage(ProtocolError)
    /// So many messages were dropped because they were not taken out in time.
    case dropped(count: Int)
    /// It doesn't listen: the connection was lost or could not be made; it is tried again.
    case interrupted(TransportError)
}
