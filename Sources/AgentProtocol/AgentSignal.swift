public import JSONTools

/// What an agent says about itself on `agent:signals`.
public enum AgentSignal: Sendable, Hashable {
    /// It is there, and this is what it can do.
    case register(RegisterSignal)
    /// It lives, and this is what it runs.
    case heartbeat(HeartbeatSignal)
    /// It has begun an attempt (said of attempts that outlive 250 ms; a result implies it).
    case started(StartedSignal)
    /// It asks whether it may begin the irreversible part of an attempt.
    case grantRequest(GrantRequestSignal)
    /// It took a task entry that it cannot decode.
    case rejected(RejectedSignal)
    /// It leaves.
    case goodbye(GoodbyeSignal)

    /// The names of the kinds on the wire.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// ``AgentSignal/register(_:)``
        case register
        /// ``AgentSignal/heartbeat(_:)``
        case heartbeat
        /// ``AgentSignal/started(_:)``
        case started
        /// ``AgentSignal/grantRequest(_:)``
        case grantRequest = "grant_request"
        /// ``AgentSignal/rejected(_:)``
        case rejected
        /// ``AgentSignal/goodbye(_:)``
        case goodbye
    }

    /// What kind of signal this is.
    public var kind: Kind {
        switch self {
        case .register: .register
        case .heartbeat: .heartbeat
        case .started: .started
        case .grantRequest: .grantRequest
        case .rejected: .rejected
        case .goodbye: .goodbye
        }
    }

    /// Who says it.
    public var agentID: String {
        switch self {
        case .register(let signal): signal.agentID
        case .heartbeat(let signal): signal.agentID
        case .started(let signal): signal.agentID
        case .grantRequest(let signal): signal.agentID
        case .rejected(let signal): signal.agentID
        case .goodbye(let signal): signal.agentID
        }
    }

    /// When, by the agent's clock; never used for deadlines.
    public var sentAt: Timestamp {
        switch self {
        case .register(let signal): signal.sentAt
        case .heartbeat(let signal): signal.sentAt
        case .started(let signal): signal.sentAt
        case .grantRequest(let signal): signal.sentAt
        case .rejected(let signal): signal.sentAt
        case .goodbye(let signal): signal.sentAt
        }
    }

    /// Decodes and validates a signal.
    /// - Throws: ``ProtocolError``, with code `UNKNOWN_KIND` for kinds that a later minor version may have added.
    public init(decoding bytes: [UInt8]) throws(ProtocolError) {
        var fields = try FieldReader.parse(bytes)
        try fields.version("version")
        let name = try fields.shortText("kind")
        guard let kind = Kind(rawValue: name) else {
            throw fields.unknownKind(name, known: Kind.allCases.map(\.rawValue))
        }
        switch kind {
        case .register: self = .register(try RegisterSignal(fields: &fields))
        case .heartbeat: self = .heartbeat(try HeartbeatSignal(fields: &fields))
        case .started: self = .started(try StartedSignal(fields: &fields))
        case .grantRequest: self = .grantRequest(try GrantRequestSignal(fields: &fields))
        case .rejected: self = .rejected(try RejectedSignal(fields: &fields))
        case .goodbye: self = .goodbye(try GoodbyeSignal(fields: &fields))
        }
    }

    /// The JSON text.
    public func encoded() -> [UInt8] {
        switch self {
        case .register(let signal): signal.wireBytes(capacity: 1024)
        case .heartbeat(let signal): signal.wireBytes(capacity: 512)
        case .started(let signal): signal.wireBytes(capacity: 320)
        case .grantRequest(let signal): signal.wireBytes(capacity: 320)
        case .rejected(let signal): signal.wireBytes(capacity: 512)
        case .goodbye(let signal): signal.wireBytes(capacity: 256)
        }
    }
}
