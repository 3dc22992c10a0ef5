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
    public var factsOf: [UniqueID]
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
    public var tenant: String
    public var key: String

    /// A tenant's key.
    public init(tenant: String, key: String) {
        self.tenant = tenant
        self.key = key
    }
}

/// A key that was used before.
public struct KnownKey: Sendable, Hashable {
    public var key: IdempotencyKey
    public var workflowID: UniqueID
    public var bodyHash: String?
}

/// An attempt that is sent again: its new mark, and what its row holds.
public struct ResentTask: Sendable {
    public var workflowID: UniqueID
    public var reference: AttemptReference
    public var agentType: String
    public var priority: WorkflowPriority
    public var payload: [UInt8]
}

/// What a commit found in the rows that it changed.
public struct CommitAnswer: Sendable {
    /// Attempts that were sent again, with what has to be sent.
    public var resent: [ResentTask] = []
    /// Entries of attempts that ended without their agent's word: whoever closes an attempt removes its entry.
    public var left: [LeftEntry] = []

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

/// A message that could not be taken, kept for people.
public struct DeadLetter: Sendable {
    /// What kind of thing is kept.
    public enum Kind: String, Sendable {
        case message, task
    }

    public var kind: Kind
    /// The stream or channel it came from.
    public var source: String
    /// A code: `INVALID_JSON`, `UNKNOWN_WORKFLOW`, …
    public var cause: String
    public var detail: String
    public var bytes: [UInt8]
    public var workflowID: UniqueID?

    /// The most bytes that are kept of a message.
    public static let bytesLimit = 64 * 1024

    /// A dead letter; longer bytes are cut at ``bytesLimit``.
    public init(kind: Kind, source: String, cause: String, detail: String, bytes: [UInt8], workflowID: UniqueID? = nil) {
        self.kind = kind
        self.source = source
        self.cause = cause
        self.detail = detail
        self.bytes = bytes.count > Self.bytesLimit ? Array(bytes[..<Self.bytesLimit]) : bytes
        self.workflowID = workflowID
    }
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
