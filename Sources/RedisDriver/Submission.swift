import Synchronization

/// A batch on its way, and the caller who waits for it.
struct Submission: Sendable {
    var bytes: [UInt8]
    var replyCount: Int
    /// If it is not sent by then, it fails; nanoseconds of the monotonic clock.
    var deadline: UInt64
    /// How long the server may take from one reply to the next, in nanoseconds.
    var replyTimeout: UInt64
    /// Set by the caller who doesn't want the replies any more; only for blocking reads.
    var cancellation: CancellationMark?
    var continuation: CheckedContinuation<RedisReplies, Never>

    var isCancelled: Bool { cancellation?.isSet ?? false }

    func fail(_ error: RedisError) {
        continuation.resume(returning: .failed(error, expectedCount: replyCount))
    }
}

/// Set once, from any thread.
final class CancellationMark: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
