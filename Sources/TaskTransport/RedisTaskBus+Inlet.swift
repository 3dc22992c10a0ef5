import AgentProtocol
import JSONTools
import RedisDriver

extension RedisTaskBus {
    /// How long a message on the channel counts as the same one. Every orchestrator hears it within that time.
    private static let sameMessageMilliseconds = 2_000

    /// Puts a message onto the stream unless another orchestrator just did.
    private static let takeIn = RedisScript(
        """
        if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then
            return redis.call('XADD', KEYS[2], '*', 'envelope', ARGV[2], 'task_id', ARGV[3], 'attempt', ARGV[4])
        end
        return false
        """)

    /// See ``TaskBus/runInlet()``.
    public func runInlet() async {
        let subscriber = RedisSubscriber(configuration, channels: [names.results])
        await withTaskCancellationHandler {
            // When the bus is closed, the states end and with them the subscription.
            async let closing: Void = closeWithBus(subscriber)
            for await event in subscriber.events {
                switch event {
                case .message(_, let payload): await takeIn(payload)
                case .subscribed, .dropped, .interrupted:
                    // The channel is a convenience that promises nothing (decision 3); the stream does.
                    continue
                }
            }
            await closing
        } onCancel: {
            subscriber.close()
        }
        await subscriber.closeAndWait()
    }

    private func closeWithBus(_ subscriber: RedisSubscriber) async {
        for await _ in client.states() {}
        subscriber.close()
    }

    private func takeIn(_ message: [UInt8]) async {
        var taskID = ""
        var attempt = ""
        do throws(ProtocolError) {
            let result = try TaskResult(decoding: message)
            taskID = result.taskID.description
            attempt = String(result.attempt)
        } catch {
            // It goes onto the stream as it is and becomes a dead letter there, where that is recorded.
        }
        do throws(RedisError) {
            _ = try await client.run(
                Self.takeIn, keys: [names.inlet(sha256: SHA256Digest.hex(of: message)), names.results],
                arguments: [
                    Array(String(Self.sameMessageMilliseconds).utf8), message, Array(taskID.utf8),
                    Array(attempt.utf8),
                ])
        } catch {
            // Redis went away between the message and now: the message is lost like one that nobody heard.
        }
    }
}
