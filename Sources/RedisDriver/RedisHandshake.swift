import BlockingIO

/// The first words on a new connection: log in, choose the database, learn what the server is.
struct RedisHandshake {
    let configuration: RedisConfiguration

    /// The commands, and a place for each in the replies.
    private enum Step: CaseIterable {
        case authenticate, select, setName, ping, cluster, memory, server
    }

    private var steps: [Step] {
        Step.allCases.filter { step in
            switch step {
            case .authenticate: configuration.password != nil
            case .select: configuration.database != 0
            case .setName, .ping, .cluster, .memory, .server: true
            }
        }
    }

    /// What to send, as one batch.
    var batch: RedisBatch {
        var batch = RedisBatch()
        for step in steps {
            switch step {
            case .authenticate:
                batch.command("AUTH", argumentCount: configuration.username == nil ? 1 : 2)
                if let username = configuration.username { batch.add(username) }
                batch.add(configuration.password ?? "")
            case .select:
                batch.command("SELECT", argumentCount: 1)
                batch.add(configuration.database)
            case .setName:
                batch.command("CLIENT", argumentCount: 2)
                batch.add(literal: "SETNAME")
                batch.add(configuration.clientName)
            case .ping: batch.command("PING", argumentCount: 0)
            case .cluster: Self.addInfo("cluster", to: &batch)
            case .memory: Self.addInfo("memory", to: &batch)
            case .server: Self.addInfo("server", to: &batch)
            }
        }
        return batch
    }

    /// Judges the replies.
    ///
    /// - Throws: if this server can't be worked with; `authenticationFailed`, `clusterUnsupported` or
    ///   `invalidConfiguration` if it never can, `unreachable` if it may come to.
    func facts(from replies: RedisValues) throws(RedisError) -> RedisServerFacts {
        var facts = RedisServerFacts()
        for (step, reply) in zip(steps, replies) {
            let error = reply.error
            switch step {
            case .authenticate:
                if let error { throw refused(.authenticationFailed, "refuses the login", error) }
            case .select:
                if let error { throw refused(.invalidConfiguration, "refuses the database number", error) }
            case .setName:
                // A name is a convenience, which an ACL may forbid.
                break
            case .ping:
                if let error, error.code == .loading { throw refused(.unreachable, "isn't ready yet", error) }
                if let error, error.code.rawValue == "NOAUTH" {
                    throw refused(
                        .authenticationFailed, "asks for a password; put user and password into the URL", error)
                }
                if let error, error.code != .noPermission { throw refused(.unreachable, "doesn't answer", error) }
            case .cluster:
                guard Self.field("cluster_enabled", of: reply) != "1" else {
                    throw RedisError(
                        .clusterUnsupported,
                        "\(configuration) is part of a Redis Cluster, which is not supported: our transactions span keys "
                            + "that may be on several nodes. Use a single server, with a replica for availability.")
                }
            case .memory: facts.memoryPolicy = Self.field("maxmemory_policy", of: reply)
            case .server:
                facts.version = Self.field("redis_version", of: reply)
                facts.runID = Self.field("run_id", of: reply)
            }
        }
        return facts
    }

    private func refused(_ code: RedisError.Code, _ what: String, _ error: RedisError) -> RedisError {
        RedisError(code, "\(configuration) \(what): \(error.message)")
    }

    private static func addInfo(_ section: StaticString, to batch: inout RedisBatch) {
        batch.command("INFO", argumentCount: 1)
        batch.add(literal: section)
    }

    /// The value of a line `name:value` of the text that `INFO` replies with.
    private static func field(_ name: String, of reply: RedisValue) -> String? {
        guard let text = reply.string else { return nil }
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix(name) {
            let value = line.dropFirst(name.count)
            if value.hasPrefix(":") { return String(value.dropFirst()) }
        }
        return nil
    }
}
