import Logging
import PostgresDriver
import Synchronization
import WorkflowStorage

/// Writes down who did what, so that nothing is done of which nothing is written.
///
/// What is done to a workflow is recorded with who did it in the transaction that does it, in the workflow's own trail;
/// here its entry follows, and what many do at the same moment goes to the record together. Of all else the entry is
/// there before it is done (``begin(_:)``), and is completed afterwards. While entries can't be written nothing is begun.
final class AuditTrail: Sendable {
    /// What workflows have in their own trails.
    static let inWorkflows: Set<String> = [
        AuditQuery.commonAction, "pauseWorkflow", "resumeWorkflow", "cancelWorkflow", "retryWorkflow", "answerWorkflow",
    ]
    /// Most entries that wait while the record is away. Those of requests that were under way when it went; what comes
    /// beyond stands in the log only.
    static let capacity = 10_000
    /// Most entries that are written together.
    static let batch = 500
    /// How long it takes until entries that the record did not take are tried again.
    static let pause: Swift.Duration = .milliseconds(500)

    private struct Waiting {
        var entry: AuditEntry
        var continuation: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
        /// Whether the record did not take the last entries.
        var isFailing = false
    }

    private let store: PostgresReadStore
    private let logger: Logger
    private let state = Mutex(State())

    init(store: PostgresReadStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    // MARK: What has no trail but this

    /// Writes that something is begun, before it is.
    ///
    /// - Returns: the entry's number, for ``end(_:as:)`` or ``withdraw(_:)``.
    /// - Throws: 503 if it can't be written; then it may not be done.
    func begin(_ entry: AuditEntry) async throws(Problem) -> Int64 {
        var entry = entry
        entry.status = AuditEntry.begun
        do throws(PostgresError) {
            return try await store.record(entry)
        } catch {
            logger.error("the audit trail can't be written", metadata: ["entry": "\(entry)", "error": "\(error)"])
            throw error.code == .poolFull ? .busy() : Self.unwritable
        }
    }

    /// Writes how it ended. If that can't be written, the entry goes on saying that it was begun.
    func end(_ id: Int64, as entry: AuditEntry) async {
        do throws(PostgresError) {
            try await store.complete(id, as: entry)
        } catch {
            logger.error(
                "an entry of the audit trail can't be completed",
                metadata: ["id": "\(id)", "entry": "\(entry)", "error": "\(error)"])
        }
    }

    /// Takes an entry back, because nothing was done. If that can't be written, it goes on saying that it was begun.
    func withdraw(_ id: Int64) async {
        do throws(PostgresError) {
            try await store.withdraw(id)
        } catch {
            logger.error(
                "an entry of the audit trail can't be taken back", metadata: ["id": "\(id)", "error": "\(error)"])
        }
    }

    // MARK: What workflows have in their own trails, and what was refused

    /// - Throws: 503 while entries wait because the record doesn't take them.
    func requireWritable() throws(Problem) {
        if state.withLock({ $0.isFailing }) { throw Self.unwritable }
    }

    private static var unwritable: Problem {
        .unavailable("the audit trail can't be written, and what isn't written there isn't done")
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
                state.withLock { $0.isFailing = false }
                for one in batch { one.continuation?.resume() }
            } catch {
                logger.error(
                    "the audit trail can't be written; trying again",
                    metadata: ["entries": "\(batch.map(\.entry))", "error": "\(error)"])
                state.withLock {
                    $0.isFailing = true
                    $0.waiting = batch.map { Waiting(entry: $0.entry) } + $0.waiting
                }
                // Nobody waits for a record that is away: what was done is done, and stands in the workflow's trail.
                for one in batch { one.continuation?.resume() }
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
