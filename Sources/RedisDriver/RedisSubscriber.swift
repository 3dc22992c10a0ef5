import BlockingIO

/// What a subscription brings.
public enum RedisSubscriptionEvent: Sendable, Hashable {
    /// All channels are subscribed to, for the `epoch`-th time. From the second on, messages may have been missed before.
    case subscribed(epoch: Int)
    /// A message on a channel.
    case message(channel: String, payload: [UInt8])
    /// So many messages were dropped because they were not taken out in time.
    case dropped(count: Int)
    /// The connection was lost, or could not be made; it is tried again.
    case interrupted(RedisError)
}

/// Listens to channels, on a connection and a thread of its own.
///
/// Publish and subscribe promises nothing: what is sent while the connection is down is missed. Events wait in a buffer
/// for the one consumer of ``events``; when it is full, newer messages are dropped and counted.
public final class RedisSubscriber: Sendable {
    /// What comes, in order; ends when the subscriber is closed. For one consumer.
    public let events: AsyncStream<RedisSubscriptionEvent>
    private let control = ClientControl()

    /// Begins to connect and to listen.
    ///
    /// - Parameters:
    ///   - configuration: the server.
    ///   - channels: names of channels.
    ///   - patterns: glob-like patterns of names.
    ///   - bufferLimit: how many events may wait to be taken out.
    public init(
        _ configuration: RedisConfiguration, channels: [String], patterns: [String] = [], bufferLimit: Int = 10_000
    ) {
        precondition(!channels.isEmpty || !patterns.isEmpty, "There is nothing to subscribe to.")
        let (stream, continuation) = AsyncStream.makeStream(
            of: RedisSubscriptionEvent.self, bufferingPolicy: .bufferingOldest(bufferLimit))
        events = stream
        _ = DedicatedThread(name: "redis-subscribe") { [control] in
            SubscriberWorker(
                configuration: configuration, channels: channels, patterns: patterns, control: control,
                continuation: continuation
            ).run()
        }
    }

    deinit { close() }

    /// Stops listening, at once and for good.
    public func close() { control.close(grace: .zero) }

    /// Stops listening and waits for the thread to end, which takes less than 2 s.
    public func closeAndWait() async {
        close()
        await control.waitForEnd()
    }
}
