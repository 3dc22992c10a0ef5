import JSONTools

/// Who may do what on Redis: one user for each type of agent, which has its own task streams and may add to the streams
/// that orchestrators read, and one for orchestrators. `default` remains for people and for agents of one's own.
struct RedisAccess: Sendable {
    /// What every connection needs before it does anything.
    private static let greeting = "+auth +hello +ping +select +client|setname +client|id +info +time"

    /// The password of `default`; those of the others follow from it.
    var password: String
    /// Prefix of all names, such as `x:`; empty for none.
    var prefix: String

    /// Rights for a stack.
    ///
    /// - Parameter namespace: `BATON_NAMESPACE`.
    init(password: String, namespace: String?) {
        self.password = password
        prefix = namespace.map { $0.isEmpty ? "" : $0 + ":" } ?? ""
    }

    /// The user of a process of the stack: that of its agent type, or the orchestrators'.
    ///
    /// - Parameter component: name of the process, such as `scaffold-agent-2` or `orchestrator`.
    static func user(of component: String) -> String? {
        if component == "orchestrator" || component.hasPrefix("orchestrator-") { return "orchestrator" }
        guard let end = component.firstRange(of: "-agent") else { return nil }
        return "agent-" + component[..<end.lowerBound]
    }

    /// The password of a user; whoever knows it can't tell the others'.
    func password(of user: String) -> String {
        SHA256Digest.hex(of: Array("\(password)/\(user)".utf8))
    }

    /// The lines of an ACL file (Redis 7).
    ///
    /// - Parameter agentTypes: the types that get a user.
    func lines(agentTypes: [String]) -> [String] {
        var lines = ["user default on \(hash(password)) ~* &* +@all", orchestrator]
        var seen: Set<String> = []
        for type in agentTypes where seen.insert(type).inserted { lines.append(agent(type)) }
        return lines
    }

    private var orchestrator: String {
        let keys = ["agent:*", "orchestrator:*", "inlet:*"].map { "~\(prefix)\($0)" }.joined(separator: " ")
        let channels = ["agent:*", "orchestrator:results", "workflow:events"].map { "&\(prefix)\($0)" }
            .joined(separator: " ")
        let secret = hash(password(of: "orchestrator"))
        return "user orchestrator on \(secret) resetkeys resetchannels -@all \(keys) \(channels) \(Self.greeting) "
            + "+@stream +@pubsub +@transaction +eval +evalsha +script|load +script|exists +set +get +del +type +exists "
            + "+memory|usage"
    }

    private func agent(_ type: String) -> String {
        let user = "agent-\(type)"
        let tasks = "~\(prefix)agent:\(type):tasks ~\(prefix)agent:\(type):tasks:*"
        let inlets = ["orchestrator:results", "agent:signals", "agent:logs"].map { "%W~\(prefix)\($0)" }
            .joined(separator: " ")
        // Two selectors: what it may do to its tasks it may not do to what all agents write to. What a script does is
        // held against the same rules.
        return "user \(user) on \(hash(password(of: user))) resetkeys resetchannels -@all "
            + "&\(prefix)agent:\(type):control "
            + "\(Self.greeting) +multi +exec +discard +subscribe +unsubscribe +script|load "
            + "(-@all \(tasks) +xadd +xack +xdel +xreadgroup +xgroup|create +xpending +eval +evalsha) (-@all \(inlets) +xadd)"
    }

    /// A password as ACL files have it: its SHA-256.
    private func hash(_ password: String) -> String { "#" + SHA256Digest.hex(of: Array(password.utf8)) }
}
