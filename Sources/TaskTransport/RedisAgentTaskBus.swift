public import AgentProtocol
public import RedisDriver
import Synchronization

/// An agent's road over Redis: one connection for what it says, one that waits for tasks, one for the control channel.
public final class RedisAgentTaskBus: AgentTaskBus {
    /// Asks lane by lane, in one round trip, until the slots are filled. An error, such as NOGROUP, is the reply.
    private static let ask = RedisScript(
        """
        local left = tonumber(ARGV[3])
        local found = {}
        for i = 1, #KEYS do
            if left > 0 then
                local reply = redis.pcall(
                    'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', KEYS[i], '>')
                if reply and reply.err then
                    if #found == 0 then return reply end
                    return found
                end
                if reply then
                    found[#found + 1] = reply[1]
                    left = left - #reply[1][2]
                end
            end
        end
        return found
        """)

    private struct State {
        var rounds = LaneRounds()
        /// The last read found all lanes empty and waited in vain, so asking again would be for nothing.
        var lanesAreEmpty = false
    }

    /// What comes on the control channel, until the bus is closed.
    public let controlEvents: AsyncStream<ControlEvent>
    private let names: ChannelNames
    private let agentID: String
    private let client: RedisClient
    private let reader: RedisStreamReader
    private let subscriber: RedisSubscriber
    private let tasks: GroupConsumer
    private let groups: StreamGroups
    private let state = Mutex(State())

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - configuration: the server.
    ///   - names: the names of streams and channels.
    ///   - agentType: whose tasks to take.
    ///   - agentID: the agent's id, which no other process has or had.
    public init(_ configuration: RedisConfiguration, names: ChannelNames, agentType: String, agentID: String) {
        self.names = names
        self.agentID = agentID
        client = RedisClient(configuration)
        reader = RedisStreamReader(configuration)
        subscriber = RedisSubscriber(configuration, channels: [names.control(agentType)], bufferLimit: 1_000)
        groups = StreamGroups(client: client)
        groups.want(ChannelNames.agentsGroup, on: names.taskStreams(agentType))
        tasks = GroupConsumer(
            streams: names.taskStreams(agentType), group: ChannelNames.agentsGroup, name: agentID, reader: reader,
            client: client, groups: groups)
        controlEvents = Self.controlEvents(subscriber)
    }

    /// Waits for the first connection.
    ///
    /// - Returns: what the server said of itself.
    @discardableResult
    public func connect() async throws(TransportError) -> RedisServerFacts {
        do throws(RedisError) {
            return try await client.connect()
        } catch {
            throw TransportError(error)
        }
    }

    /// Whether Redis can be reached, now.
    public var connectionState: RedisConnectionState { client.state }

    /// The state now, then each change, until the bus is closed.
    public func connectionStates() -> AsyncStream<RedisConnectionState> { client.states() }

    /// Rises at every reconnect.
    public var epoch: UInt64 { UInt64(client.connectionCount) + groups.losses }

    /// See ``AgentTaskBus/claim(freeSlots:block:)``.
    public func claim(freeSlots: Int, block: Duration) async throws(TransportError) -> [ClaimedTask] {
        precondition(freeSlots > 0, "An agent without a free slot takes nothing.")
        let deliveries = try await tasks.next(limit: freeSlots) { () throws(RedisError) in
            try await self.readNew(freeSlots: freeSlots, block: block)
        }
        guard deliveries.count > freeSlots else { return deliveries.map(claimed) }
        // A blocked read gives one of each lane.
        let sorted = deliveries.sorted { $0.stream < $1.stream }
        do throws(TransportError) {
            try await handBack(sorted[freeSlots...].map(claimed))
        } catch {
            // What is ours must not be lost over what isn't: the rest is claimed again.
        }
        return sorted[..<freeSlots].map(claimed)
    }

    /// See ``AgentTaskBus/report(_:)``.
    public func report(_ results: [OutgoingResult]) async throws(TransportError) {
        guard !results.isEmpty else { return }
        var batch = RedisBatch(reservingBytes: results.reduce(64) { $0 + $1.bytes.count + 400 })
        batch.beginTransaction()
        for result in results {
            batch.addEntry(
                to: names.results, message: result.bytes, taskID: result.taskID, attempt: result.attempt)
        }
        let ended = appendRemoval(of: results.compactMap(\.task), to: &batch)
        batch.endTransaction()
        try await carry(batch)
        release(ended)
    }

    /// See ``AgentTaskBus/handBack(_:)``.
    public func handBack(_ tasks: [ClaimedTask]) async throws(TransportError) {
        guard !tasks.isEmpty else { return }
        var batch = RedisBatch(reservingBytes: tasks.reduce(64) { $0 + $1.bytes.count + 400 })
        batch.beginTransaction()
        for task in tasks {
            // The names of people's fields are a courtesy; a task that can't be decoded goes back without.
            let reference = TaskEnvelope.reference(in: task.bytes)
            if let reference {
                batch.addEntry(
                    to: task.stream, message: task.bytes, taskID: reference.taskID, attempt: reference.attempt)
            } else {
                batch.xadd(to: task.stream, fieldCount: 1)
                batch.add(literal: EntryFields.envelope)
                batch.add(task.bytes)
            }
        }
        let ended = appendRemoval(of: tasks, to: &batch)
        batch.endTransaction()
        try await partWith(ended, by: batch)
    }

    /// See ``AgentTaskBus/discard(_:)``.
    public func discard(_ tasks: [ClaimedTask]) async throws(TransportError) {
        guard !tasks.isEmpty else { return }
        var batch = RedisBatch()
        batch.beginTransaction()
        let ended = appendRemoval(of: tasks, to: &batch)
        batch.endTransaction()
        try await partWith(ended, by: batch)
    }

    /// See ``AgentTaskBus/reject(_:signal:)``.
    public func reject(_ task: ClaimedTask, signal: RejectedSignal) async throws(TransportError) {
        var batch = RedisBatch()
        batch.beginTransaction()
        appendSignal(.rejected(signal), to: &batch)
        let ended = appendRemoval(of: [task], to: &batch)
        batch.endTransaction()
        try await partWith(ended, by: batch)
    }

    /// See ``AgentTaskBus/send(_:)-(AgentSignal)``.
    public func send(_ signal: AgentSignal) async throws(TransportError) {
        var batch = RedisBatch()
        appendSignal(signal, to: &batch)
        try await carry(batch)
    }

    /// See ``AgentTaskBus/send(_:)-(LogBatch)``.
    public func send(_ log: LogBatch) async throws(TransportError) {
        var batch = RedisBatch()
        batch.addEntry(to: names.logs, message: log.encoded(), approximateLength: ChannelNames.logsLength)
        try await carry(batch)
    }

    /// See ``AgentTaskBus/close()``.
    public func close() async {
        client.close()
        reader.close()
        subscriber.close()
        await client.closeAndWait()
        await reader.closeAndWait()
        await subscriber.closeAndWait()
    }

    private func readNew(freeSlots: Int, block: Duration) async throws(RedisError) -> [GroupConsumer.Delivery] {
        let order: [Int]? = state.withLock { $0.lanesAreEmpty ? nil : $0.rounds.next() }
        if let order {
            let reply = try await client.run(
                Self.ask, keys: order.map { tasks.streams[$0] },
                arguments: [
                    Array(ChannelNames.agentsGroup.utf8), Array(agentID.utf8), Array(String(freeSlots).utf8),
                ])
            let found = tasks.deliveries(try reply.entriesByStream())
            if !found.isEmpty { return found }
        }
        let found = try await tasks.readNew(limit: 1, block: block)
        state.withLock { $0.lanesAreEmpty = found.isEmpty }
        return found
    }

    private func claimed(_ delivery: GroupConsumer.Delivery) -> ClaimedTask {
        ClaimedTask(
            stream: tasks.streams[delivery.stream], entryID: delivery.id.description,
            bytes: delivery.entry?.bytes(of: EntryFields.envelope) ?? [])
    }

    private func appendSignal(_ signal: AgentSignal, to batch: inout RedisBatch) {
        batch.addEntry(
            to: names.signals, message: signal.encoded(), approximateLength: ChannelNames.signalsLength)
    }

    /// Appends the removal of tasks' entries, one `XACK` and one `XDEL` a lane.
    private func appendRemoval(of claimed: [ClaimedTask], to batch: inout RedisBatch) -> [[StreamEntryID]] {
        var ids: [[StreamEntryID]] = Array(repeating: [], count: tasks.streams.count)
        for task in claimed {
            guard let lane = tasks.streams.firstIndex(of: task.stream), let id = StreamEntryID(task.entryID) else {
                continue
            }
            ids[lane].append(id)
        }
        for (stream, ids) in zip(tasks.streams, ids) where !ids.isEmpty {
            batch.removeEntries(ids, of: stream, group: ChannelNames.agentsGroup)
        }
        return ids
    }

    /// Sends a batch that rids us of entries. If it fails, those that are still ours are claimed again.
    private func partWith(_ ids: [[StreamEntryID]], by batch: RedisBatch) async throws(TransportError) {
        do throws(TransportError) {
            try await carry(batch)
            release(ids)
        } catch {
            for (lane, ids) in ids.enumerated() where !ids.isEmpty { tasks.forget(ids, of: lane) }
            throw error
        }
    }

    private func release(_ ids: [[StreamEntryID]]) {
        for (lane, ids) in ids.enumerated() where !ids.isEmpty { tasks.release(ids, of: lane) }
    }

    /// Sends a batch. A transaction whose commands were refused, one by one, fails as well.
    private func carry(_ batch: RedisBatch) async throws(TransportError) {
        do throws(RedisError) {
            let replies = try await client.submit(batch).checked()
            for reply in replies where reply.isArray {
                for element in reply.elements {
                    if let error = element.error { throw error }
                }
            }
        } catch {
            throw TransportError(error)
        }
    }

    private static func controlEvents(_ subscriber: RedisSubscriber) -> AsyncStream<ControlEvent> {
        let events = subscriber.events
        return AsyncStream {
            // An iterator of its own for each event: they share the stream, and this closure must not own any.
            var iterator = events.makeAsyncIterator()
            return switch await iterator.next() {
            case .subscribed(let epoch): .listening(epoch: epoch)
            case .dropped(let count): .dropped(count: count)
            case .interrupted(let error): .interrupted(TransportError(error))
            case .message(_, let payload): decode(payload)
            case nil: nil
            }
        }
    }

    private static func decode(_ payload: [UInt8]) -> ControlEvent {
        do throws(ProtocolError) {
            return .message(try ControlMessage(decoding: payload))
        } catch {
            return .garbage(error)
        }
    }
}

extension TaskEnvelope {
    /// The send that an encoded envelope is; nil if it can't be decoded.
    package static func reference(in bytes: [UInt8]) -> TaskReference? {
        do throws(ProtocolError) {
            return try TaskEnvelope(decoding: bytes).reference
        } catch {
            return nil
        }
    }
}
