import JSONTools

/// The bounds within which an attempt has to stay.
public struct TaskConstraints: Sendable, Hashable {
    /// How long the attempt may run once it is bound to an agent, in milliseconds, from 1.
    public var timeoutMilliseconds: Int
    /// How many attempts the task has in all, from 1.
    public var maxAttempts: Int
    /// How often the agent sends a heartbeat, in milliseconds.
    public var heartbeatMilliseconds: Int
    /// After how long a silence the attempt counts as lost, in milliseconds.
    public var leaseMilliseconds: Int
    /// How many tokens of models the attempt may use; nil for no limit.
    public var tokenBudget: Int?
    /// The confidence, 0 to 1, below which the stage doesn't take the result; nil if it doesn't ask.
    public var requiredConfidence: Double?

    /// - Parameters:
    ///   - timeoutMilliseconds: how long the attempt may run, in milliseconds.
    ///   - maxAttempts: how many attempts the task has in all.
    ///   - heartbeatMilliseconds: how often the agent sends a heartbeat, in milliseconds.
    ///   - leaseMilliseconds: after how long a silence the attempt counts as lost, in milliseconds.
    ///   - tokenBudget: how many tokens of models the attempt may use.
    ///   - requiredConfidence: the confidence, 0 to 1, below which the stage doesn't take the result.
    public init(
        timeoutMilliseconds: Int = 600_000, maxAttempts: Int = 3, heartbeatMilliseconds: Int = 5000,
        leaseMilliseconds: Int = 15_000, tokenBudget: Int? = nil, requiredConfidence: Double? = nil
    ) {
        self.timeoutMilliseconds = timeoutMilliseconds
        self.maxAttempts = maxAttempts
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        self.tokenBudget = tokenBudget
        self.requiredConfidence = requiredConfidence
    }
}

extension TaskConstraints: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        let milliseconds = 1...ProtocolLimits.milliseconds
        self.init(
            timeoutMilliseconds: try fields.integer("timeout_ms", in: milliseconds),
            maxAttempts: try fields.integer("max_attempts", in: 1...ProtocolLimits.counter),
            heartbeatMilliseconds: try fields.integer("heartbeat_ms", in: milliseconds),
            leaseMilliseconds: try fields.integer("lease_ms", in: milliseconds),
            tokenBudget: try fields.optionalInteger("token_budget", in: 0...ProtocolLimits.quantity),
            requiredConfidence: try fields.optionalNumber("required_confidence", in: 0...1))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("timeout_ms", timeoutMilliseconds)
        writer.field("max_attempts", maxAttempts)
        writer.field("heartbeat_ms", heartbeatMilliseconds)
        writer.field("lease_ms", leaseMilliseconds)
        writer.field("token_budget", tokenBudget)
        writer.field("required_confidence", requiredConfidence)
        writer.endObject()
    }
}
