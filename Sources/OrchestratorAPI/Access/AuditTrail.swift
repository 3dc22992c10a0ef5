import Logging
import PostgresDriver
import Synchronization
import WorkflowStorage

/// Writes down who did what. What many do at the same moment goes to the record together; each waits until it is there.
final class AuditTrail: Sendable {
    /// Most entries that wait while the record is away; what comes beyond stands in the log only.
    static let capacity = 10_000
    /// Most entries that are written together.
    static let batch = 500
    /// How long it takes until entries that the record did not take are tried again.
    static let pause: Swift.Duration = .seconds(2)

    private struct Waiting {
        var entry: AuditEntry
        var continuation: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
    }

    private let store: PostgresReadStore
    private let logger: Logger
    private let state = Mutex(State())

    init(store: PostgresReadStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Writes an entry; returns when it is in the record, or when the record is away and it waits for it.
    func write(_ entry: AuditEntry) async {
        await withCheckedContinuation { continuation in
            let (begins, isFull) = state.withLock { state -> (Bool, Bool) in
                guard state.waiting.count < Self.capacity else { return (false, true) }
                state.waiting.append(Waiting(entry: entry, continuation: continuation))
                defer { state.isWriting = true }
                return (!state.isWriting, false)
            }
            if isFull {
                logger.error("an entry of the audit trail is lost", metadata: ["entry": "\(entry)"])
                continuation.resume()
            }
            if begins { Task { await writeAll() } }
        }
    }

    private func writeAll() async {
        while true {
            let batch = state.withLock { state -> [Waiting] in
                let batch = Array(state.waiting.prefix(Self.batch))
                state.waiting.removeFirst(batch.count)
                if batch.isEmpty { state.isWriting = false }
                return batch
            }
            guard !batch.isEmpty else { return }
            do throws(PostgresError) {
                try await store.append(batch.map(\.entry))
                for one in batch { one.continuation?.resume() }
            } catch {
                logger.error(
                    "the audit trail can't be written; trying again",
                    metadata: ["entries": "\(batch.map(\.entry))", "error": "\(error)"])
                // Nobody waits for a record that is away: what was done is done.
                for one in batch { one.continuation?.resume() }
                state.withLock { $0.waiting = batch.map { Waiting(entry: $0.entry) } + $0.waiting }
                // Never cancelled: the task belongs to nobody.
                try? await Task.sleep(for: Self.pause)
            }
        }
    }
}

/// What a handler says about what it does, for the audit trail.
final class AuditNote: Sendable {
    private let value = Mutex<(target: String?, detail: String)>((nil, ""))

    /// What was done to, if it isn't what the path names.
    var target: String? {
        get { value.withLock { $0.target } }
        set { value.withLock { $0.target = newValue } }
    }

    /// What else is to be known, in few words.
    var detail: String {
        get { value.withLock { $0.detail } }
        set { value.withLock { $0.detail = newValue } }
    }
}
