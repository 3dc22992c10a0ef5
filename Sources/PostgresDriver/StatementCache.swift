/// The prepared statements of one connection, the least recently used of which makes room for a new one.
///
/// A statement that is being prepared serves only the call that prepares it: if that call fails before its turn, the server
/// skips the preparation, and a call behind it would be told that the statement does not exist. Such calls send their text
/// along instead (``Use/unnamed(endsTransaction:)``).
struct StatementCache {
    /// A prepared statement.
    final class Entry {
        enum State {
            /// Sent within this call, not yet confirmed.
            case preparing(call: UInt64)
            case ready
        }

        let sql: SQLText
        let name: String
        let types: [UInt32]
        let endsTransaction: Bool
        var state: State
        var lastUse: UInt64
        /// Known once it has returned rows.
        var columns: PostgresColumns?

        init(sql: SQLText, name: String, types: [UInt32], state: State, lastUse: UInt64) {
            self.sql = sql
            self.name = name
            self.types = types
            self.state = state
            self.lastUse = lastUse
            endsTransaction = sql.endsTransaction
        }
    }

    /// How a call is to send a statement.
    enum Use {
        /// By its name.
        case prepared(Entry)
        /// After preparing it under its name.
        case prepare(Entry)
        /// With its text, leaving nothing behind.
        case unnamed(endsTransaction: Bool)
    }

    private let capacity: Int
    private var entries: [SQLText: Entry] = [:]
    private var uses: UInt64 = 0
    private var lastName: UInt64 = 0
    /// Names that the server still holds and nobody needs.
    private(set) var evicted: [String] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { entries.count }

    /// Says how to send a statement whose parameters have these types.
    mutating func use(_ sql: SQLText, types: [UInt32], call: UInt64) -> Use {
        uses += 1
        if let entry = entries[sql] {
            guard entry.types == types else { return .unnamed(endsTransaction: entry.endsTransaction) }
            entry.lastUse = uses
            switch entry.state {
            case .ready: return .prepared(entry)
            case .preparing(let preparer):
                return preparer == call ? .prepared(entry) : .unnamed(endsTransaction: entry.endsTransaction)
            }
        }
        guard entries.count < capacity || evictOne() else { return .unnamed(endsTransaction: sql.endsTransaction) }
        lastName += 1
        let entry = Entry(
            sql: sql, name: "b\(lastName)", types: types, state: .preparing(call: call), lastUse: uses)
        entries[sql] = entry
        return .prepare(entry)
    }

    /// The server has prepared the statement.
    mutating func confirm(_ entry: Entry) { entry.state = .ready }

    /// The server has not prepared the statement, or no longer knows it.
    mutating func forget(_ entry: Entry) {
        if entries[entry.sql] === entry { entries[entry.sql] = nil }
    }

    /// The server's plan no longer fits: the next use prepares anew.
    mutating func discard(_ entry: Entry) {
        guard entries[entry.sql] === entry else { return }
        entries[entry.sql] = nil
        evicted.append(entry.name)
    }

    /// Hands over the names to be deallocated.
    mutating func takeEvicted() -> [String] {
        defer { evicted.removeAll(keepingCapacity: true) }
        return evicted
    }

    private mutating func evictOne() -> Bool {
        var oldest: Entry?
        for entry in entries.values {
            guard case .ready = entry.state else { continue }
            if oldest.map({ entry.lastUse < $0.lastUse }) ?? true { oldest = entry }
        }
        guard let oldest else { return false }
        discard(oldest)
        return true
    }
}
