import RedisDriver
import Synchronization

/// One consumer of a group on some streams: reads for one loop, and knows what it has delivered and not seen off.
///
/// After each reconnect, and after each read whose reply was lost, it first delivers what is pending under its name and
/// not held. A missing group is made, and the read goes on. An entry that is too large to be read is delivered without
/// its content.
final class GroupConsumer: Sendable {
    /// An entry, and the place of its stream among the consumer's.
    struct Delivery: Sendable {
        var stream: Int
        var id: StreamEntryID
        /// Nil if the entry is too large to be read.
        var entry: RedisStreamEntry?
    }

    private struct State {
        var walk = PendingWalk()
        /// The connection that the walk belongs to.
        var connection = 0
        var held: [Set<StreamEntryID>]
    }

    private enum Step {
        case walkPending(stream: Int, after: StreamEntryID, count: Int)
        case readNew
    }

    let streams: [String]
    private let group: String
    private let name: String
    private let reader: RedisStreamReader
    private let client: RedisClient
    private let groups: StreamGroups
    private let state: Mutex<State>
    /// How often in a row a read may find its group missing.
    private static let repairLimit = 5

    init(
        streams: [String], group: String, name: String, reader: RedisStreamReader, client: RedisClient,
        groups: StreamGroups
    ) {
        self.streams = streams
        self.group = group
        self.name = name
        self.reader = reader
        self.client = client
        self.groups = groups
        state = Mutex(State(held: Array(repeating: [], count: streams.count)))
    }

    /// Whether an entry was delivered and not seen off.
    func holds(_ id: StreamEntryID, of stream: Int) -> Bool { state.withLock { $0.held[stream].contains(id) } }

    /// Notes that entries came to us in another way than by a read.
    func hold(_ ids: [StreamEntryID], of stream: Int) { state.withLock { $0.held[stream].formUnion(ids) } }

    /// Notes that entries are seen off.
    func release(_ ids: [StreamEntryID], of stream: Int) { state.withLock { $0.held[stream].subtract(ids) } }

    /// Gives up entries that are not seen off: what of them is pending is delivered again.
    func forget(_ ids: [StreamEntryID], of stream: Int) {
        state.withLock { state in
            state.held[stream].subtract(ids)
            state.walk.restart()
        }
    }

    /// Delivers what is pending and not held, or else reads what is new.
    ///
    /// - Parameters:
    ///   - limit: how many entries at most: in all of what is pending, of each stream of what is new.
    ///   - readNew: reads what is new, in some way; its deliveries become held.
    func next(
        limit: Int, readNew: () async throws(RedisError) -> [Delivery]
    ) async throws(TransportError) -> [Delivery] {
        var repairs = 0
        while true {
            do throws(RedisError) {
                switch nextStep() {
                case .walkPending(let stream, let cursor, let count):
                    let deliveries = try await walk(stream: stream, after: cursor, count: count, limit: limit)
                    note(deliveries)
                    if !deliveries.isEmpty { return deliveries }
                case .readNew:
                    let deliveries = try await readNew()
                    note(deliveries)
                    return deliveries
                }
            } catch {
                try await recover(from: error, repairs: &repairs)
            }
        }
    }

    /// Reads what is new on all streams.
    func readNew(limit: Int, block: Duration) async throws(RedisError) -> [Delivery] {
        let found = try await reader.read(
            RedisGroupRead(group: group, consumer: name, streams: streams, count: limit, block: block))
        return deliveries(found)
    }

    /// Tells the entries that a read found by the places of their streams.
    func deliveries(_ found: [RedisStreamEntries]) -> [Delivery] {
        var deliveries: [Delivery] = []
        for part in found {
            guard let stream = streams.firstIndex(of: part.stream) else { continue }
            for entry in part.entries { deliveries.append(Delivery(stream: stream, id: entry.id, entry: entry)) }
        }
        return deliveries
    }

    private func note(_ deliveries: [Delivery]) {
        guard !deliveries.isEmpty else { return }
        state.withLock { state in
            for delivery in deliveries { state.held[delivery.stream].insert(delivery.id) }
        }
    }

    private func nextStep() -> Step {
        let connection = reader.connectionCount
        return state.withLock { state in
            if connection > state.connection {
                state.connection = connection
                state.walk.restart()
            }
            guard state.walk.isDue else { return .readNew }
            return .walkPending(
                stream: state.walk.stream, after: state.walk.cursor, count: state.walk.pageSize)
        }
    }

    /// Reads one page of what is pending.
    private func walk(
        stream: Int, after cursor: StreamEntryID, count: Int, limit: Int
    ) async throws(RedisError) -> [Delivery] {
        let found: [RedisStreamEntry]
        do throws(RedisError) {
            let read = RedisGroupRead(
                group: group, consumer: name, streams: [streams[stream]], count: count,
                position: .pending(after: cursor))
            found = try await reader.read(read).first?.entries ?? []
        } catch {
            guard error.code == .replyTooLarge, count == 1 else { throw error }
            return try await deliverTooLarge(stream: stream, after: cursor)
        }
        var deliveries: [Delivery] = []
        var deleted: [StreamEntryID] = []
        state.withLock { state in
            for entry in found where deliveries.count < limit {
                state.walk.cursor = entry.id
                if entry.isDeleted {
                    deleted.append(entry.id)
                } else if !state.held[stream].contains(entry.id) {
                    deliveries.append(Delivery(stream: stream, id: entry.id, entry: entry))
                }
            }
            if found.isEmpty { state.walk.goToNextStream(of: streams.count) }
        }
        if !deleted.isEmpty {
            try await client.acknowledge(deleted, group: group, on: streams[stream])
        }
        return deliveries
    }

    private func deliverTooLarge(stream: Int, after cursor: StreamEntryID) async throws(RedisError) -> [Delivery] {
        let pending = try await client.pendingEntries(
            of: streams[stream], group: group, in: cursor.next...(.highest), count: 1, consumer: name)
        return state.withLock { state in
            // The reply made the reader give up its connection; that is no reason to begin the walk again.
            state.connection += 1
            guard let id = pending.first?.id else {
                state.walk.goToNextStream(of: streams.count)
                return []
            }
            state.walk.cursor = id
            return state.held[stream].contains(id) ? [] : [Delivery(stream: stream, id: id, entry: nil)]
        }
    }

    private func recover(from error: RedisError, repairs: inout Int) async throws(TransportError) {
        switch error.code {
        case .noGroup, .unblocked:
            repairs += 1
            guard repairs <= Self.repairLimit else { throw TransportError(error) }
            try await groups.ensure()
        case .replyTooLarge:
            state.withLock { state in
                state.walk.restart(pageSize: 1)
                state.connection += 1
            }
        default:
            // What the lost reply had is pending.
            state.withLock { $0.walk.restart() }
            throw TransportError(error)
        }
    }
}

/// How far the reading of what is pending has come: stream by stream, page by page.
struct PendingWalk {
    private static let usualPageSize = 100
    /// Whether there may be something pending that was not delivered.
    private(set) var isDue = true
    /// The place of the stream.
    private(set) var stream = 0
    /// The last entry that was looked at.
    var cursor = StreamEntryID.zero
    /// How many entries to ask for.
    private(set) var pageSize = usualPageSize

    /// Begins at the first entry of the first stream.
    ///
    /// - Parameter pageSize: how many entries to ask for at a time; nil for as many as usual, or as before if a walk with
    ///   small pages is under way.
    mutating func restart(pageSize: Int? = nil) {
        let size = pageSize ?? self.pageSize
        self = PendingWalk()
        self.pageSize = size
    }

    /// Goes on with the next stream, or ends after the last.
    mutating func goToNextStream(of count: Int) {
        stream += 1
        cursor = .zero
        guard stream >= count else { return }
        self = PendingWalk()
        isDue = false
    }
}
