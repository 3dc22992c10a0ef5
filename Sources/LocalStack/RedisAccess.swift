import JSONTools

/// Who may do what on Redis: one user for each type of agent, one for orchestrators, and `default` for people and for
/// agents of one's own. The rules stand in `share/redis/users.acl`, which containers use as well.
public struct RedisAccess: Sendable {
    /// The password of `default`; those of the others follow from it.
    var password: String
    /// Prefix of all names, such as `x:`; empty for none.
    var prefix: String

    /// Rights for a stack.
    ///
    /// - Parameter namespace: `BATON_NAMESPACE`.
    public init(password: String, namespace: String?) {
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
        user == "default" ? password : SHA256Digest.hex(of: Array("\(password)/\(user)".utf8))
    }

    /// The rules, read from the shared files.
    ///
    /// - Throws: `.badFile` if they aren't there.
    static func rules(in shareDirectory: String?) throws(StackError) -> [String] {
        guard let shareDirectory, let bytes = fileBytes(shareDirectory + "/redis/users.acl") else {
            throw StackError(
                .badFile, "\(shareDirectory ?? "share")/redis/users.acl, the rules of the private Redis, can't be read",
                hint: "set BATON_SHARE_DIR to the folder share of this version of Baton")
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("user ") }
    }

    /// The lines of an ACL file (Redis 7).
    ///
    /// - Parameters:
    ///   - rules: those of the shared file, a line a user.
    ///   - agentTypes: the types that get a user.
    func lines(rules: [String], agentTypes: [String]) -> [String] {
        var seen: Set<String> = []
        let types = agentTypes.filter { seen.insert($0).inserted }
        return rules.flatMap { rule in
            rule.contains("@TYPE@") ? types.map { filled(rule.replacing("@TYPE@", with: $0)) } : [filled(rule)]
        }
    }

    /// A rule with the names of this stack and the hash of its user's password.
    private func filled(_ rule: String) -> String {
        let words = rule.split(separator: " ", maxSplits: 2)
        let hash = SHA256Digest.hex(of: Array(password(of: String(words.count > 1 ? words[1] : "")).utf8))
        return rule.replacing("@PREFIX@", with: prefix).replacing("@HASH@", with: "#" + hash)
    }

    /// The commands that make the user of an agent type, as in a stack, on a Redis that runs; and the user's password.
    ///
    /// - Throws: `.badFile` if the rules aren't there.
    public func commands(
        agentType type: String, shareDirectory: String?
    ) throws(StackError) -> (commands: [[String]], password: String) {
        let rules = try Self.rules(in: shareDirectory).filter { $0.contains("@TYPE@") }
        let commands = lines(rules: rules, agentTypes: [type]).map { line in
            var words: [String] = []
            var depth = 0
            // A selector, which stands in parentheses, is one word.
            for word in line.split(separator: " ").dropFirst().map(String.init) {
                if depth > 0 { words[words.count - 1] += " " + word } else { words.append(word) }
                depth += (word.hasPrefix("(") ? 1 : 0) - (word.hasSuffix(")") ? 1 : 0)
            }
            words.insert("reset", at: 1)
            return ["ACL", "SETUSER"] + words
        }
        return (commands, password(of: "agent-\(type)"))
    }
}
