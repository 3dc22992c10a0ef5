import PostgresDriver
import Synchronization
import WorkflowCore
import WorkflowStorage

/// Definitions in memory: the newest of each name for a moment, and pinned ones, which never change.
final class DefinitionCache: Sendable {
    /// A definition with what it says about its input.
    struct Entry: Sendable {
        var stored: StoredDefinition
        var rule: InputRule
    }

    /// For how long the newest definitions are taken to be the newest.
    static let freshness: Swift.Duration = .seconds(2)
    /// Most pinned definitions that are kept.
    static let capacity = 256

    private struct Newest {
        var entries: [String: Entry] = [:]
        var until: ContinuousClock.Instant?
    }

    private let stored: PostgresDefinitionStore
    private let store: PostgresReadStore
    private let newest = Mutex(Newest())
    private let pinned = Mutex<[String: WorkflowDefinition]>([:])

    init(stored: PostgresDefinitionStore, store: PostgresReadStore) {
        self.stored = stored
        self.store = store
    }

    /// The newest definitions, by name.
    func newestByName() async throws(PostgresError) -> [String: Entry] {
        let now = ContinuousClock.now
        let cached = newest.withLock { newest in newest.until.flatMap { $0 > now ? newest.entries : nil } }
        if let cached { return cached }
        var entries: [String: Entry] = [:]
        for definition in try await stored.newest() {
            entries[definition.name] = Entry(stored: definition, rule: InputRule(of: definition.definition))
        }
        newest.withLock { newest in
            newest.entries = entries
            newest.until = now + Self.freshness
        }
        return entries
    }

    /// A pinned definition; nil if the record has none of that hash.
    func definition(hash: String) async throws(PostgresError) -> WorkflowDefinition? {
        if let known = pinned.withLock({ $0[hash] }) { return known }
        guard let definition = try await store.definition(hash: hash) else { return nil }
        pinned.withLock { pinned in
            if pinned.count >= Self.capacity { pinned.removeAll() }
            pinned[hash] = definition
        }
        return definition
    }
}
