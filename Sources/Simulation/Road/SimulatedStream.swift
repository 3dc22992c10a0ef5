/// A stream with one consumer group, as Redis keeps it: what is delivered and not acknowledged stays pending with its
/// consumer, and can be claimed from a consumer that has been silent.
struct SimulatedStream: Sendable {
    struct Entry: Sendable {
        /// Unique in the run, rising.
        var number: Int
        /// Redis' clock when it was added.
        var milliseconds: Int64
        var bytes: [UInt8]

        var id: String { "\(milliseconds)-\(number)" }
    }

    struct Pending: Sendable {
        var consumer: String
        var deliveredAt: Int64
        var deliveries: Int
    }

    private(set) var entries: [Entry] = []
    private(set) var pending: [Int: Pending] = [:]
    /// When each consumer last asked.
    private(set) var consumers: [String: Int64] = [:]
    private var lastDelivered = 0

    mutating func add(_ entry: Entry) { entries.append(entry) }

    /// Delivers what nobody got yet.
    mutating func read(limit: Int, for consumer: String, at now: Int64) -> [Entry] {
        consumers[consumer] = now
        guard limit > 0, let first = firstUnread else { return [] }
        let found = Array(entries[first...].prefix(limit))
        for entry in found {
            pending[entry.number] = Pending(consumer: consumer, deliveredAt: now, deliveries: 1)
            lastDelivered = entry.number
        }
        return found
    }

    /// Delivers again what is pending with a consumer, in order.
    mutating func held(by consumer: String, at now: Int64) -> [Entry] {
        consumers[consumer] = now
        let found = entries.filter { pending[$0.number]?.consumer == consumer }
        for entry in found {
            pending[entry.number]?.deliveredAt = now
            pending[entry.number]?.deliveries += 1
        }
        return found
    }

    /// Takes over what consumers have had for long who have been silent as long.
    ///
    /// - Returns: the entries, with how often each was delivered before.
    mutating func claim(
        for consumer: String, idleMilliseconds: Int64, at now: Int64
    ) -> [(entry: Entry, deliveries: Int)] {
        consumers[consumer] = now
        var claimed: [(entry: Entry, deliveries: Int)] = []
        for entry in entries {
            guard let holder = pending[entry.number], holder.consumer != consumer,
                now - holder.deliveredAt >= idleMilliseconds,
                now - (consumers[holder.consumer] ?? 0) >= idleMilliseconds
            else { continue }
            claimed.append((entry, holder.deliveries))
            pending[entry.number] = Pending(
                consumer: consumer, deliveredAt: now, deliveries: holder.deliveries + 1)
        }
        return claimed
    }

    /// Acknowledges and deletes entries, by their ids.
    mutating func remove(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        let gone = Set(ids.compactMap(Self.number(of:)))
        for number in gone { pending[number] = nil }
        entries.removeAll { gone.contains($0.number) }
    }

    /// Those of some entries that are there.
    func entries(_ ids: [String]) -> [Entry] {
        let wanted = Set(ids.compactMap(Self.number(of:)))
        return entries.filter { wanted.contains($0.number) }
    }

    func holds(_ id: String) -> Bool {
        guard let number = Self.number(of: id) else { return false }
        return entries.contains { $0.number == number }
    }

    /// The oldest entry that nobody got.
    var oldestUnread: Entry? { firstUnread.map { entries[$0] } }

    private var firstUnread: Int? { entries.firstIndex { $0.number > lastDelivered } }

    private static func number(of id: String) -> Int? {
        id.split(separator: "-").last.flatMap { Int($0) }
    }
}
