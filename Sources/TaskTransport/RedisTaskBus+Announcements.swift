import AgentProtocol
import RedisDriver

extension RedisTaskBus {
    /// See ``TaskBus/hearAnnouncements(_:)``.
    public func hearAnnouncements(_ take: @escaping @Sendable (AnnouncementEvent) -> Void) async {
        let subscriber = RedisSubscriber(configuration, channels: [names.events], bufferLimit: 1_000)
        await withTaskCancellationHandler {
            for await event in subscriber.events {
                switch event {
                case .message(_, let payload): take(.message(payload))
                case .subscribed: take(.listening)
                case .interrupted: take(.deaf)
                case .dropped:
                    // Some were missed; the next are heard.
                    take(.deaf)
                    take(.listening)
                }
            }
        } onCancel: {
            subscriber.close()
        }
        await subscriber.closeAndWait()
    }
}
