import JSONTools
import PostgresDriver
import Synchronization
import WorkflowStorage

/// What changed of all workflows, for many watchers: whether there is news is asked once for all of them.
final class ChangeFeed: Sendable {
    /// How often the record is asked.
    static let interval: Swift.Duration = .seconds(1)
    /// Most rows at a time.
    static let maxRows = 200

    /// A place among the workflows in the order of their last changes.
    struct Place: Sendable, Hashable {
        var changedAt: Int64
        var id: UniqueID

        init(_ row: WorkflowRow) {
            changedAt = row.updatedAt.microseconds
            id = row.id
        }
    }

    private struct Memory {
        var newest: Place?
        var until: ContinuousClock.Instant
        var overview: JSONValue?
        var overviewUntil: ContinuousClock.Instant?
    }

    private let store: PostgresReadStore
    private let memory = Mutex<[String: Memory]>([:])

    init(store: PostgresReadStore) {
        self.store = store
    }

    /// The workflow that changed last, at most a second ago; nil if there is none.
    func newest(of tenant: String) async -> Place? {
        let now = ContinuousClock.now
        if let known = memory.withLock({ $0[tenant] }), known.until > now { return known.newest }
        var query = WorkflowQuery(tenant: tenant)
        query.order = .updatedAt
        query.isDescending = true
        query.limit = 1
        let row = try? await store.workflows(query, judgesSilence: false).first
        return memory.withLock { memory in
            var present = memory[tenant] ?? Memory(newest: nil, until: now)
            if let row { present.newest = Place(row) }
            present.until = now + Self.interval * 0.9
            memory[tenant] = present
            return present.newest
        }
    }

    /// Whether anything changed since.
    func hasNews(since place: Place?, tenant: String) async -> Bool {
        await newest(of: tenant) != place
    }

    /// What changed after a place, in that order.
    func rows(after place: Place?, tenant: String) async throws -> [WorkflowRow] {
        var query = WorkflowQuery(tenant: tenant)
        query.order = .updatedAt
        query.isDescending = false
        query.limit = Self.maxRows
        query.after = place.map { WorkflowQuery.Position(value: "\($0.changedAt)", id: $0.id) }
        return Array(try await store.workflows(query, judgesSilence: true).prefix(Self.maxRows))
    }

    /// The figures of the overview, at most two seconds old; nil if the record is away.
    func overview(tenant: String) async -> JSONValue? {
        let now = ContinuousClock.now
        if let known = memory.withLock({ $0[tenant] }), let until = known.overviewUntil, until > now {
            return known.overview
        }
        guard let figures = try? await StatsController.overview(of: tenant, in: store) else { return nil }
        memory.withLock { memory in
            var present = memory[tenant] ?? Memory(newest: nil, until: now)
            present.overview = figures
            present.overviewUntil = now + .seconds(2)
            memory[tenant] = present
        }
        return figures
    }
}
