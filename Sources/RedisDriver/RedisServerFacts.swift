/// What a server said of itself when the connection was made. A user whose ACL forbids `INFO` learns nothing.
public struct RedisServerFacts: Sendable, Hashable {
    /// For example `7.0.15`.
    public var version: String?
    /// Drawn by the server at each start.
    public var runID: String?
    /// What the server does at its memory limit: `noeviction`, `allkeys-lru`, ….
    public var memoryPolicy: String?

    /// Nothing is known.
    public init() {}

    /// Why this server, as it is configured, may lose what Baton keeps on it; nil if it may not, or isn't known to.
    public var warning: String? {
        guard let memoryPolicy, memoryPolicy != "noeviction" else { return nil }
        return "Redis runs with maxmemory-policy \(memoryPolicy), which lets it drop keys at its memory limit. "
            + "Set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf)."
    }
}

/// The state of a connection.
public enum RedisConnectionState: Sendable, Hashable {
    /// The first attempt to connect is under way.
    case connecting
    /// Connected for the `epoch`-th time, counted from 1.
    case connected(epoch: Int, server: RedisServerFacts)
    /// Not connected; it is tried again with growing pauses.
    case disconnected(RedisError)
    /// Closed for good.
    case closed
}
