import JSONTools
import Logging
import TaskTransport

/// Hears what other orchestrators commit, while somebody watches: they announce it on Redis.
struct FeedEar: Sendable {
    /// How often it is looked whether anybody still watches.
    static let interval: Swift.Duration = .seconds(5)

    let feed: LiveFeed
    let bus: any TaskBus
    let logger: Logger

    /// Runs until cancelled. Without watchers there is no connection.
    func run() async {
        for await _ in feed.beginnings {
            while feed.isWatched, !Task.isCancelled { await listenWhileWatched() }
        }
    }

    private func listenWhileWatched() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await bus.hearAnnouncements { event in
                    switch event {
                    case .listening: feed.setHearing(true)
                    case .deaf: feed.setHearing(false)
                    case .message(let bytes): take(bytes)
                    }
                }
            }
            group.addTask {
                while feed.isWatched {
                    do {
                        try await Task.sleep(for: Self.interval)
                    } catch {
                        return
                    }
                }
            }
            // If the bus knows no announcements, the second goes on: the record is asked more often then.
            await group.next()
            if feed.isWatched, !Task.isCancelled { await group.next() }
            group.cancelAll()
        }
        feed.setHearing(false)
    }

    private func take(_ bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 64 << 20)),
            let list = value.arrayValue
        else {
            // Somebody else's message on this channel: it says nothing about workflows, and the record is looked into.
            logger.debug("a message on workflow:events is no list of events")
            return
        }
        feed.heard(
            list.compactMap { event in
                guard let id = event["workflow_id"]?.stringValue.flatMap({ UniqueID($0) }),
                    let sequence = event["seq"]?.intValue
                else { return nil }
                return (workflowID: id, sequence: Int64(sequence))
            })
    }
}
