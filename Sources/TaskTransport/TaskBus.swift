public import AgentProtocol

/// The road as an orchestrator uses it: envelopes on and off the streams. It knows nothing of workflows.
///
/// All calls may come from any task at once, except that ``readResults(limit:block:)`` and
/// ``readReports(limit:block:)`` each belong to one loop. Every call fails with ``TransportError``.
public protocol TaskBus: Sendable {
    /// The names of streams and channels.
    var names: ChannelNames { get }

    /// Rises at every reconnect, and whenever streams had to be made anew because Redis had lost them.
    var epoch: UInt64 { get }

    /// Creates the groups of the results, signals and logs, and of all lanes of some types, where they are missing. Types
    /// once named are looked after from then on.
    func ensureGroups(agentTypes: Set<String>) async throws(TransportError)

    /// Sends tasks, in order, and shows each to whoever listens on the type's channel. Gives up after 3 s.
    ///
    /// - Returns: the id of each entry, in order; nil where it isn't known whether the send arrived, or it didn't.
    /// - Throws: if certainly none arrived.
    func publish(_ tasks: [OutgoingTask]) async throws(TransportError) -> [String?]

    /// Waits for results. After a reconnect it first returns those that had been delivered but not received.
    ///
    /// - Parameters:
    ///   - limit: how many at most.
    ///   - block: how long to wait if there is none.
    /// - Returns: results, oldest first; none after the time. Each is ours until it is acknowledged.
    func readResults(limit: Int, block: Duration) async throws(TransportError) -> [InboundMessage]

    /// Acknowledges and deletes results. If that fails they are read again.
    func acknowledgeResults(_ entryIDs: [String]) async throws(TransportError)

    /// Takes over results that another consumer read at least so long ago and did not acknowledge, if that consumer has
    /// been silent as long.
    func claimResults(idleMilliseconds: Int) async throws(TransportError) -> [InboundMessage]

    /// Waits for signals and log lines, like ``readResults(limit:block:)``; `limit` counts for each of the two.
    func readReports(limit: Int, block: Duration) async throws(TransportError) -> AgentReports

    /// Acknowledges signals and log lines; if that fails they are read again. They stay for people to look at until newer
    /// ones push them out.
    func acknowledgeReports(signals: [String], logs: [String]) async throws(TransportError)

    /// Takes over signals and log lines, like ``claimResults(idleMilliseconds:)``.
    func claimReports(idleMilliseconds: Int) async throws(TransportError) -> AgentReports

    /// Says something to the agents of a type. Whoever doesn't listen misses it.
    func control(_ messages: [(agentType: String, message: ControlMessage)]) async throws(TransportError)

    /// Announces committed events on `workflow:events`.
    ///
    /// - Returns: how many listened.
    func announce(_ bytes: [UInt8]) async throws(TransportError) -> Int

    /// Listens to what is announced on `workflow:events`, until the task is cancelled; at once over where nothing can be
    /// heard.
    func hearAnnouncements(_ take: @escaping @Sendable (AnnouncementEvent) -> Void) async

    /// Age of the oldest unread signal, in milliseconds by Redis' clock; 0 if all is read. Out of memory, when agents
    /// can't say anything, it throws as if Redis were away.
    func signalLagMilliseconds() async throws(TransportError) -> Int

    /// How old what no orchestrator is done with is, by Redis' clock. To be asked before something is judged by silence.
    ///
    /// - Parameter milliseconds: what is older is passed over, so that an entry with which nobody ever gets done can't hold
    ///   up judgement for ever.
    func unfinished(within milliseconds: Int) async throws(TransportError) -> UnfinishedMessages

    /// How many tasks are on a stream.
    func pendingTasks(ofType type: String, lane: TaskLane) async throws(TransportError) -> TaskCounts

    /// All entries of the task streams of some types.
    func taskEntries(ofTypes types: [String]) async throws(TransportError) -> [TaskStreamEntry]

    /// Acknowledges and deletes task entries.
    func deleteTaskEntries(_ entries: [(stream: String, entryID: String)]) async throws(TransportError)

    /// Deletes the consumers of agents that are gone, and of orchestrators silent for 10 minutes, where nothing is pending
    /// with them.
    func removeIdleConsumers(except living: Set<String>) async throws(TransportError)

    /// Copies dead letters to `orchestrator:dead`, which keeps about the last 1,000.
    func mirrorDeadLetters(_ letters: [DeadLetterCopy]) async throws(TransportError)

    /// Puts a message back onto the stream that it was taken from, as a new entry.
    func restore(_ bytes: [UInt8], to stream: RestorableStream) async throws(TransportError)

    /// Puts what is published on the channel `orchestrator:results` onto the stream of that name, each message once
    /// however many orchestrators listen. Runs until the bus is closed or the task cancelled.
    func runInlet() async

    /// Closes the bus, which takes up to 2 s; what waits fails with `closed`.
    func close() async
}

/// The road as an agent uses it.
///
/// All calls may come from any task at once, except that ``claim(freeSlots:block:)`` and ``controlEvents`` each belong to
/// one loop. Every call fails with ``TransportError``.
public protocol AgentTaskBus: Sendable {
    /// Rises at every reconnect.
    var epoch: UInt64 { get }

    /// What comes on the control channel, until the bus is closed.
    var controlEvents: AsyncStream<ControlEvent> { get }

    /// Takes tasks: what was delivered to us before a lost connection and isn't held, else lane by lane from the most
    /// urgent (every eighth time from the least), else waits for the first to come.
    ///
    /// - Parameters:
    ///   - freeSlots: how many at most, at least 1.
    ///   - block: how long to wait if there is none.
    /// - Returns: tasks, the most urgent first; none after the time. Each is held until it is reported, handed back,
    ///   discarded or rejected. When one of the last three fails, those that are still ours are claimed again.
    func claim(freeSlots: Int, block: Duration) async throws(TransportError) -> [ClaimedTask]

    /// Puts results onto the stream and acknowledges and deletes their tasks' entries, as one step. If it fails, the tasks
    /// stay held: report the same again.
    func report(_ results: [OutgoingResult]) async throws(TransportError)

    /// Puts tasks back onto their streams for another agent, as one step.
    func handBack(_ tasks: [ClaimedTask]) async throws(TransportError)

    /// Acknowledges and deletes tasks without a result.
    func discard(_ tasks: [ClaimedTask]) async throws(TransportError)

    /// Acknowledges and deletes a task that can't be decoded, and says so, as one step.
    func reject(_ task: ClaimedTask, signal: RejectedSignal) async throws(TransportError)

    /// Says something to the orchestrators.
    func send(_ signal: AgentSignal) async throws(TransportError)

    /// Sends log lines.
    func send(_ log: LogBatch) async throws(TransportError)

    /// Closes the bus, which takes up to 2 s; what waits fails with `closed`.
    func close() async
}

/// What listening to announcements brings.
public enum AnnouncementEvent: Sendable, Hashable {
    /// From now on all is heard; what came before may have been missed.
    case listening
    /// Something may be missed until it is listening again.
    case deaf
    /// Committed events, as they were announced.
    case message([UInt8])
}

extension TaskBus {
    /// Nothing can be heard.
    public func hearAnnouncements(_ take: @escaping @Sendable (AnnouncementEvent) -> Void) async {}
}
