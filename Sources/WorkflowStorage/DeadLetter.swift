public import JSONTools

/// A message that could not be taken, kept for people.
public struct DeadLetter: Sendable {
    /// What kind of thing is kept.
    public enum Kind: String, Sendable {
        case message, task
    }

    /// Whether it was a message to the orchestrator or a task for an agent.
    public var kind: Kind
    /// The stream or channel it came from.
    public var source: String
    /// A code: `INVALID_JSON`, `UNKNOWN_WORKFLOW`, …
    public var cause: String
    /// What was found, for people to read.
    public var detail: String
    /// The message as it came, cut at ``bytesLimit``.
    public var bytes: [UInt8]
    /// How long the message was before it was cut.
    public private(set) var originalSizeBytes: Int
    /// UUIDv7 of the workflow it is about; nil if that could not be told.
    public var workflowID: UniqueID?

    /// The most bytes that are kept of a message.
    public static let bytesLimit = 64 * 1024

    /// A dead letter; longer bytes are cut at ``bytesLimit``.
    public init(kind: Kind, source: String, cause: String, detail: String, bytes: [UInt8], workflowID: UniqueID? = nil)
    {
        self.kind = kind
        self.source = source
        self.cause = cause
        self.detail = detail
        self.bytes = bytes.count > Self.bytesLimit ? Array(bytes[..<Self.bytesLimit]) : bytes
        self.originalSizeBytes = bytes.count
        self.workflowID = workflowID
    }

    /// What kind of cause it was.
    public var causeClass: DeadLetterClass { DeadLetterClass(cause: cause) }
}

/// What kind of cause a message's letter has, in one word that lists can be filtered by.
public enum DeadLetterClass: String, Sendable, Hashable, CaseIterable {
    /// It could not be decoded, or breaks a rule of the protocol.
    case malformed
    /// It names a workflow or a task that isn't there.
    case unknown
    /// The record refuses what it holds.
    case refused
    /// Whoever took it died, again and again.
    case poison
    /// Anything else.
    case other

    private static let malformedPrefixes = ["INVALID_", "MISSING_", "PAYLOAD_", "TOO_", "UNSUPPORTED_", "WRONG_"]

    /// The class of a cause's code.
    public init(cause: String) {
        switch cause {
        case "REFUSED_BY_RECORD": self = .refused
        case "CLAIMED_TOO_OFTEN": self = .poison
        case _ where cause.hasPrefix("UNKNOWN_"): self = .unknown
        case "REJECTED_BY_AGENT": self = .malformed
        case _ where Self.malformedPrefixes.contains(where: cause.hasPrefix): self = .malformed
        default: self = .other
        }
    }
}
