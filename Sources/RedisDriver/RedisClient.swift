import BlockingIO

/// One connection to a Redis server, for any number of callers.
///
/// The connection lives on a thread of its own behind a bounded mailbox. The thread takes everything that waits, sends it
/// in one go, reads the replies and resumes the callers, so concurrent callers share round trips without knowing of each
/// other. Commands of one submission stay together and in order; submissions of one caller, awaited one after the other,
/// are in order.
///
/// A lost connection is made again with growing, jittered pauses. What was sent and not replied to fails as
/// `outcomeUnknown`; what was not sent waits for the new connection until its deadline and then fails as `notSent`.
/// Cancelling a waiting task doesn't call its command back.
///
/// The driver's threads block SIGPIPE and write with `MSG_NOSIGNAL`; a program should still ignore SIGPIPE first thing in
/// `main`, for its other descriptors. Looking up a host name blocks the client's thread, not Swift's; while it lasts,
/// ``close()`` waits for it.
public final class RedisClient: Sendable {
    /// What the client was made with.
    public let configuration: RedisConfiguration
    private let mailbox: BoundedMailbox<Submission>
    private let control = ClientControl()
    private let connectionStates = ConnectionStates()
    private let closeGrace = Duration.seconds(1)

    /// Makes a client, which begins to connect at once.
    public init(_ configuration: RedisConfiguration) {
        self.configuration = configuration
        let mailbox = BoundedMailbox<Submission>(capacity: configuration.queueCapacity, name: "\(configuration)")
        self.mailbox = mailbox
        // The thread holds all that it uses, but not the client: a client that is forgotten closes itself.
        _ = DedicatedThread(name: "redis") { [control, connectionStates] in
            RedisWorker(configuration: configuration, mailbox: mailbox, control: control, states: connectionStates)
                .run()
        }
    }

    deinit { close() }

    /// Whether there is a connection, now.
    public var state: RedisConnectionState { connectionStates.current }

    /// How often a connection was made; it changes when one was lost and made again.
    public var connectionCount: Int { connectionStates.lastEpoch }

    /// The state now, then each change, until the client is closed.
    public func states() -> AsyncStream<RedisConnectionState> { connectionStates.stream() }

    /// Waits for the first connection.
    ///
    /// - Returns: what the server said of itself; look at ``RedisServerFacts/warning``.
    /// - Throws: `authenticationFailed`, `clusterUnsupported`, `invalidConfiguration`, or `notSent` after the queue timeout.
    @discardableResult
    public func connect() async throws(RedisError) -> RedisServerFacts {
        try await ping()
        if case .connected(_, let facts) = state { return facts }
        return RedisServerFacts()
    }

    /// Sends a batch and waits for all its replies. The cheapest way to send many commands.
    ///
    /// - Parameters:
    ///   - batch: goes over the wire contiguously.
    ///   - queueTimeout: how long it may wait for a connection; nil for the configuration's.
    nonisolated(nonsending)
        public func submit(_ batch: RedisBatch, queueTimeout: Duration? = nil) async -> RedisReplies
    {
        await submit(batch, queueTimeout: queueTimeout, blocking: .zero, cancellation: nil)
    }

    /// Sends one command.
    ///
    /// - Returns: the reply.
    /// - Throws: the server's error, or why there is no reply.
    nonisolated(nonsending)
        public func send(_ command: RedisCommand) async throws(RedisError) -> RedisValue
    {
        try await submit(command.batch).single()
    }

    /// Sends commands in one go.
    ///
    /// - Returns: the outcome of each.
    public func pipeline(_ commands: [RedisCommand]) async -> [RedisOutcome] {
        var batch = RedisBatch()
        for command in commands { batch.append(command) }
        return await submit(batch).outcomes()
    }

    /// Sends commands as one transaction.
    ///
    /// - Returns: the outcome of each; commands that failed when they were executed are errors among them.
    /// - Throws: if the transaction had no effect, or its outcome is unknown.
    public func transaction(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisOutcome] {
        var batch = RedisBatch()
        batch.beginTransaction()
        for command in commands { batch.append(command) }
        batch.endTransaction()
        return try await submit(batch).transaction(endingAt: commands.count + 1).map(\.outcome)
    }

    /// Closes the client, at once and for good. What is queued may still be finished for 1 s; then everything fails.
    public func close() {
        // In this order: the thread takes what waits for the last time once it sees that it shall end, so that nothing may
        // come after that. Whoever sent in between would wait for ever.
        mailbox.close()
        control.close(grace: closeGrace)
    }

    /// Closes the client and waits for its thread to end, which takes up to 2 s.
    public func closeAndWait() async {
        close()
        await control.waitForEnd()
    }

    /// Gives up the submission that carries a mark, if it is being replied to.
    func cancel(_ mark: CancellationMark) {
        mark.set()
        control.interrupt()
    }

    /// Sends a batch.
    ///
    /// - Parameters:
    ///   - blocking: how long the server may block before it replies.
    ///   - cancellation: marks a blocking read, which close and ``cancel(_:)`` cut off.
    nonisolated(nonsending)
        func submit(
            _ batch: RedisBatch, queueTimeout: Duration?, blocking: Duration, cancellation: CancellationMark?
        ) async -> RedisReplies
    {
        guard !batch.isEmpty else {
            return RedisReplies(tape: .empty, count: 0, expectedCount: 0, failure: nil)
        }
        let deadline = MonotonicClock.nanoseconds() + (queueTimeout ?? configuration.queueTimeout).nanoseconds
        let replyTimeout = (configuration.commandTimeout + blocking).nanoseconds
        return await withCheckedContinuation { continuation in
            let submission = Submission(
                bytes: batch.bytes, replyCount: batch.count, deadline: deadline, replyTimeout: replyTimeout,
                cancellation: cancellation, continuation: continuation)
            do throws(MailboxError) {
                try mailbox.send(submission)
            } catch {
                switch error {
                case .closed: submission.fail(RedisError(.closed, "The client is closed."))
                case .full:
                    submission.fail(
                        RedisError(
                            .overloaded,
                            "\(configuration.queueCapacity) submissions wait for \(configuration) already. Send less at a "
                                + "time, or raise queueCapacity."))
                }
            }
        }
    }
}
