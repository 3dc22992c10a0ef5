public import AgentProtocol
public import JSONTools

/// What the engine needs of the road. TaskTransport carries it over Redis; tests and the simulator have twins.
public protocol OrchestratorBus: Sendable {
    /// Rises at every reconnect, and whenever streams had to be made anew because Redis had lost them.
    var epoch: UInt64 { get }

    /// Sends tasks.
    ///
    /// - Returns: the id of each entry, in order; nil where it is not known whether the send arrived.
    func publish(_ tasks: [OutgoingTask]) async throws -> [String?]

    /// Acknowledges and deletes results.
    func acknowledgeResults(_ entryIDs: [String]) async throws

    /// Says something to the agents of a type.
    func control(_ messages: [(agentType: String, message: ControlMessage)]) async throws

    /// Announces committed events.
    ///
    /// - Returns: how many listened.
    func announce(_ bytes: [UInt8]) async throws -> Int

    /// Age of the oldest unread signal, in milliseconds; 0 if all is read.
    func signalLagMilliseconds() async throws -> Int

    /// Takes over results that another consumer read at least so long ago and did not acknowledge.
    func claimResults(idleMilliseconds: Int) async throws -> [InboundMessage]

    /// All entries of the task streams of some types.
    func taskEntries(ofTypes types: [String]) async throws -> [TaskStreamEntry]

    /// Acknowledges and deletes task entries.
    func deleteTaskEntries(_ entries: [(stream: String, entryID: String)]) async throws

    /// Deletes the consumers of agents that are gone, where nothing is pending with them.
    func removeIdleConsumers(except living: Set<String>) async throws
}

/// A send of a task.
public struct OutgoingTask: Sendable {
    public var agentType: String
    public var lane: TaskLane
    public var taskID: UniqueID
    public var attempt: Int
    public var envelope: [UInt8]
}

/// A message taken off a stream.
public struct InboundMessage: Sendable {
    public var entryID: String
    public var bytes: [UInt8]
    /// Whether it was claimed from dead consumers so often that it may be what killed them.
    public var isPoisoned: Bool

    /// A message taken off a stream.
    public init(entryID: String, bytes: [UInt8], isPoisoned: Bool) {
        self.entryID = entryID
        self.bytes = bytes
        self.isPoisoned = isPoisoned
    }
}

/// An entry of a task stream.
public struct TaskStreamEntry: Sendable {
    public var stream: String
    public var entryID: String
    /// Nil if the entry can't be read.
    public var reference: TaskReference?
    /// The agent that took it and has not acknowledged it; nil while it waits.
    public var consumer: String?
    /// How long the consumer has had it, in milliseconds.
    public var idleMilliseconds: Int64
}
