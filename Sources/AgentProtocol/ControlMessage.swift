import JSONTools

/// What the orchestrator says to the agents of a type on `agent:{type}:control`.
public enum ControlMessage: Sendable, Hashable {
    /// An agent was heard; what it must stop, what it need no longer hold.
    case heartbeatAck(HeartbeatAcknowledgement)
    /// An attempt is to be stopped at once.
    case cancel(CancelMessage)
    /// An agent is to take no more tasks.
    case drain(DrainMessage)
    /// An agent is to log from another level on.
    case logLevel(LogLevelMessage)

    /// The names of the kinds on the wire.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// ``ControlMessage/heartbeatAck(_:)``
        case heartbeatAck = "heartbeat_ack"
        /// ``ControlMessage/cancel(_:)``
        case cancel
        /// ``ControlMessage/drain(_:)``
        case drain
        /// ``ControlMessage/logLevel(_:)``
        case logLevel = "log_level"
    }

    /// What kind of message this is.
    public var kind: Kind {
        switch self {
        case .heartbeatAck: .heartbeatAck
        case .cancel: .cancel
        case .drain: .drain
        case .logLevel: .logLevel
        }
    }

    /// The agent that is spoken to; nil speaks to all of the type.
    public var agentID: String? {
        switch self {
        case .heartbeatAck(let message): message.agentID
        case .cancel(let message): message.agentID
        case .drain(let message): message.agentID
        case .logLevel(let message): message.agentID
        }
    }

    /// Whether an agent has to heed this.
    public func concerns(_ agent: String) -> Bool { agentID == nil || agentID == agent }

    /// Decodes and validates a message.
    /// - Throws: ``ProtocolError``, with code `UNKNOWN_KIND` for kinds that a later minor version may have added.
    public init(decoding bytes: [UInt8]) throws(ProtocolError) {
        var fields = try FieldReader.parse(bytes)
        try fields.version("version")
        let name = try fields.shortText("kind")
        guard let kind = Kind(rawValue: name) else {
            throw fields.unknownKind(name, known: Kind.allCases.map(\.rawValue))
        }
        switch kind {
        case .heartbeatAck: self = .heartbeatAck(try HeartbeatAcknowledgement(fields: &fields))
        case .cancel: self = .cancel(try CancelMessage(fields: &fields))
        case .drain: self = .drain(try DrainMessage(fields: &fields))
        case .logLevel: self = .logLevel(try LogLevelMessage(fields: &fields))
        }
    }

    /// The JSON text.
    public func encoded() -> [UInt8] {
        switch self {
        case .heartbeatAck(let message): message.wireBytes(capacity: 512)
        case .cancel(let message): message.wireBytes(capacity: 320)
        case .drain(let message): message.wireBytes(capacity: 256)
        case .logLevel(let message): message.wireBytes(capacity: 256)
        }
    }
}
