import JSONTools
import Synchronization
import WorkflowStorage

/// The figures of the overview, asked of the record once for many who want them.
final class OverviewCache: Sendable {
    /// For how long figures are good.
    static let freshness: Swift.Duration = .seconds(2)

    private struct Entry {
        var figures: JSONValue?
        var until: ContinuousClock.Instant?
        var reading: Task<JSONValue, any Error>?
    }

    private let store: PostgresReadStore
    private let entries = Mutex<[String: Entry]>([:])

    init(store: PostgresReadStore) {
        self.store = store
    }

    /// The figures, at most two seconds old.
    ///
    /// - Throws: what the record throws.
    func overview(tenant: String) async throws -> JSONValue {
        let now = ContinuousClock.now
        let (known, reading) = entries.withLock { entries -> (JSONValue?, Task<JSONValue, any Error>?) in
            var entry = entries[tenant] ?? Entry()
            if let figures = entry.figures, let until = entry.until, until > now { return (figures, nil) }
            let reading = entry.reading ?? Task { try await read(tenant) }
            entry.reading = reading
            entries[tenant] = entry
            return (nil, reading)
        }
        if let known { return known }
        guard let reading else { throw Problem.internalFault }
        return try await reading.value
    }

    private func read(_ tenant: String) async throws -> JSONValue {
        do {
            let figures = try await StatsController.overview(of: tenant, in: store)
            entries.withLock { $0[tenant] = Entry(figures: figures, until: .now + Self.freshness) }
            return figures
        } catch {
            entries.withLock { $0[tenant]?.reading = nil }
            throw error
        }
    }
}
