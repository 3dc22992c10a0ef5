import JSONTools
import WorkflowCore
import WorkflowStorage

/// Submissions that share a transaction.
struct Batch: Sendable {
    let submissions: [Submission]
    /// Workflows that are to change, in the order in which they were first named.
    private(set) var order: [UniqueID] = []
    private(set) var byWorkflow: [UniqueID: [Submission]] = [:]
    private(set) var creations: [(creation: Creation, origin: Submission.Origin)] = []
    /// Whether to wait for workflows that other batches hold.
    private(set) var waits = false
    /// How often it was carried out in vain.
    var tries = 0
    /// When it was begun, in milliseconds of a monotonic clock.
    var begunAt: Int64 = 0

    init(_ submissions: [Submission]) {
        self.submissions = submissions
        byWorkflow.reserveCapacity(submissions.count)
        for submission in submissions {
            switch submission.body {
            case .create(let creation):
                creations.append((creation, submission.origin))
            case .event(_, let id):
                if byWorkflow[id] == nil { order.append(id) }
                byWorkflow[id, default: []].append(submission)
                waits = waits || submission.misses >= AdvancerCore.missLimit
            }
        }
    }

    /// Who waits for it.
    var callers: [ReplyToken] {
        submissions.compactMap { submission in
            if case .caller(let token) = submission.origin { token } else { nil }
        }
    }

    /// The batch without those that callers wait for.
    var withoutCallers: Batch {
        Batch(
            submissions.filter { submission in
                if case .caller = submission.origin { false } else { true }
            })
    }

    /// What the record has to lock and read.
    func request(factsOf unknown: [UniqueID]) -> BatchRequest {
        BatchRequest(
            workflows: order.sorted(), waits: waits, factsOf: unknown,
            keys: creations.compactMap { creation, _ in creation.keyOfTenant })
    }
}

/// A batch whose events are applied, or at least some of them.
struct ComputedBatch: Sendable {
    /// A workflow whose events read outputs that have to be fetched.
    struct Hungry: Sendable {
        var loaded: BatchComputation.Loaded
        var submissions: [Submission]
        var needs: Set<String>
    }

    let batch: Batch
    var computation: BatchComputation
    /// What another batch holds, and goes to the next one.
    var missed: [Submission] = []
    /// What waits for the next batch because this one records its idempotency key.
    var deferred: [Submission] = []
    var hungry: [Hungry] = []
    var fetched: [OutputKey: StageOutput] = [:]
    /// Queued tasks that are let go in its transaction.
    var releases: [SendWindow.Release] = []
    /// Whether its callers were told that the outcome is unknown.
    var areCallersTold = false
}

extension Creation {
    /// The key under which it may be repeated; nil if it has none.
    var keyOfTenant: IdempotencyKey? {
        idempotencyKey.map { IdempotencyKey(tenant: tenant, key: $0) }
    }
}
