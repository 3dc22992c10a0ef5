public import AgentProtocol
import RedisDriver
import Synchronization

/// An agent on the road without Redis; made by ``InMemoryTaskBus/agent(type:id:)``.
public final class InMemoryAgentTaskBus: AgentTaskBus {
    /// What comes on the control channel, until the bus is closed.
    public let controlEvents: AsyncStream<ControlEvent>
    private let road: InMemoryRoad
    private let names: ChannelNames
    private let streams: [String]
    private let agentID: String
    private let rounds = Mutex(LaneRounds())
    private let control: AsyncStream<ControlEvent>.Continuation

    init(road: InMemoryRoad, names: ChannelNames, agentType: String, agentID: String) {
        self.road = road
        self.names = names
        self.agentID = agentID
        streams = names.taskStreams(agentType)
        let (stream, continuation) = AsyncStream.makeStream(
            of: ControlEvent.self, bufferingPolicy: .bufferingOldest(1_000))
        controlEvents = stream
        control = continuation
        continuation.yield(.listening(epoch: 1))
        road.inspect { content in
            content.listeners[agentType, default: []].append(continuation)
        }
    }

    /// Rises whenever the road came up again or lost everything.
    public var epoch: UInt64 { road.inspect { $0.epoch } }

    /// See ``AgentTaskBus/claim(freeSlots:block:)``.
    public func claim(freeSlots: Int, block: Duration) async throws(TransportError) -> [ClaimedTask] {
        precondition(freeSlots > 0, "An agent without a free slot takes nothing.")
        let order = rounds.withLock { $0.next() }.map { streams[$0] }
        let (now, name) = (road.now(), agentID)
        return try await road.wait(block: block) { content in
            var claimed: [ClaimedTask] = []
            for stream in order where claimed.count < freeSlots {
                let found = content.tasks[stream]?.read(limit: freeSlots - claimed.count, for: name, now: now)
                for entry in found ?? [] {
                    claimed.append(
                        ClaimedTask(
                            stream: stream, entryID: entry.id.description, bytes: entry.message.task.envelope))
                }
            }
            return claimed.isEmpty ? nil : claimed
        } ?? []
    }

    /// See ``AgentTaskBus/report(_:)``.
    public func report(_ results: [OutgoingResult]) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            for result in results {
                _ = content.results.add(result.bytes, now: now)
                Self.remove(result.task, from: &content)
            }
        }
    }

    /// See ``AgentTaskBus/handBack(_:)``.
    public func handBack(_ tasks: [ClaimedTask]) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            for task in tasks {
                let entry = content.tasks[task.stream]?.entries.first { $0.id.description == task.entryID }
                if let entry { _ = content.tasks[task.stream]?.add(entry.message, now: now) }
                Self.remove(task, from: &content)
            }
        }
    }

    /// See ``AgentTaskBus/discard(_:)``.
    public func discard(_ tasks: [ClaimedTask]) async throws(TransportError) {
        try road.change { content in
            for task in tasks { Self.remove(task, from: &content) }
        }
    }

    /// See ``AgentTaskBus/reject(_:signal:)``.
    public func reject(_ task: ClaimedTask, signal: RejectedSignal) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            _ = content.signals.add(AgentSignal.rejected(signal).encoded(), now: now)
            Self.remove(task, from: &content)
        }
    }

    /// See ``AgentTaskBus/send(_:)-(AgentSignal)``.
    public func send(_ signal: AgentSignal) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            _ = content.signals.add(signal.encoded(), now: now)
        }
    }

    /// See ``AgentTaskBus/send(_:)-(LogBatch)``.
    public func send(_ log: LogBatch) async throws(TransportError) {
        let now = road.now()
        try road.change { content in
            _ = content.logs.add(log.encoded(), now: now)
        }
    }

    /// Ends the control events; the road goes on for the others.
    public func close() async { control.finish() }

    private static func remove(_ task: ClaimedTask?, from content: inout InMemoryRoad.Content) {
        guard let task else { return }
        content.tasks[task.stream]?.remove(TaskTransport.entryIDs([task.entryID]))
    }
}
