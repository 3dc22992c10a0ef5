import Synchronization

/// Runs something until it has gone well once; others wait meanwhile.
final class OnceThrowing: Sendable {
    private let isDone = Mutex(false)

    func run<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        try isDone.withLock { isDone throws(Failure) in
            guard !isDone else { return }
            try body()
            isDone = true
        }
    }
}
