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
        /// The reading that all wait for who come while it lasts: many at once must not read the same many times.
        var reading: Task<Reading, Never>?
    }

    private typealias Reading = Swift.Result<[String: Entry], PostgresError>

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
        let (cached, reading) = newest.withLock { newest -> ([String: Entry]?, Task<Reading, Never>?) in
            if let until = newest.until, until > now { return (newest.entries, nil) }
            let reading = newest.reading ?? Task { await read() }
            newest.reading = reading
            return (nil, reading)
        }
        if let cached { return cached }
        return try await reading?.value.get() ?? [:]
    }

    private func read() async -> Reading {
        let result: Reading
        do throws(PostgresError) {
            var entries: [String: Entry] = [:]
            for definition in try await stored.newest() {
                entries[definition.name] = Entry(stored: definition, rule: InputRule(of: definition.definition))
            }
            result = .success(entries)
        } catch {
            result = .failure(error)
        }
        newest.withLock { newest in
            newest.reading = nil
            guard case .success(let entries) = result else { return }
            newest.entries = entries
            newest.until = .now + Self.freshness
        }
        return result
    }

    /// Looks into the record at the next question: a definition was kept here.
    func forget() {
        newest.withLock { $0.until = nil }
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
