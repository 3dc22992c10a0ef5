package import JSONTools
import Synchronization
package import WorkflowCore

/// A database in memory that sessions and stores share, behind the protocols of the real one.
package final class InMemoryStore: Sendable {
    private struct Content {
        var record = InMemoryRecord()
        var sessions = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let content = Mutex(Content())
    private let now: @Sendable () -> Timestamp

    /// An empty database with a clock.
    package init(now: @escaping @Sendable () -> Timestamp = { .now() }) { self.now = now }

    /// The rows as they are now.
    package var record: InMemoryRecord { content.withLock { $0.record } }

    /// A session for an Advancer.
    package func session() -> InMemoryBatchSession {
        let number = content.withLock { content in
            content.sessions += 1
            return content.sessions
        }
        return InMemoryBatchSession(store: self, number: number)
    }

    /// Looks at or changes the rows, at the time of the clock; whoever waits for a lock looks again.
    package func change<Answer>(
        _ body: (inout InMemoryRecord, Timestamp) throws(BatchError) -> Answer
    ) throws(BatchError) -> Answer {
        let time = now()
        let (result, waiting) = content.withLock {
            content -> (Swift.Result<Answer, BatchError>, [CheckedContinuation<Void, Never>]) in
            var result: Swift.Result<Answer, BatchError>
            do throws(BatchError) {
                result = .success(try body(&content.record, time))
            } catch {
                result = .failure(error)
            }
            defer { content.waiting = [] }
            return (result, content.waiting)
        }
        for continuation in waiting { continuation.resume() }
        return try result.get()
    }

    /// Begins as soon as the rows are free.
    func begin(_ request: BatchRequest, session: Int) async -> BatchLoad {
        while true {
            let time = now()
            let began = content.withLock { content in content.record.begin(request, session: session, at: time) }
            if case .began(let load) = began { return load }
            await withCheckedContinuation { continuation in
                content.withLock { $0.waiting.append(continuation) }
            }
        }
    }
}

/// The Advancer's session with an ``InMemoryStore``.
package struct InMemoryBatchSession: BatchSession {
    let store: InMemoryStore
    let number: Int

    package func begin(_ request: BatchRequest) async throws(BatchError) -> BatchLoad {
        await store.begin(request, session: number)
    }

    package func outputs(_ keys: [OutputKey]) async throws(BatchError) -> [OutputKey: StageOutput] {
        store.record.stageOutputs(keys)
    }

    package func definitionBlob(hash: String) async throws(BatchError) -> [UInt8]? {
        store.record.blobs[hash]
    }

    package func commit(_ save: BatchSave) async throws(BatchError) -> CommitAnswer {
        try store.change { record, now throws(BatchError) in try record.commit(save, session: number, at: now) }
    }

    package func abandon() async {
        do throws(BatchError) {
            try store.change { record, _ in record.abandon(session: number) }
        } catch {
            preconditionFailure("giving locks up cannot fail: \(error)")
        }
    }

    package func wasCommitted(_ batchID: UniqueID) async throws(BatchError) -> Bool {
        try store.change { record, _ in record.wasCommitted(batchID) }
    }

    package func keep(_ letters: [DeadLetter]) async throws(BatchError) {
        try store.change { record, _ in record.keep(letters) }
    }

    package func isReachable() async -> Bool { true }

    package func close() async { await abandon() }
}

/// The sweeper's and the registry's view of an ``InMemoryStore``.
extension InMemoryStore: WatchStore {
    package func findings(_ question: WatchQuestion) async throws(BatchError) -> WatchFindings {
        try change { record, now in record.findings(question, at: now) }
    }

    package func openAttempts(taskIDs: [UniqueID]) async throws(BatchError) -> [OpenAttemptRow] {
        try change { record, now in record.openAttempts(taskIDs: taskIDs, at: now) }
    }

    package func allOpenAttempts(limit: Int) async throws(BatchError) -> [OpenAttemptRow] {
        try change { record, now in record.allOpenAttempts(limit: limit, at: now) }
    }

    package func openAttempts(boundTo agentIDs: [String]) async throws(BatchError) -> [OpenAttemptRow] {
        try change { record, now in record.openAttempts(boundTo: agentIDs, at: now) }
    }

    package func markPublished(_ sends: [PublishedSend]) async throws(BatchError) {
        try change { record, _ in record.markPublished(sends) }
    }

    package func refresh(_ summaries: [WorkflowSummary]) async throws(BatchError) {
        try change { record, now in record.refresh(summaries, at: now) }
    }

    package func register(_ agents: [AgentRegistration]) async throws(BatchError) {
        try change { record, now in record.register(agents, at: now) }
    }

    package func beat(_ heartbeats: [AgentBeat]) async throws(BatchError) -> BeatAnswer {
        try change { record, now in record.beat(heartbeats, at: now) }
    }

    package func retire(_ agentIDs: [String]) async throws(BatchError) {
        try change { record, now in record.retire(agentIDs, at: now) }
    }

    package func livingAgents(leaseMilliseconds: Int) async throws(BatchError) -> [String: String] {
        try change { record, now in record.livingAgents(leaseMilliseconds: leaseMilliseconds, at: now) }
    }

    package func goneAgents(among agentIDs: [String]) async throws(BatchError) -> Set<String> {
        try change { record, _ in record.goneAgents(among: agentIDs) }
    }

    package func keep(_ letters: [DeadLetter]) async throws(BatchError) {
        try change { record, _ in record.keep(letters) }
    }

    package func releaseQueued(agentType: String, count: Int, turn: Int) async throws(BatchError) -> [ResentTask] {
        try change { record, now in record.releaseQueued(agentType: agentType, count: count, turn: turn, at: now) }
    }

    package func loads(leaseMilliseconds: Int) async throws(BatchError) -> [AgentTypeLoad] {
        try change { record, now in record.loads(leaseMilliseconds: leaseMilliseconds, at: now) }
    }

    package func evidence(of workflowIDs: [UniqueID]) async throws(BatchError) -> [WorkflowEvidence] {
        try change { record, _ in record.evidence(of: workflowIDs) }
    }

    package func append(_ lines: [LogRow]) async throws(BatchError) {
        try change { record, _ in record.append(lines) }
    }
}
