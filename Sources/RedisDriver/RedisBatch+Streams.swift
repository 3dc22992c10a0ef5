/// Where a read of a group begins.
public enum RedisReadPosition: Sendable, Hashable {
    /// What no consumer of the group got yet.
    case new
    /// What this consumer got after an entry and did not acknowledge; after `0-0` for all.
    case pending(after: StreamEntryID)
}

/// A read of one or several streams through a consumer group.
public struct RedisGroupRead: Sendable, Hashable {
    /// The group, of the same name on each stream.
    public var group: String
    /// Who reads.
    public var consumer: String
    /// The keys of the streams, at least one.
    public var streams: [String]
    /// How many entries at most, of each stream.
    public var count: Int
    /// How long to wait if there is nothing, at least 1 ms; nil for not at all.
    public var block: Duration?
    /// From where.
    public var position: RedisReadPosition

    /// A read.
    public init(
        group: String, consumer: String, streams: [String], count: Int, block: Duration? = nil,
        position: RedisReadPosition = .new
    ) {
        self.group = group
        self.consumer = consumer
        self.streams = streams
        self.count = count
        self.block = block
        self.position = position
    }
}

extension RedisBatch {
    /// Begins `XADD` with an id of the server's; `fieldCount` pairs of `add` (name, value) must follow. Its reply is the id.
    ///
    /// - Parameters:
    ///   - approximateLength: how many entries the stream keeps at least; the oldest beyond may go. Nil for all.
    public mutating func xadd(to stream: String, approximateLength: Int? = nil, fieldCount: Int) {
        command("XADD", argumentCount: 2 + (approximateLength == nil ? 0 : 3) + 2 * fieldCount)
        add(stream)
        if let approximateLength {
            add(literal: "MAXLEN")
            add(literal: "~")
            add(approximateLength)
        }
        add(literal: "*")
    }

    /// Appends `XACK`; its reply is how many were pending (0, too, where there is no such group).
    public mutating func xack(_ stream: String, group: String, _ ids: [StreamEntryID]) {
        command("XACK", argumentCount: 2 + ids.count)
        add(stream)
        add(group)
        for id in ids { add(id) }
    }

    /// Appends `XDEL`; its reply is how many there were.
    public mutating func xdel(_ stream: String, _ ids: [StreamEntryID]) {
        command("XDEL", argumentCount: 1 + ids.count)
        add(stream)
        for id in ids { add(id) }
    }

    /// Appends `XPENDING`; read its reply with ``RedisValue/pendingEntries()``.
    ///
    /// - Parameters:
    ///   - range: the first and the last id.
    ///   - count: how many at most.
    ///   - minimumIdle: only what was delivered at least so long ago.
    ///   - consumer: whose; nil for all.
    public mutating func xpending(
        _ stream: String, group: String, in range: ClosedRange<StreamEntryID>, count: Int,
        minimumIdle: Duration? = nil, consumer: String? = nil
    ) {
        command("XPENDING", argumentCount: 5 + (minimumIdle == nil ? 0 : 2) + (consumer == nil ? 0 : 1))
        add(stream)
        add(group)
        if let minimumIdle {
            add(literal: "IDLE")
            add(Int(minimumIdle.nanoseconds / 1_000_000))
        }
        add(range.lowerBound)
        add(range.upperBound)
        add(count)
        if let consumer { add(consumer) }
    }

    /// Appends `XGROUP CREATE … 0 MKSTREAM`; its reply is OK, or BUSYGROUP if there is such a group.
    public mutating func xgroupCreate(_ stream: String, group: String) {
        command("XGROUP", argumentCount: 5)
        add(literal: "CREATE")
        add(stream)
        add(group)
        add(literal: "0")
        add(literal: "MKSTREAM")
    }

    /// Appends `XREADGROUP`; read its reply with ``RedisValue/entriesByStream()``.
    public mutating func xreadgroup(_ read: RedisGroupRead) {
        command("XREADGROUP", argumentCount: 6 + (read.block == nil ? 0 : 2) + 2 * read.streams.count)
        add(literal: "GROUP")
        add(read.group)
        add(read.consumer)
        add(literal: "COUNT")
        add(read.count)
        if let block = read.block {
            add(literal: "BLOCK")
            add(max(1, Int(block.nanoseconds / 1_000_000)))
        }
        add(literal: "STREAMS")
        for stream in read.streams { add(stream) }
        for _ in read.streams {
            switch read.position {
            case .new: add(literal: ">")
            case .pending(let id): add(id)
            }
        }
    }

    /// Appends `XRANGE`; read its reply with ``RedisValue/streamEntries()``.
    public mutating func xrange(_ stream: String, from first: StreamEntryID, count: Int) {
        command("XRANGE", argumentCount: 5)
        add(stream)
        add(first)
        add(literal: "+")
        add(literal: "COUNT")
        add(count)
    }
}
