/// An entry of a stream.
public struct RedisStreamEntry: Sendable {
    /// Its id.
    public let id: StreamEntryID
    /// Names and values by turns; nil if the entry was deleted while it was pending.
    private let fields: RedisValues?

    /// Reads `[id, [name, value, …]]`.
    init(_ value: RedisValue) throws(RedisError) {
        let parts = value.elements
        guard parts.count == 2, let id = parts[0]?.entryID, let content = parts[1] else {
            throw RedisError(.unexpectedReply, "Expected an entry of a stream, the server replied \(value).")
        }
        self.id = id
        fields = content.isArray ? content.elements : nil
    }

    /// True if the entry was deleted while it was pending: it has no content any more.
    public var isDeleted: Bool { fields == nil }

    /// A copy of the value of a field; nil if there is none of that name.
    public func bytes(of name: StaticString) -> [UInt8]? {
        value(of: name)?.bytes
    }

    /// The value of a field; nil if there is none of that name.
    public func value(of name: StaticString) -> RedisValue? {
        guard var rest = fields?.makeIterator() else { return nil }
        while let candidate = rest.next(), let value = rest.next() {
            if candidate.equals(name) { return value }
        }
        return nil
    }
}

/// What a read found in one stream.
public struct RedisStreamEntries: Sendable {
    /// The key of the stream.
    public let stream: String
    /// Its entries, oldest first.
    public let entries: [RedisStreamEntry]
}

extension RedisValue {
    /// Reads an array of entries.
    public func streamEntries() throws(RedisError) -> [RedisStreamEntry] {
        var entries: [RedisStreamEntry] = []
        entries.reserveCapacity(elements.count)
        for element in elements where !element.isNull { entries.append(try RedisStreamEntry(element)) }
        return entries
    }

    /// Reads what `XREADGROUP` replies: null, or `[[key, entries], …]`.
    public func entriesByStream() throws(RedisError) -> [RedisStreamEntries] {
        var streams: [RedisStreamEntries] = []
        for element in elements {
            let parts = element.elements
            guard parts.count == 2, let key = parts[0]?.string, let entries = parts[1] else {
                throw RedisError(.unexpectedReply, "Expected entries of streams, the server replied \(self).")
            }
            streams.append(RedisStreamEntries(stream: key, entries: try entries.streamEntries()))
        }
        return streams
    }
}

extension RedisValue {
    /// Reads what `XPENDING` replies.
    public func pendingEntries() throws(RedisError) -> [RedisPendingEntry] {
        var entries: [RedisPendingEntry] = []
        for element in elements {
            let parts = element.elements
            guard parts.count == 4, let id = parts[0]?.entryID, let consumer = parts[1]?.string,
                let idle = parts[2]?.integer, let deliveries = parts[3]?.integer
            else {
                throw RedisError(.unexpectedReply, "Expected a pending entry, the server replied \(element).")
            }
            entries.append(
                RedisPendingEntry(id: id, consumer: consumer, idleMilliseconds: idle, deliveries: deliveries))
        }
        return entries
    }
}

/// An entry that was delivered and not acknowledged.
public struct RedisPendingEntry: Sendable, Hashable {
    /// The entry.
    public var id: StreamEntryID
    /// To whom it was delivered last.
    public var consumer: String
    /// How long ago that was.
    public var idleMilliseconds: Int
    /// How often it was delivered.
    public var deliveries: Int
}

/// What a group knows of one of its consumers.
public struct RedisConsumer: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Entries delivered to it and not acknowledged.
    public var pending: Int
    /// How long ago it last tried to read.
    public var idleMilliseconds: Int
}

/// A consumer group of a stream.
public struct RedisGroup: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// How many consumers it has seen.
    public var consumers: Int
    /// Entries delivered and not acknowledged.
    public var pending: Int
    /// The last entry that was delivered to any consumer.
    public var lastDelivered: StreamEntryID
    /// How many entries were not delivered yet; nil if the server can't tell (entries between were deleted, or it is older
    /// than 7).
    public var lag: Int?
}

/// What `XAUTOCLAIM` took over.
public struct RedisClaimed: Sendable {
    /// Where to go on; `0-0` when all was looked at.
    public var cursor: StreamEntryID
    /// The entries, now ours.
    public var entries: [RedisStreamEntry]
}
