public import JSONTools
import Synchronization

/// Hears of every workflow that changes. It costs the same whether it is read or not: it keeps no more than the ids.
public final class FeedListener: Sendable {
    /// Most workflows with news that are kept; who listens looks into the record now and then anyway.
    static let maxNews = 10_000

    /// Something comes when there are news. For one consumer; ends when it is stopped.
    public let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let news = Mutex<Set<UniqueID>>([])
    private let onStop: @Sendable () -> Void

    init(onStop: @escaping @Sendable () -> Void) {
        self.onStop = onStop
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The workflows that there are news of since the last call.
    public func take() -> Set<UniqueID> {
        news.withLock { news in
            defer { news = [] }
            return news
        }
    }

    /// Gives a signal though there are no news.
    public func wake() { signal.yield() }

    /// Stops listening.
    public func stop() {
        onStop()
        signal.finish()
    }

    func add(_ ids: Set<UniqueID>) {
        guard !ids.isEmpty else { return }
        news.withLock { news in
            if news.count + ids.count <= Self.maxNews { news.formUnion(ids) }
        }
        signal.yield()
    }
}
