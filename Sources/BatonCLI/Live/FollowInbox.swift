import Synchronization

/// What was heard about a workflow since one looked last. Whoever hears something puts it here and knocks; several knocks
/// before the next look are one.
final class FollowInbox: Sendable {
    struct News: Sendable {
        /// Something happened to the workflow.
        var hasEvents = false
        /// The newest lines of the log, not more than are shown.
        var lines: [LogLine] = []
        /// The signals that came, each once.
        var signals: Set<Int32> = []
    }

    /// One element for any number of knocks.
    let knocks: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let news = Mutex(News())

    init() {
        (knocks, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Puts something into it.
    func put(_ change: @Sendable (inout News) -> Void) {
        news.withLock { change(&$0) }
        continuation.yield()
    }

    /// Puts a line of the log into it; old ones give way.
    func put(_ line: LogLine) {
        put { news in
            news.lines.append(line)
            if news.lines.count > LiveScreen.logLines { news.lines.removeFirst() }
        }
    }

    /// Only wakes who looks.
    func knock() { continuation.yield() }

    /// Takes what there is.
    func take() -> News {
        news.withLock { news in
            defer { news = News() }
            return news
        }
    }
}
