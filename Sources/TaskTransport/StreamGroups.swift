import RedisDriver
import Synchronization

/// The consumer groups that must exist, and the making of those that don't.
final class StreamGroups: Sendable {
    private struct Group: Hashable {
        var stream: String
        var group: String
    }

    private struct State {
        var wanted: [Group] = []
        /// Those that we know have existed.
        var seen: Set<Group> = []
        /// How often one of those was gone.
        var losses: UInt64 = 0
    }

    private let client: RedisClient
    private let state = Mutex(State())

    init(client: RedisClient) { self.client = client }

    /// How often Redis had lost what it once had.
    var losses: UInt64 { state.withLock { $0.losses } }

    /// Adds a group on some streams to those that must exist.
    func want(_ group: String, on streams: [String]) {
        state.withLock { state in
            for stream in streams {
                let entry = Group(stream: stream, group: group)
                if !state.wanted.contains(entry) { state.wanted.append(entry) }
            }
        }
    }

    /// The streams on which a group must exist.
    func streams(of group: String) -> [String] {
        state.withLock { $0.wanted.filter { $0.group == group }.map(\.stream) }
    }

    /// Creates all that are missing, from the first entry on.
    func ensure() async throws(TransportError) {
        let wanted = state.withLock { $0.wanted }
        var batch = RedisBatch(reservingBytes: wanted.count * 128)
        for entry in wanted { batch.xgroupCreate(entry.stream, group: entry.group) }
        let outcomes = await client.submit(batch).outcomes()
        var lost = false
        var failure: RedisError?
        state.withLock { state in
            for (entry, outcome) in zip(wanted, outcomes) {
                switch outcome {
                case .success:
                    if !state.seen.insert(entry).inserted { lost = true }
                case .failure(let error) where error.code == .busyGroup: state.seen.insert(entry)
                case .failure(let error): failure = failure ?? error
                }
            }
            if lost { state.losses += 1 }
        }
        if let failure { throw TransportError(failure) }
    }
}
