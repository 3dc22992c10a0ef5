extension RedisClient {
    /// Asks for a sign of life.
    public func ping() async throws(RedisError) {
        _ = try await send(RedisCommand("PING"))
    }

    /// The value of a key; nil if there is none.
    public func get(_ key: String) async throws(RedisError) -> [UInt8]? {
        try await send(RedisCommand("GET", .text(key))).bytes
    }

    /// Sets the value of a key.
    ///
    /// - Parameters:
    ///   - ifAbsent: only if there is none yet.
    ///   - expiry: after which it is gone; at least 1 ms.
    /// - Returns: whether it was set.
    @discardableResult
    public func set(
        _ key: String, to value: [UInt8], ifAbsent: Bool = false, expiry: Duration? = nil
    ) async throws(RedisError) -> Bool {
        var arguments: [RedisArgument] = [.text(key), .bytes(value)]
        if ifAbsent { arguments.append("NX") }
        if let expiry { arguments += ["PX", .integer(max(1, Int(expiry.nanoseconds / 1_000_000)))] }
        return try await !send(RedisCommand("SET", arguments: arguments)).isNull
    }

    /// Deletes keys.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func delete(_ keys: [String]) async throws(RedisError) -> Int {
        guard !keys.isEmpty else { return 0 }
        return try await send(RedisCommand("DEL", arguments: keys.map { .text($0) })).number()
    }

    /// Sends a message to whoever listens to a channel now.
    ///
    /// - Returns: how many listened.
    @discardableResult
    public func publish(_ message: [UInt8], to channel: String) async throws(RedisError) -> Int {
        try await send(RedisCommand("PUBLISH", .text(channel), .bytes(message))).number()
    }

    /// Runs a script, which the server learns if it doesn't know it.
    public func run(
        _ script: RedisScript, keys: [String], arguments: [[UInt8]]
    ) async throws(RedisError) -> RedisValue {
        var batch = RedisBatch(reservingBytes: 128 + arguments.reduce(0) { $0 + $1.count + 16 })
        var hash = script.hash
        if hash == nil { hash = try await load(script) }
        guard let hash else { throw RedisError(.unexpectedReply, "SCRIPT LOAD did not reply with a hash.") }
        batch.appendScript(hash: hash, keys: keys, arguments: arguments)
        do throws(RedisError) {
            return try await submit(batch).single()
        } catch {
            guard error.code == .noScript else { throw error }
        }
        // The server was restarted, or its scripts were flushed. It certainly did nothing yet.
        _ = try await load(script)
        return try await submit(batch).single()
    }

    private func load(_ script: RedisScript) async throws(RedisError) -> String? {
        let hash = try await send(RedisCommand("SCRIPT", "LOAD", .text(script.source))).string
        if let hash { script.remember(hash) }
        return hash
    }
}

extension RedisBatch {
    /// Appends `PUBLISH`; its reply is the number of those who listen.
    public mutating func publish(_ message: [UInt8], to channel: String) {
        command("PUBLISH", argumentCount: 2)
        add(channel)
        add(message)
    }

    mutating func appendScript(hash: String, keys: [String], arguments: [[UInt8]]) {
        command("EVALSHA", argumentCount: 2 + keys.count + arguments.count)
        add(hash)
        add(keys.count)
        for key in keys { add(key) }
        for argument in arguments { add(argument) }
    }
}

extension RedisValue {
    /// The number that a command replies with.
    func number() throws(RedisError) -> Int {
        guard let integer else { throw RedisError(.unexpectedReply, "Expected a number, the server replied \(self).") }
        return integer
    }
}
