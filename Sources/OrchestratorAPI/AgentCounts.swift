import PostgresDriver
import Synchronization
import WorkflowStorage

/// How many agents of each type live, known for a moment: many requests at once don't ask the record as often.
final class AgentCounts: Sendable {
    /// For how long the count is taken to be true.
    private static let freshness: Swift.Duration = .seconds(1)

    private typealias Reading = Swift.Result<[String: Int], PostgresError>

    private struct State {
        var counts: [String: Int] = [:]
        var until: ContinuousClock.Instant?
        /// The reading that all wait for who come while it lasts.
        var reading: Task<Reading, Never>?
    }

    private let store: PostgresReadStore
    private let state = Mutex(State())

    init(store: PostgresReadStore) { self.store = store }

    /// How many live, by type.
    func living() async throws(PostgresError) -> [String: Int] {
        let now = ContinuousClock.now
        let (known, reading) = state.withLock { state -> ([String: Int]?, Task<Reading, Never>?) in
            if let until = state.until, until > now { return (state.counts, nil) }
            let reading = state.reading ?? Task { await read() }
            state.reading = reading
            return (nil, reading)
        }
        if let known { return known }
        return try await reading?.value.get() ?? [:]
    }

    private func read() async -> Reading {
        let result: Reading
        do throws(PostgresError) {
            var counts: [String: Int] = [:]
            for living in try await store.livingAgents() { counts[living.agentType] = living.count }
            result = .success(counts)
        } catch {
            result = .failure(error)
        }
        state.withLock { state in
            state.reading = nil
            guard case .success(let counts) = result else { return }
            state.counts = counts
            state.until = .now + Self.freshness
        }
        return result
    }
}
