public import AgentProtocol
import JSONTools
import RedisDriver

/// The road without Redis, for tests and simulations of orchestrators and agents: the same calls, in one process.
///
/// It keeps no time of its own: reads wait until something comes, the bus is closed or the task is cancelled, whatever
/// `block` says (except zero, which doesn't wait), and idle times are judged by the clock given.
public final class InMemoryTaskBus: TaskBus {
    let road: InMemoryRoad
    /// The names of streams and channels.
    public let names: ChannelNames
    private let consumerName: String

    /// An empty road.
    ///
    /// - Parameters:
    ///   - names: the names of streams.
    ///   - consumerName: this orchestrator's id.
    ///   - now: the clock, in milliseconds since 1970.
    public convenience init(
        names: ChannelNames = ChannelNames(), consumerName: String = "orchestrator-1",
        now: @escaping @Sendable () -> Int64
    ) {
        self.init(road: InMemoryRoad(now: now), names: names, consumerName: consumerName)
    }

    private init(road: InMemoryRoad, names: ChannelNames, consumerName: String) {
        self.road = road
        self.names = names
        self.consumerName = consumerName
    }

    /// Another orchestrator on the same road.
    public func orchestrator(named name: String) -> InMemoryTaskBus {
        InMemoryTaskBus(road: road, names: names, consumerName: name)
    }

    /// An agent on the same road.
    public func agent(type: String, id: String) -> InMemoryAgentTaskBus {
        InMemoryAgentTaskBus(road: road, names: names, agentType: type, agentID: id)
    }

    /// Takes the road down, so that every call fails as `unavailable`, or up again, which is a new epoch.
    public func setDown(_ isDown: Bool) {
        road.inspect { content in
            if content.isDown, !isDown { content.epoch += 1 }
            content.isDown = isDown
        }
        road.wakeAll()
    }

    /// Loses everything, as a FLUSHALL does.
    public func loseEverything() {
        road.inspect { content in
            content.tasks = [:]
            content.results = MemoryStream()
            content.signals = MemoryStream()
            content.logs = MemoryStream()
            content.epoch += 1
        }
        road.wakeAll()
    }

    /// The dead letters that were mirrored.
    public var deadLetters: [DeadLetterCopy] { road.inspect { $0.deadLetters } }

    /// What was announced.
    public var announcements: [[UInt8]] { road.inspect { $0.events } }

    /// Rises whenever the road came up again or lost everything.
    public var epoch: UInt64 { road.inspect { $0.epoch } }

    /// There are no groups to make here.
    public func ensureGroups(agentTypes: Set<String>) async throws(TransportError) {
        try road.change { _ in }
    }

    /// See ``TaskBus/publish(_:)``.
    public func publish(_ tasks: [OutgoingTask]) async throws(TransportError) -> [String?] {
        let now = road.now()
        return try road.change { content in
            tasks.map { task in
                let stream = self.names.tasks(task.agentType, task.lane)
                let entry = InMemoryRoad.TaskEntry(
                    task: task, reference: TaskEnvelope.reference(in: task.envelope))
                return content.tasks[stream, default: MemoryStream()].add(entry, now: now).description
            }
        }
    }

    /// See ``TaskBus/readResults(limit:block:)``.
    public func readResults(limit: Int, block: Duration) async throws(TransportError) -> [InboundMessage] {
        let now = road.now()
        let name = consumerName
        return try await road.wait(block: block) { content in
            let found = content.results.read(limit: limit, for: name, now: now)
            return found.isEmpty ? nil : found.map { InboundMessage($0) }
        } ?? []
    }

    /// See ``TaskBus/acknowledgeResults(_:)``.
    public func acknowledgeResults(_ entryIDs: [String]) async throws(TransportError) {
        let ids = TaskTransport.entryIDs(entryIDs)
        try road.change { $0.results.remove(ids) }
    }

    /// See ``TaskBus/claimResults(idleMilliseconds:)``. Here every other consumer counts as silent.
    public func claimResults(idleMilliseconds: Int) async throws(TransportError) -> [InboundMessage] {
        let now = road.now()
        return try road.change { content in
            content.results.claim(for: self.consumerName, idleMilliseconds: idleMilliseconds, now: now)
                .map { InboundMessage($0.entry, claimsBefore: $0.claimsBefore) }
        }
    }

    /// See ``TaskBus/readReports(limit:block:)``.
    public func readReports(limit: Int, block: Duration) async throws(TransportError) -> AgentReports {
        let now = road.now()
        let name = consumerName
        return try await road.wait(block: block) { content in
            let signals = content.signals.read(limit: limit, for: name, now: now).map { InboundMessage($0) }
            let logs = content.logs.read(limit: limit, for: name, now: now).map { InboundMessage($0) }
            return signals.isEmpty && logs.isEmpty ? nil : AgentReports(signals: signals, logs: logs)
        } ?? AgentReports()
    }

    /// See ``TaskBus/acknowledgeReports(signals:logs:)``. What was acknowledged is gone here.
    public func acknowledgeReports(signals: [String], logs: [String]) async throws(TransportError) {
        let (signalIDs, logIDs) = (TaskTransport.entryIDs(signals), TaskTransport.entryIDs(logs))
        try road.change { content in
            content.signals.remove(signalIDs)
            content.logs.remove(logIDs)
        }
    }

    /// See ``TaskBus/claimReports(idleMilliseconds:)``.
    public func claimReports(idleMilliseconds: Int) async throws(TransportError) -> AgentReports {
        let now = road.now()
        let name = consumerName
        return try road.change { content in
            let signals = content.signals.claim(for: name, idleMilliseconds: idleMilliseconds, now: now)
            let logs = content.logs.claim(for: name, idleMilliseconds: idleMilliseconds, now: now)
            return AgentReports(
                signals: signals.map { InboundMessage($0.entry, claimsBefore: $0.claimsBefore) },
                logs: logs.map { InboundMessage($0.entry, claimsBefore: $0.claimsBefore) })
        }
    }

    /// See ``TaskBus/control(_:)``.
    public func control(
        _ messages: [(agentType: String, message: ControlMessage)]
    ) async throws(TransportError) {
        try road.change { content in
            for (agentType, message) in messages {
                for listener in content.listeners[agentType, default: []] { listener.yield(.message(message)) }
            }
        }
    }

    /// See ``TaskBus/announce(_:)``. Nobody listens here; look at ``announcements``.
    public func announce(_ bytes: [UInt8]) async throws(TransportError) -> Int {
        try road.change { content in
            content.events.append(bytes)
            return 0
        }
    }

    /// See ``TaskBus/signalLagMilliseconds()``.
    public func signalLagMilliseconds() async throws(TransportError) -> Int {
        let now = road.now()
        return try road.change { content in
            guard let oldest = content.signals.oldestUnread else { return 0 }
            return max(0, Int(now) - Int(oldest.id.milliseconds))
        }
    }

    /// See ``TaskBus/unfinished(within:)``.
    public func unfinished(within milliseconds: Int) async throws(TransportError) -> UnfinishedMessages {
        let now = Int(road.now())
        return try road.change { content in
            func oldest(_ ids: some Sequence<StreamEntryID>) -> Int? {
                ids.map { max(0, now - Int($0.milliseconds)) }.filter { $0 <= milliseconds }.max()
            }
            return UnfinishedMessages(
                resultMilliseconds: oldest(content.results.entries.map(\.id)),
                signalMilliseconds: oldest(content.signals.pending.keys))
        }
    }

    /// See ``TaskBus/pendingTasks(ofType:lane:)``.
    public func pendingTasks(ofType type: String, lane: TaskLane) async throws(TransportError) -> TaskCounts {
        try road.change { content in
            let stream = content.tasks[self.names.tasks(type, lane)] ?? MemoryStream()
            let taken = stream.pending.count
            return TaskCounts(waiting: stream.entries.count - taken, taken: taken)
        }
    }

    /// See ``TaskBus/taskEntries(ofTypes:)``.
    public func taskEntries(ofTypes types: [String]) async throws(TransportError) -> [TaskStreamEntry] {
        let now = road.now()
        return try road.change { content in
            var found: [TaskStreamEntry] = []
            for name in types.flatMap({ self.names.taskStreams($0) }) {
                guard let stream = content.tasks[name] else { continue }
                for entry in stream.entries {
                    let holder = stream.pending[entry.id]
                    found.append(
                        TaskStreamEntry(
                            stream: name, entryID: entry.id.description, reference: entry.message.reference,
                            consumer: holder?.consumer, idleMilliseconds: holder.map { now - $0.deliveredAt } ?? 0))
                }
            }
            return found
        }
    }

    /// See ``TaskBus/deleteTaskEntries(_:)``.
    public func deleteTaskEntries(
        _ entries: [(stream: String, entryID: String)]
    ) async throws(TransportError) {
        try road.change { content in
            for (stream, entryID) in entries { content.tasks[stream]?.remove(TaskTransport.entryIDs([entryID])) }
        }
    }

    /// There is nothing to keep of a consumer here.
    public func removeIdleConsumers(except living: Set<String>) async throws(TransportError) {
        try road.change { _ in }
    }

    /// See ``TaskBus/mirrorDeadLetters(_:)``.
    public func mirrorDeadLetters(_ letters: [DeadLetterCopy]) async throws(TransportError) {
        try road.change { $0.deadLetters += letters }
    }

    /// See ``TaskBus/restore(_:to:)``.
    public func restore(_ bytes: [UInt8], to stream: RestorableStream) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            switch stream {
            case .results: _ = content.results.add(bytes, now: now)
            case .signals: _ = content.signals.add(bytes, now: now)
            case .logs: _ = content.logs.add(bytes, now: now)
            case .tasks(let type, let lane):
                let reference = TaskEnvelope.reference(in: bytes)
                let task = OutgoingTask(
                    agentType: type, lane: lane, taskID: reference?.taskID ?? UniqueID(high: 0, low: 0),
                    attempt: reference?.attempt ?? 0, envelope: bytes)
                let entry = InMemoryRoad.TaskEntry(task: task, reference: reference)
                _ = content.tasks[self.names.tasks(type, lane), default: MemoryStream()].add(entry, now: now)
            }
        }
    }

    /// There are no channels to take in from; returns when the bus is closed or the task cancelled.
    public func runInlet() async {
        do throws(TransportError) {
            _ = try await road.wait(block: .seconds(1)) { _ in nil as Bool? }
        } catch {
            // Closed, which is how it ends.
        }
    }

    /// Closes the road for everyone on it.
    public func close() async {
        road.inspect { content in
            content.isClosed = true
            for listener in content.listeners.values.joined() { listener.finish() }
            content.listeners = [:]
        }
        road.wakeAll()
    }
}

extension InboundMessage {
    init(_ entry: MemoryStream<[UInt8]>.Entry, claimsBefore: Int = 0) {
        self.init(
            entryID: entry.id.description, bytes: entry.message, isPoisoned: claimsBefore > RedisTaskBus.claimLimit)
    }
}
