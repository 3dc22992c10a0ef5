import RedisDriver

/// A stream with consumer groups, in memory: of Redis' behaviour what our two buses need.
struct MemoryStream<Message: Sendable>: Sendable {
    struct Entry: Sendable {
        var id: StreamEntryID
        var message: Message
    }

    struct Pending: Sendable {
        var consumer: String
        var deliveredAt: Int64
        var deliveries: Int
    }

    private(set) var entries: [Entry] = []
    private(set) var pending: [StreamEntryID: Pending] = [:]
    private var lastID = StreamEntryID.zero
    private(set) var lastDelivered = StreamEntryID.zero

    /// - Parameter now: in milliseconds.
    mutating func add(_ message: Message, now: Int64) -> StreamEntryID {
        lastID = max(StreamEntryID(milliseconds: UInt64(now), sequence: 0), lastID.next)
        entries.append(Entry(id: lastID, message: message))
        return lastID
    }

    /// Delivers what nobody got yet.
    mutating func read(limit: Int, for consumer: String, now: Int64) -> [Entry] {
        let found = Array(entries[firstUnread...].prefix(limit))
        for entry in found {
            pending[entry.id] = Pending(consumer: consumer, deliveredAt: now, deliveries: 1)
            lastDelivered = entry.id
        }
        return found
    }

    /// Takes over what consumers other than `consumer` have had for long.
    mutating func claim(
        for consumer: String, idleMilliseconds: Int, now: Int64
    ) -> [(entry: Entry, claimsBefore: Int)] {
        var claimed: [(entry: Entry, claimsBefore: Int)] = []
        for entry in entries {
            guard var holder = pending[entry.id], holder.consumer != consumer,
                now - holder.deliveredAt >= Int64(idleMilliseconds)
            else { continue }
            claimed.append((entry, holder.deliveries))
            holder.consumer = consumer
            holder.deliveredAt = now
            holder.deliveries += 1
            pending[entry.id] = holder
        }
        return claimed
    }

    mutating func acknowledge(_ ids: some Sequence<StreamEntryID>) {
        for id in ids { pending[id] = nil }
    }

    mutating func remove(_ ids: some Collection<StreamEntryID>) {
        acknowledge(ids)
        let gone = Set(ids)
        entries.removeAll { gone.contains($0.id) }
    }

    /// The oldest entry that nobody got.
    var oldestUnread: Entry? { entries[firstUnread...].first }

    /// The place of the oldest entry that nobody got; entries are in the order of their ids.
    private var firstUnread: Int {
        var range = 0..<entries.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = entries[middle].id > lastDelivered ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}
