/// What became of a batch: the replies that came, in the order of the commands, and why others did not.
public struct RedisReplies: Sendable {
    /// The replies that came. Errors of single commands are values among them (``RedisValue/error``).
    public let values: RedisValues
    /// How many commands were submitted.
    public let expectedCount: Int
    /// Why not all replies came; nil if they did.
    public let failure: RedisError?

    init(tape: ReplyTape, count: Int, expectedCount: Int, failure: RedisError?) {
        values = RedisValues(tape: tape, start: 0, count: count)
        self.expectedCount = expectedCount
        self.failure = failure
    }

    /// No reply came.
    static func failed(_ error: RedisError, expectedCount: Int) -> RedisReplies {
        RedisReplies(tape: .empty, count: 0, expectedCount: expectedCount, failure: error)
    }

    /// One outcome a command.
    public func outcomes() -> [RedisOutcome] {
        var outcomes = values.map(\.outcome)
        if let failure {
            while outcomes.count < expectedCount { outcomes.append(.failure(failure)) }
        }
        return outcomes
    }

    /// The values.
    ///
    /// - Throws: if a reply did not come, or is an error: the first of them.
    public func checked() throws(RedisError) -> RedisValues {
        if let failure { throw failure }
        for value in values {
            if let error = value.error { throw error }
        }
        return values
    }

    /// The reply to a single command.
    func single() throws(RedisError) -> RedisValue {
        if let failure { throw failure }
        guard let value = values[0] else { throw RedisError(.unexpectedReply, "The server sent no reply.") }
        return try value.outcome.get()
    }

    /// The replies of a transaction that ends with the `EXEC` at a place in the batch.
    ///
    /// - Throws: if no reply came, or the transaction had no effect; then the first error of a command that was refused.
    public func transaction(endingAt place: Int) throws(RedisError) -> RedisValues {
        guard let executed = values[place] else {
            throw failure ?? RedisError(.unexpectedReply, "There is no reply to the command \(place) of the batch.")
        }
        if let error = executed.error {
            // EXECABORT only says that a command was refused; the reply to that command says why.
            let refusals = values.prefix(place).compactMap(\.error)
            throw refusals.last ?? error
        }
        guard executed.isArray else {
            throw RedisError(.transactionAborted, "The transaction was given up because a watched key changed.")
        }
        return executed.elements
    }
}
