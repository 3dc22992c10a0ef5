import Synchronization

/// A Lua script that runs inside the server, as one step.
public final class RedisScript: Sendable {
    /// The text of the script.
    public let source: String
    private let knownHash = Mutex<String?>(nil)

    /// A script from its text.
    public init(_ source: String) { self.source = source }

    /// The hash under which a server has learnt it; nil if none has.
    var hash: String? { knownHash.withLock { $0 } }

    func remember(_ hash: String) { knownHash.withLock { $0 = hash } }
}
