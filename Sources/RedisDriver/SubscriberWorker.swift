import BlockingIO

/// The thread behind a subscriber. All its state belongs to its thread.
final class SubscriberWorker {
    private let configuration: RedisConfiguration
    private let channels: [String]
    private let patterns: [String]
    private let control: ClientControl
    private let continuation: AsyncStream<RedisSubscriptionEvent>.Continuation
    private var backoff: ReconnectBackoff
    private var random = SystemRandomNumberGenerator()
    private var epoch = 0
    /// Messages dropped since the consumer was last told.
    private var dropped = 0

    init(
        configuration: RedisConfiguration, channels: [String], patterns: [String], control: ClientControl,
        continuation: AsyncStream<RedisSubscriptionEvent>.Continuation
    ) {
        self.configuration = configuration
        self.channels = channels
        self.patterns = patterns
        self.control = control
        self.continuation = continuation
        backoff = ReconnectBackoff(maximum: configuration.maximumReconnectPause)
    }

    /// Listens until the subscriber is closed.
    func run() {
        while control.closeDeadline == nil {
            do throws(RedisError) {
                let connection = try connect()
                try listen(on: connection)
            } catch {
                guard control.closeDeadline == nil else { break }
                yield(.interrupted(error))
                let end = MonotonicClock.nanoseconds() + backoff.pause(using: &random)
                while control.closeDeadline == nil, MonotonicClock.nanoseconds() < end {
                    _ = RedisConnection.wait(or: control.descriptor, until: end)
                }
            }
        }
        continuation.finish()
        control.end()
    }

    private func connect() throws(RedisError) -> RedisConnection {
        let end = MonotonicClock.nanoseconds() + configuration.connectTimeout.nanoseconds
        let connection = try RedisConnection.open(configuration, control: control, until: end).connection
        var batch = RedisBatch()
        if !channels.isEmpty {
            batch.command("SUBSCRIBE", argumentCount: channels.count)
            for channel in channels { batch.add(channel) }
        }
        if !patterns.isEmpty {
            batch.command("PSUBSCRIBE", argumentCount: patterns.count)
            for pattern in patterns { batch.add(pattern) }
        }
        try connection.writeAll(batch, control: control, until: end)
        return connection
    }

    private func listen(on connection: RedisConnection) throws(RedisError) {
        var missing = channels.count + patterns.count
        let end = MonotonicClock.nanoseconds() + configuration.commandTimeout.nanoseconds
        while control.closeDeadline == nil {
            let ready = connection.wait(forRoom: false, or: control.descriptor, until: missing > 0 ? end : nil)
            if ready.isReadable {
                try connection.receive()
                while try connection.parser.parseReply() {
                    let values = RedisValues(tape: connection.parser.takeTape(), start: 0, count: 1)
                    if let reply = values[0] { try handle(reply, missing: &missing) }
                }
            } else if missing > 0, MonotonicClock.nanoseconds() >= end {
                throw RedisError(.unreachable, "\(configuration) did not confirm the subscription in time.")
            }
        }
    }

    private func handle(_ reply: RedisValue, missing: inout Int) throws(RedisError) {
        if let error = reply.error { throw error }
        let parts = reply.elements
        guard let kind = parts[0] else {
            throw RedisError(.unexpectedReply, "Expected a message of a channel, the server replied \(reply).")
        }
        if kind.equals("message"), let channel = parts[1]?.string, let payload = parts[2]?.bytes {
            yield(.message(channel: channel, payload: payload))
        } else if kind.equals("pmessage"), let channel = parts[2]?.string, let payload = parts[3]?.bytes {
            yield(.message(channel: channel, payload: payload))
        } else if kind.equals("subscribe") || kind.equals("psubscribe") {
            missing -= 1
            guard missing == 0 else { return }
            epoch += 1
            backoff.reset()
            yield(.subscribed(epoch: epoch))
        }
    }

    private func yield(_ event: RedisSubscriptionEvent) {
        if dropped > 0 {
            guard case .enqueued = continuation.yield(.dropped(count: dropped)) else {
                dropped += 1
                return
            }
            dropped = 0
        }
        if case .dropped = continuation.yield(event) { dropped += 1 }
    }
}
