extension RedisClient {
    /// Creates a consumer group from the first entry on, and the stream if there is none.
    ///
    /// - Returns: false if there was such a group.
    @discardableResult
    public func createGroup(_ group: String, on stream: String) async throws(RedisError) -> Bool {
        var batch = RedisBatch()
        batch.xgroupCreate(stream, group: group)
        do throws(RedisError) {
            _ = try await submit(batch).single()
            return true
        } catch {
            guard error.code == .busyGroup else { throw error }
            return false
        }
    }

    /// Reads through a group without blocking (``RedisGroupRead/block`` is ignored; see ``RedisStreamReader``).
    public func read(_ read: RedisGroupRead) async throws(RedisError) -> [RedisStreamEntries] {
        var read = read
        read.block = nil
        var batch = RedisBatch()
        batch.xreadgroup(read)
        return try await submit(batch).single().entriesByStream()
    }

    /// Acknowledges entries.
    ///
    /// - Returns: how many were pending.
    @discardableResult
    public func acknowledge(
        _ ids: [StreamEntryID], group: String, on stream: String
    ) async throws(RedisError) -> Int {
        guard !ids.isEmpty else { return 0 }
        var batch = RedisBatch()
        batch.xack(stream, group: group, ids)
        return try await submit(batch).single().number()
    }

    /// Deletes entries of a stream.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func delete(_ ids: [StreamEntryID], from stream: String) async throws(RedisError) -> Int {
        guard !ids.isEmpty else { return 0 }
        var batch = RedisBatch()
        batch.xdel(stream, ids)
        return try await submit(batch).single().number()
    }

    /// How many entries a stream has; 0 if there is no such stream.
    public func length(of stream: String) async throws(RedisError) -> Int {
        try await send(RedisCommand("XLEN", .text(stream))).number()
    }

    /// Entries of a stream, oldest first.
    ///
    /// - Parameters:
    ///   - first: the id to begin with.
    ///   - count: how many at most.
    public func entries(
        of stream: String, from first: StreamEntryID = .zero, count: Int
    ) async throws(RedisError) -> [RedisStreamEntry] {
        var batch = RedisBatch()
        batch.xrange(stream, from: first, count: count)
        return try await submit(batch).single().streamEntries()
    }

    /// Entries that were delivered and not acknowledged, oldest first.
    ///
    /// - Parameters:
    ///   - range: the first and the last id.
    ///   - count: how many at most.
    ///   - minimumIdle: only what was delivered at least so long ago.
    ///   - consumer: whose; nil for all.
    public func pendingEntries(
        of stream: String, group: String, in range: ClosedRange<StreamEntryID> = .zero...(.highest), count: Int,
        minimumIdle: Duration? = nil, consumer: String? = nil
    ) async throws(RedisError) -> [RedisPendingEntry] {
        var batch = RedisBatch()
        batch.xpending(
            stream, group: group, in: range, count: count, minimumIdle: minimumIdle, consumer: consumer)
        return try await submit(batch).single().pendingEntries()
    }

    /// Takes over entries that others got and did not acknowledge (`XCLAIM`).
    ///
    /// - Parameters:
    ///   - ids: the entries.
    ///   - minimumIdle: only those that were delivered at least so long ago.
    public func claim(
        _ ids: [StreamEntryID], of stream: String, group: String, for consumer: String, minimumIdle: Duration
    ) async throws(RedisError) -> [RedisStreamEntry] {
        guard !ids.isEmpty else { return [] }
        var batch = RedisBatch()
        batch.command("XCLAIM", argumentCount: 4 + ids.count)
        batch.add(stream)
        batch.add(group)
        batch.add(consumer)
        batch.add(Int(minimumIdle.nanoseconds / 1_000_000))
        for id in ids { batch.add(id) }
        return try await submit(batch).single().streamEntries()
    }

    /// Takes over what others got long ago and did not acknowledge (`XAUTOCLAIM`).
    ///
    /// - Parameters:
    ///   - minimumIdle: only what was delivered at least so long ago.
    ///   - cursor: `0-0`, then what the last call returned.
    ///   - count: how many to look at.
    public func autoClaim(
        of stream: String, group: String, for consumer: String, minimumIdle: Duration,
        from cursor: StreamEntryID = .zero, count: Int
    ) async throws(RedisError) -> RedisClaimed {
        var batch = RedisBatch()
        batch.command("XAUTOCLAIM", argumentCount: 7)
        batch.add(stream)
        batch.add(group)
        batch.add(consumer)
        batch.add(Int(minimumIdle.nanoseconds / 1_000_000))
        batch.add(cursor)
        batch.add(literal: "COUNT")
        batch.add(count)
        let reply = try await submit(batch).single()
        let parts = reply.elements
        guard parts.count >= 2, let next = parts[0]?.entryID, let entries = parts[1] else {
            throw RedisError(.unexpectedReply, "Expected a cursor and entries, the server replied \(reply).")
        }
        return RedisClaimed(cursor: next, entries: try entries.streamEntries())
    }

    /// The consumer groups of a stream; none if there is no such stream.
    public func groups(of stream: String) async throws(RedisError) -> [RedisGroup] {
        guard let reply = try await information(RedisCommand("XINFO", "GROUPS", .text(stream))) else { return [] }
        var groups: [RedisGroup] = []
        for element in reply.elements {
            let fields = element.fields
            guard let name = fields["name"]?.string, let consumers = fields["consumers"]?.integer,
                let pending = fields["pending"]?.integer, let last = fields["last-delivered-id"]?.entryID
            else {
                throw RedisError(.unexpectedReply, "Expected a consumer group, the server replied \(element).")
            }
            groups.append(
                RedisGroup(
                    name: name, consumers: consumers, pending: pending, lastDelivered: last,
                    lag: fields["lag"]?.integer))
        }
        return groups
    }

    /// The consumers of a group; none if there is no such group.
    public func consumers(of stream: String, group: String) async throws(RedisError) -> [RedisConsumer] {
        guard let reply = try await information(RedisCommand("XINFO", "CONSUMERS", .text(stream), .text(group)))
        else { return [] }
        var consumers: [RedisConsumer] = []
        for element in reply.elements {
            let fields = element.fields
            guard let name = fields["name"]?.string, let pending = fields["pending"]?.integer,
                let idle = fields["idle"]?.integer
            else {
                throw RedisError(.unexpectedReply, "Expected a consumer, the server replied \(element).")
            }
            consumers.append(RedisConsumer(name: name, pending: pending, idleMilliseconds: idle))
        }
        return consumers
    }

    /// Nil where the server says that there is no such key or group.
    private func information(_ command: RedisCommand) async throws(RedisError) -> RedisValue? {
        do throws(RedisError) {
            return try await send(command)
        } catch {
            guard error.code == .noGroup || error.message == "ERR no such key" else { throw error }
            return nil
        }
    }
}

extension RedisValue {
    /// The values of an array of names and values by turns.
    fileprivate var fields: [String: RedisValue] {
        var fields: [String: RedisValue] = [:]
        var rest = elements.makeIterator()
        while let name = rest.next()?.string, let value = rest.next() { fields[name] = value }
        return fields
    }
}
