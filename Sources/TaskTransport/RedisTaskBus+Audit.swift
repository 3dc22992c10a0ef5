public import AgentProtocol
import RedisDriver

extension RedisTaskBus {
    private static let pageSize = 500
    private static let silentOrchestrator = 600_000

    /// Deletes a consumer unless something is pending with it: looked at and done in one step, as deleting a consumer
    /// throws away what is pending.
    private static let deleteConsumers = RedisScript(
        """
        local deleted = 0
        for i = 2, #ARGV do
            if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[i]) == 0 then
                redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[i])
                deleted = deleted + 1
            end
        end
        return deleted
        """)

    /// See ``TaskBus/pendingTasks(ofType:lane:)``.
    public func pendingTasks(ofType type: String, lane: TaskLane) async throws(TransportError) -> TaskCounts {
        let stream = names.tasks(type, lane)
        do throws(RedisError) {
            let length = try await walker.length(of: stream)
            let group = try await walker.groups(of: stream).first { $0.name == ChannelNames.agentsGroup }
            let taken = min(length, group?.pending ?? 0)
            return TaskCounts(waiting: length - taken, taken: taken)
        } catch {
            throw TransportError(error)
        }
    }

    /// See ``TaskBus/taskEntries(ofTypes:)``.
    public func taskEntries(ofTypes types: [String]) async throws(TransportError) -> [TaskStreamEntry] {
        var entries: [TaskStreamEntry] = []
        for type in types {
            for stream in names.taskStreams(type) {
                do throws(RedisError) {
                    try await walk(stream, into: &entries)
                } catch {
                    throw TransportError(error)
                }
            }
        }
        return entries
    }

    /// See ``TaskBus/deleteTaskEntries(_:)``.
    public func deleteTaskEntries(
        _ entries: [(stream: String, entryID: String)]
    ) async throws(TransportError) {
        var byStream: [String: [StreamEntryID]] = [:]
        for (stream, entryID) in entries {
            if let id = StreamEntryID(entryID) { byStream[stream, default: []].append(id) }
        }
        guard !byStream.isEmpty else { return }
        var batch = RedisBatch()
        for (stream, ids) in byStream.sorted(by: { $0.key < $1.key }) {
            batch.beginTransaction()
            batch.removeEntries(ids, of: stream, group: ChannelNames.agentsGroup)
            batch.endTransaction()
        }
        _ = try await carry(batch)
    }

    /// See ``TaskBus/removeIdleConsumers(except:)``.
    public func removeIdleConsumers(except living: Set<String>) async throws(TransportError) {
        for stream in groups.streams(of: ChannelNames.agentsGroup) {
            try await removeConsumers(of: stream, group: ChannelNames.agentsGroup) { !living.contains($0.name) }
        }
        for stream in groups.streams(of: ChannelNames.orchestratorsGroup) {
            try await removeConsumers(of: stream, group: ChannelNames.orchestratorsGroup) { consumer in
                consumer.name != self.consumerName && consumer.idleMilliseconds > Self.silentOrchestrator
            }
        }
    }

    private func removeConsumers(
        of stream: String, group: String, where isGone: (RedisConsumer) -> Bool
    ) async throws(TransportError) {
        do throws(RedisError) {
            let gone = try await walker.consumers(of: stream, group: group)
                .filter { $0.pending == 0 && isGone($0) }
            guard !gone.isEmpty else { return }
            _ = try await walker.run(
                Self.deleteConsumers, keys: [stream],
                arguments: [Array(group.utf8)] + gone.map { Array($0.name.utf8) })
        } catch {
            throw TransportError(error)
        }
    }

    private func walk(_ stream: String, into entries: inout [TaskStreamEntry]) async throws(RedisError) {
        var first = StreamEntryID.zero
        while true {
            let page = try await walker.entries(of: stream, from: first, count: Self.pageSize)
            guard let start = page.first?.id, let end = page.last?.id else { return }
            var taken: [StreamEntryID: RedisPendingEntry] = [:]
            for entry in try await pending(of: stream, in: start...end) { taken[entry.id] = entry }
            for entry in page {
                let holder = taken[entry.id]
                entries.append(
                    TaskStreamEntry(
                        stream: stream, entryID: entry.id.description, reference: entry.taskReference,
                        consumer: holder?.consumer, idleMilliseconds: Int64(holder?.idleMilliseconds ?? 0)))
            }
            guard page.count == Self.pageSize else { return }
            first = end.next
        }
    }

    /// Nothing is pending where there is no group yet.
    private func pending(
        of stream: String, in range: ClosedRange<StreamEntryID>
    ) async throws(RedisError) -> [RedisPendingEntry] {
        do throws(RedisError) {
            return try await walker.pendingEntries(
                of: stream, group: ChannelNames.agentsGroup, in: range, count: Self.pageSize)
        } catch {
            guard error.code == .noGroup else { throw error }
            return []
        }
    }
}
