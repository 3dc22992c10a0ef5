public import JSONTools
public import WorkflowCore

/// What the Advancer needs of the record: one transaction after the other on a connection of its own.
public protocol BatchSession: Sendable {
    /// Begins a transaction and locks the hot rows of some workflows.
    func begin(_ request: BatchRequest) async throws(BatchError) -> BatchLoad

    /// Reads outputs inside the transaction; those that don't exist are absent.
    func outputs(_ keys: [OutputKey]) async throws(BatchError) -> [OutputKey: StageOutput]

    /// Reads a definition's canonical form; nil if no such blob exists.
    func definitionBlob(hash: String) async throws(BatchError) -> [UInt8]?

    /// Writes and commits.
    ///
    /// - Returns: what the rows say that has to be done on the road.
    func commit(_ save: BatchSave) async throws(BatchError) -> CommitAnswer

    /// Ends a transaction without writing, if one is open.
    func abandon() async

    /// Whether a batch was committed, by its id.
    func wasCommitted(_ batchID: UniqueID) async throws(BatchError) -> Bool

    /// Keeps dead letters, in a transaction of their own.
    func keep(_ letters: [DeadLetter]) async throws(BatchError)

    /// Waits a while for the record; false when it is still away.
    func isReachable() async -> Bool

    /// Ends the session.
    func close() async
}

/// What a batch wants to lock and read.
public struct BatchRequest: Sendable {
    /// In ascending order, without doubles.
    public var workflows: [UniqueID]
    /// Whether to wait for rows that others hold, instead of passing them over.
    public var waits: Bool
    /// Workflows whose facts are wanted; those that don't exist are absent from the answer.
    public var factsOf: [UniqueID]
    /// Keys to look up: which of them were used before.
    public var keys: [IdempotencyKey]

    /// A request.
    public init(workflows: [UniqueID], waits: Bool, factsOf: [UniqueID], keys: [IdempotencyKey]) {
        self.workflows = workflows
        self.waits = waits
        self.factsOf = factsOf
        self.keys = keys
    }
}

/// A key under which a client may repeat a creation.
public struct IdempotencyKey: Sendable, Hashable {
    /// Whose key it is: the same key of two tenants means two things.
    public var tenant: String
    /// The `Idempotency-Key` as the client sent it.
    public var key: String

    /// A tenant's key.
    public init(tenant: String, key: String) {
        self.tenant = tenant
        self.key = key
    }
}

/// A key that was used before.
public struct KnownKey: Sendable, Hashable {
    /// The key that was used.
    public var key: IdempotencyKey
    /// UUIDv7 of the workflow that was created under it.
    public var workflowID: UniqueID
    /// SHA-256 of the body that it was used with; nil if none was noted.
    public var bodyHash: String?

    /// A key that was used.
    package init(key: IdempotencyKey, workflowID: UniqueID, bodyHash: String?) {
        self.key = key
        self.workflowID = workflowID
        self.bodyHash = bodyHash
    }
}

/// An attempt that is sent again: its new mark, and what its row holds.
public struct ResentTask: Sendable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// The attempt and the mark of the new send.
    public var reference: AttemptReference
    /// Type of the agents that may take it, which names the stream.
    public var agentType: String
    /// Lane of the stream.
    public var priority: WorkflowPriority
    /// The envelope's body: everything but the marks of one send.
    public var payload: [UInt8]

    /// An attempt that is sent.
    package init(
        workflowID: UniqueID, reference: AttemptReference, agentType: String, priority: WorkflowPriority,
        payload: [UInt8]
    ) {
        self.workflowID = workflowID
        self.reference = reference
        self.agentType = agentType
        self.priority = priority
        self.payload = payload
    }
}

/// What a commit found in the rows that it changed.
public struct CommitAnswer: Sendable {
    /// Attempts that were sent again, with what has to be sent.
    public var resent: [ResentTask] = []
    /// Entries of attempts that ended without their agent's word: whoever closes an attempt removes its entry.
    public var left: [LeftEntry] = []
    /// Attempts that were let go, in fair order: one list for each of ``BatchSave/releases``.
    public var released: [[ResentTask]] = []

    /// Nothing to do.
    public init() {}
}

/// The entry of a closed attempt that nobody will acknowledge.
public struct LeftEntry: Sendable {
    /// Whose stream it is on.
    public var agentType: String
    /// Which lane of it.
    public var priority: WorkflowPriority
    /// The entry.
    public var entryID: String
}

/// Why a batch was not carried out.
public enum BatchError: Error, Sendable, Hashable {
    /// Serialization failure, deadlock, a key taken meanwhile: the same batch may go through the next time.
    case repeatable(String)
    /// The database refuses the data (SQLSTATE classes 21, 22, 23, 54); no retry mends that.
    case refused(String)
    /// The database can't be reached; nothing was written.
    case away(String)
    /// The connection was lost with the commit in flight.
    case unknownOutcome(String)
}
