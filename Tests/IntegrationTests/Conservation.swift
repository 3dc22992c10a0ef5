import AgentProtocol
import FaultKit
import HistoryChecker
import JSONTools
import PostgresDriver
import RedisDriver
import Synchronization
import Testing

/// What must hold whenever every workflow has ended, whatever happened on the way: the rules of `HistoryChecker`, and
/// nothing left over.
final class Conservation: Sendable {
    private struct State {
        /// Entries that an earlier check complained about: one fault fails one test, not all that follow.
        var reported: Set<String> = []
        /// Workflows up to this one were found sound by an earlier check.
        var checked: UniqueID?
    }

    let record: Record
    let redis: RedisClient
    let types: [String]
    private let state = Mutex(State())

    init(record: Record, redis: RedisClient, types: [String]) {
        self.record = record
        self.redis = redis
        self.types = types
    }

    /// Checks it; streams get a moment to be tidied up.
    func check(
        tidyWithin limit: Duration = .seconds(15), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(within: limit, "nothing is left over", sourceLocation: sourceLocation) {
            try await leftovers().isEmpty
        } explain: {
            let found = try await leftovers()
            state.withLock { $0.reported.formUnion(found.filter { $0.hasPrefix("entry ") }) }
            return found.joined(separator: "; ")
        }
        let loader = HistoryLoader(record: record, redis: redis, types: types)
        var history = try await loader.load(after: state.withLock { $0.checked })
        // Looked at above, entry by entry.
        history.streams = []
        let violations = HistoryChecker.violations(in: history)
        #expect(
            violations.isEmpty, "\(violations.prefix(20).map(\.description).joined(separator: "\n"))",
            sourceLocation: sourceLocation)
        let newest = history.workflows.map(\.id).max()
        state.withLock { $0.checked = newest ?? $0.checked }
    }

    /// What should not be there any more.
    private func leftovers() async throws -> [String] {
        var found: [String] = []
        let counts: [(String, SQLText)] = [
            ("workflows that haven't ended", "SELECT count(*)::text FROM workflow_state WHERE NOT is_terminal"),
            ("open task rows", "SELECT count(*)::text FROM tasks WHERE status < 10"),
            ("inbox rows", "SELECT count(*)::text FROM inbox"),
        ]
        for (what, sql) in counts {
            let count = try await record.number(sql)
            if count != 0 { found.append("\(count) \(what)") }
        }
        let names = ChannelNames()
        for stream in types.flatMap({ names.taskStreams($0) }) + [names.results] {
            let entries = try await redis.send(RedisCommand("XRANGE", .text(stream), "-", "+")).elements
            found += entries.compactMap { $0.elements[0]?.string }.map { "entry \($0) in \(stream)" }
        }
        return found.filter { entry in !state.withLock { $0.reported.contains(entry) } }
    }
}
