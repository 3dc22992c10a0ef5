import Synchronization

/// What was done with the send windows, for others who share them.
package struct SendNews: Sendable {
    /// What committed batches recorded, sent and closed, by type of agent.
    private(set) var use: [String: SendWindow.Use] = [:]
    /// How many queued tasks were let go, by type of agent.
    private(set) var released: [String: Int] = [:]

    var isEmpty: Bool { use.isEmpty && released.isEmpty }

    mutating func note(_ committed: [String: SendWindow.Use]) {
        use.merge(committed) { one, other in
            SendWindow.Use(new: one.new + other.new, sent: one.sent + other.sent, closed: one.closed + other.closed)
        }
    }

    mutating func note(released count: Int, of agentType: String) {
        if count > 0 { released[agentType, default: 0] += count }
    }

    mutating func note(_ other: SendNews) {
        note(other.use)
        for (agentType, count) in other.released { note(released: count, of: agentType) }
    }
}

/// Where the lanes of an Advancer tell each other what they send. Nobody is woken by it: a lane looks when it has something
/// to do.
final class LaneBoard: Sendable {
    /// What a lane hasn't heard yet, by its place.
    private let unheard: Mutex<[SendNews]>

    /// A board for so many lanes.
    init(lanes: Int) {
        unheard = Mutex(Array(repeating: SendNews(), count: lanes))
    }

    /// Tells all but the one that it comes from.
    func post(_ news: SendNews, from place: Int) {
        unheard.withLock { unheard in
            for index in unheard.indices where index != place { unheard[index].note(news) }
        }
    }

    /// What the others told since this was last asked; nil if nothing.
    func take(_ place: Int) -> SendNews? {
        unheard.withLock { unheard in
            guard !unheard[place].isEmpty else { return nil }
            defer { unheard[place] = SendNews() }
            return unheard[place]
        }
    }
}
