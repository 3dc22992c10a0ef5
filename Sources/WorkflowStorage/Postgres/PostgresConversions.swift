import JSONTools
import PostgresDriver

extension UniqueID {
    /// The id as the driver sends it.
    var postgres: PostgresUUID { PostgresUUID(high: high, low: low) }

    init(_ uuid: PostgresUUID) {
        self.init(high: uuid.high, low: uuid.low)
    }
}

extension Timestamp {
    /// The time as the driver sends it.
    var postgres: PostgresTimestamp { PostgresTimestamp(microseconds: microseconds) }

    init(_ timestamp: PostgresTimestamp) {
        self.init(microseconds: timestamp.microseconds)
    }
}

extension PostgresRow {
    func id(_ column: Int) throws(PostgresError) -> UniqueID { UniqueID(try uuid(column)) }

    func time(_ column: Int) throws(PostgresError) -> Timestamp { Timestamp(try timestamp(column)) }

    func optionalTime(_ column: Int) throws(PostgresError) -> Timestamp? {
        let value: PostgresTimestamp? = try optional(column)
        return value.map { Timestamp($0) }
    }

    func optionalText(_ column: Int) throws(PostgresError) -> String? { try optional(column) }

    /// A cell of encoded JSON.
    func json(_ column: Int) throws(PostgresError) -> JSONValue {
        let cell = try bytes(column)
        do {
            return try JSONValue(parsing: cell, limits: JSONLimits(depth: 128, maxBytes: 4 << 20))
        } catch {
            throw PostgresError(.decoding, "column \(column) holds no JSON: \(error)", outcome: .failed)
        }
    }
}

extension BatchError {
    /// What a driver's error means for a batch.
    init(_ error: PostgresError) {
        switch error.outcome {
        case .unknown:
            self = .unknownOutcome(error.message)
        case .notSent:
            self = error.code == .invalidParameters ? .refused(error.description) : .away(error.message)
        case .failed, .completed:
            if error.isRetryable || error.constraint == "workflows_idempotency" {
                self = .repeatable(error.description)
            } else if error.isDataFault || error.code == .decoding || error.code == .resultTooLarge {
                self = .refused(error.description)
            } else {
                // A full disk, a timeout, a server that only reads at present: no fault of the data.
                self = .away(error.description)
            }
        }
    }
}

extension PostgresPool {
    /// Runs one statement on any connection.
    func run(_ statement: PostgresStatement) async throws(PostgresError) -> PostgresRows {
        try await query(statement.sql, statement.parameters)
    }
}
