/// Reads streams through a consumer group, waiting for entries: a connection and a thread of its own, because a blocked
/// read holds up everything behind it.
///
/// One read at a time; a second waits for the first. Entries come in batches, as the server delivers them. After a lost
/// connection, what was delivered and not received is pending under the consumer's name: read from
/// `RedisReadPosition.pending` first.
public final class RedisStreamReader: Sendable {
    private let client: RedisClient

    /// Makes a reader, which begins to connect at once.
    public init(_ configuration: RedisConfiguration) {
        client = RedisClient(configuration)
    }

    deinit { client.close() }

    /// Whether there is a connection, now.
    public var state: RedisConnectionState { client.state }

    /// How often a connection was made; it changes when one was lost and made again.
    public var connectionCount: Int { client.connectionCount }

    /// The state now, then each change, until the reader is closed.
    public func states() -> AsyncStream<RedisConnectionState> { client.states() }

    /// Reads, waiting for `read.block` if there is nothing.
    ///
    /// - Parameter read: what to read; blocking for an hour at most.
    /// - Returns: what was found in each stream that had something; nothing after the time.
    /// - Throws: `NOGROUP` or `UNBLOCKED` if a stream or its group was deleted, `cancelled` if the task was (the connection
    ///   is then made anew, to end the read), `closed`, and what else may happen to a command.
    nonisolated(nonsending)
        public func read(_ read: RedisGroupRead) async throws(RedisError) -> [RedisStreamEntries]
    {
        precondition(!read.streams.isEmpty && read.count > 0, "A read needs a stream and a count of at least 1.")
        let block = read.block ?? .zero
        precondition(block <= .seconds(3_600), "A read blocks for an hour at most, not \(block).")
        var batch = RedisBatch(reservingBytes: 256)
        batch.xreadgroup(read)
        let mark = CancellationMark()
        let replies = await withTaskCancellationHandler {
            await client.submit(batch, queueTimeout: nil, blocking: block, cancellation: mark)
        } onCancel: {
            client.cancel(mark)
        }
        return try replies.single().entriesByStream()
    }

    /// Closes the reader, at once and for good; a blocked read ends with `closed`.
    public func close() { client.close() }

    /// Closes the reader and waits for its thread to end, which takes up to 2 s.
    public func closeAndWait() async { await client.closeAndWait() }
}
