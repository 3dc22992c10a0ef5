import AgentProtocol
import RedisDriver

extension RedisTaskBus {
    /// Answers with the ages of the oldest entry of the first stream and of the oldest pending one of the second, -1 for
    /// none. A script, so that of the entry nothing but its id has to be sent. Without a group nothing is pending.
    private static let unfinished = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local oldest = string.format('%.0f', math.max(0, now - ARGV[2]))
        local function age(entry)
            if not entry then return -1 end
            return math.max(0, now - tonumber(string.match(entry[1], '^%d+')))
        end
        local results = redis.call('XRANGE', KEYS[1], oldest, '+', 'COUNT', 1)
        local signals = redis.pcall('XPENDING', KEYS[2], ARGV[1], oldest, '+', 1)
        return {age(results[1]), age(signals[1])}
        """)

    /// See ``TaskBus/readResults(limit:block:)``.
    public func readResults(limit: Int, block: Duration) async throws(TransportError) -> [InboundMessage] {
        let deliveries = try await results.next(limit: limit) { () throws(RedisError) in
            try await self.results.readNew(limit: limit, block: block)
        }
        return deliveries.map { InboundMessage($0) }
    }

    /// See ``TaskBus/acknowledgeResults(_:)``.
    public func acknowledgeResults(_ entryIDs: [String]) async throws(TransportError) {
        let ids = TaskTransport.entryIDs(entryIDs)
        guard !ids.isEmpty else { return }
        var batch = RedisBatch(reservingBytes: ids.count * 48 + 256)
        batch.beginTransaction()
        batch.removeEntries(ids, of: names.results, group: ChannelNames.orchestratorsGroup)
        batch.endTransaction()
        do throws(TransportError) {
            _ = try await carry(batch)
            results.release(ids, of: 0)
        } catch {
            results.forget(ids, of: 0)
            throw error
        }
    }

    /// See ``TaskBus/claimResults(idleMilliseconds:)``.
    public func claimResults(idleMilliseconds: Int) async throws(TransportError) -> [InboundMessage] {
        try await claim(0, of: results, idleMilliseconds: idleMilliseconds)
    }

    /// See ``TaskBus/readReports(limit:block:)``.
    public func readReports(limit: Int, block: Duration) async throws(TransportError) -> AgentReports {
        let deliveries = try await reports.next(limit: limit) { () throws(RedisError) in
            try await self.reports.readNew(limit: limit, block: block)
        }
        var found = AgentReports()
        for delivery in deliveries {
            if delivery.stream == 0 {
                found.signals.append(InboundMessage(delivery))
            } else {
                found.logs.append(InboundMessage(delivery))
            }
        }
        return found
    }

    /// See ``TaskBus/acknowledgeReports(signals:logs:)``.
    public func acknowledgeReports(signals: [String], logs: [String]) async throws(TransportError) {
        let ids = [TaskTransport.entryIDs(signals), TaskTransport.entryIDs(logs)]
        var batch = RedisBatch()
        for (stream, ids) in zip(reports.streams, ids) where !ids.isEmpty {
            batch.xack(stream, group: ChannelNames.orchestratorsGroup, ids)
        }
        guard !batch.isEmpty else { return }
        do throws(TransportError) {
            _ = try await carry(batch)
            for (stream, ids) in ids.enumerated() { reports.release(ids, of: stream) }
        } catch {
            for (stream, ids) in ids.enumerated() { reports.forget(ids, of: stream) }
            throw error
        }
    }

    /// See ``TaskBus/claimReports(idleMilliseconds:)``.
    public func claimReports(idleMilliseconds: Int) async throws(TransportError) -> AgentReports {
        AgentReports(
            signals: try await claim(0, of: reports, idleMilliseconds: idleMilliseconds),
            logs: try await claim(1, of: reports, idleMilliseconds: idleMilliseconds))
    }

    /// See ``TaskBus/signalLagMilliseconds()``.
    public func signalLagMilliseconds() async throws(TransportError) -> Int {
        let stream = names.signals
        do throws(RedisError) {
            // Agents are heard only while Redis takes what they say: out of memory it still reads, and silence proves
            // nothing.
            try await client.set(names.room, to: [], expiry: .seconds(60))
            let group = try await client.groups(of: stream).first { $0.name == ChannelNames.orchestratorsGroup }
            guard let group, group.lag != 0 else { return 0 }
            var batch = RedisBatch()
            batch.xrange(stream, from: group.lastDelivered.next, count: 1)
            batch.command("TIME", argumentCount: 0)
            let replies = try await client.submit(batch).checked()
            guard let oldest = try replies[0]?.streamEntries().first, let time = replies[1]?.elements,
                let seconds = time[0]?.integer, let microseconds = time[1]?.integer
            else { return 0 }
            return max(0, seconds * 1_000 + microseconds / 1_000 - Int(oldest.id.milliseconds))
        } catch {
            throw TransportError(error)
        }
    }

    /// See ``TaskBus/unfinished(within:)``. Results leave their stream when they are recorded; signals stay on theirs.
    public func unfinished(within milliseconds: Int) async throws(TransportError) -> UnfinishedMessages {
        do throws(RedisError) {
            let reply = try await client.run(
                Self.unfinished, keys: [names.results, names.signals],
                arguments: [Array(ChannelNames.orchestratorsGroup.utf8), Array(String(milliseconds).utf8)])
            let ages = reply.elements.map { $0.integer.flatMap { $0 < 0 ? nil : $0 } }
            guard ages.count == 2 else {
                throw RedisError(.unexpectedReply, "Expected two ages, the server replied \(reply).")
            }
            return UnfinishedMessages(resultMilliseconds: ages[0], signalMilliseconds: ages[1])
        } catch {
            throw TransportError(error)
        }
    }

    /// Takes over what is pending with consumers that have been silent. Only with those: what a living consumer has had
    /// for long, it may be at work on.
    private func claim(
        _ place: Int, of consumer: GroupConsumer, idleMilliseconds: Int
    ) async throws(TransportError) -> [InboundMessage] {
        let stream = consumer.streams[place]
        let group = ChannelNames.orchestratorsGroup
        let idle = Duration.milliseconds(idleMilliseconds)
        var messages: [InboundMessage] = []
        do throws(RedisError) {
            try await showLife(on: stream)
            let silent = try await walker.consumers(of: stream, group: group).filter {
                $0.name != consumerName && $0.pending > 0 && $0.idleMilliseconds >= idleMilliseconds
            }
            for dead in silent {
                let pending = try await walker.pendingEntries(
                    of: stream, group: group, count: 300, minimumIdle: idle, consumer: dead.name)
                var deliveries: [StreamEntryID: Int] = [:]
                for entry in pending { deliveries[entry.id] = entry.deliveries }
                let claimed = try await walker.claim(
                    pending.map(\.id), of: stream, group: group, for: consumerName, minimumIdle: idle)
                consumer.hold(claimed.map(\.id), of: place)
                for entry in claimed where !entry.isDeleted {
                    // Of the deliveries before, the first was no claim; now comes one more.
                    let claims = deliveries[entry.id, default: 0]
                    messages.append(
                        InboundMessage(
                            entryID: entry.id.description, bytes: entry.bytes(of: EntryFields.envelope) ?? [],
                            isPoisoned: claims > Self.claimLimit))
                }
            }
        } catch {
            // What was claimed before the failure is ours and must not be lost.
            if messages.isEmpty { throw TransportError(error) }
        }
        return messages
    }
}

extension RedisTaskBus {
    /// Makes the server note that our consumer is alive, though it may have no time to read: by a read of what is pending
    /// after the last id there can be, which is nothing. Without it others would take over what we are at work on, and
    /// after some rounds it would pass for poison.
    private func showLife(on stream: String) async throws(RedisError) {
        let last = StreamEntryID(milliseconds: .max, sequence: .max - 1)
        do throws(RedisError) {
            _ = try await walker.read(
                RedisGroupRead(
                    group: ChannelNames.orchestratorsGroup, consumer: consumerName, streams: [stream], count: 1,
                    position: .pending(after: last)))
        } catch {
            guard error.code == .noGroup else { throw error }
        }
    }
}

extension InboundMessage {
    /// What a consumer delivered. An entry without our field is an empty message, which nobody can decode.
    init(_ delivery: GroupConsumer.Delivery) {
        self.init(
            entryID: delivery.id.description, bytes: delivery.entry?.bytes(of: EntryFields.envelope) ?? [],
            isPoisoned: delivery.entry == nil)
    }
}
