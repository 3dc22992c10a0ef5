import RedisDriver
import RedisTestSupport
import Testing

extension RedisTestServer {
    /// How to reach the server over its socket.
    var overSocket: RedisConfiguration { patient(.unix(path: socketPath)) }
    /// How to reach the server over TCP.
    var overTCP: RedisConfiguration { patient(.tcp(host: "127.0.0.1", port: port)) }

    /// With time for a machine that has other things to do. No test waits for these to pass.
    private func patient(_ endpoint: RedisConfiguration.Endpoint) -> RedisConfiguration {
        var configuration = RedisConfiguration(endpoint: endpoint)
        configuration.connectTimeout = .seconds(20)
        configuration.commandTimeout = .seconds(60)
        configuration.queueTimeout = .seconds(60)
        return configuration
    }
}

@Suite(.serialized) struct RedisClientTests {
    @Test func itConnectsOverSocketAndTCPAndLearnsWhatTheServerIs() async throws {
        let server = RedisTestServer(listensOnTCP: true)
        for configuration in [server.overSocket, server.overTCP] {
            let client = RedisClient(configuration)
            let facts = try await client.connect()
            #expect(facts.version?.isEmpty == false)
            #expect(facts.runID?.count == 40)
            #expect(facts.memoryPolicy == "noeviction")
            #expect(facts.warning == nil)
            #expect(client.state == .connected(epoch: 1, server: facts))
            await client.closeAndWait()
            #expect(client.state == .closed)
        }
    }

    @Test func aServerThatEvictsIsReported() async throws {
        let server = RedisTestServer(settings: ["--maxmemory-policy", "allkeys-lru"])
        let facts = try await RedisClient(server.overSocket).connect()
        #expect(facts.warning?.contains("allkeys-lru") == true)
    }

    @Test func aClusterIsRefused() async throws {
        // By default the nodes' own port is 10,000 above the port, and that may be beyond the last.
        let server = RedisTestServer(
            listensOnTCP: true,
            settings: ["--cluster-enabled", "yes", "--cluster-port", "\(RedisTestServer.freePort())"])
        let client = RedisClient(server.overTCP)
        let error = await #expect(throws: RedisError.self) { try await client.connect() }
        #expect(error?.code == .clusterUnsupported)
        #expect(error?.message.contains("Cluster") == true)
    }

    @Test func usersPasswordsAndDatabasesWork() async throws {
        let server = RedisTestServer(
            settings: ["--user"] + "agent on >p@ss ~* &* +@all -@dangerous".split(separator: " ").map { String($0) })
        var configuration = server.overSocket
        configuration.username = "agent"
        configuration.password = "p@ss"
        configuration.database = 3
        let client = RedisClient(configuration)
        // INFO is dangerous, so this user learns nothing of the server and may work all the same.
        #expect(try await client.connect() == RedisServerFacts())
        try await client.set("key", to: Array("in 3".utf8))

        let admin = RedisClient(server.overSocket)
        #expect(try await admin.get("key") == nil, "The key belongs to database 3.")
        configuration.database = 0
        #expect(try await RedisClient(configuration).get("key") == nil)

        configuration.password = "wrong"
        let error = await #expect(throws: RedisError.self) { try await RedisClient(configuration).connect() }
        #expect(error?.code == .authenticationFailed)
        configuration.password = "p@ss"
        configuration.database = 99
        let other = await #expect(throws: RedisError.self) { try await RedisClient(configuration).connect() }
        #expect(other?.code == .invalidConfiguration)
    }

    @Test func aMissingPasswordIsNamedAtOnce() async throws {
        let server = RedisTestServer(settings: ["--requirepass", "secret"])
        let error = await #expect(throws: RedisError.self) { try await RedisClient(server.overSocket).connect() }
        #expect(error?.code == .authenticationFailed)
    }

    @Test func valuesGoInAndOut() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let bytes: [UInt8] = [0, 13, 10, 255]
        #expect(try await client.set("key", to: bytes))
        #expect(try await client.get("key") == bytes)
        #expect(try await !client.set("key", to: [1], ifAbsent: true, expiry: .seconds(10)))
        #expect(try await client.delete(["key", "none"]) == 1)
        #expect(try await client.get("key") == nil)
    }

    @Test func tenThousandConcurrentSendsEachGetTheirOwnReply() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<10_000 {
                group.addTask { try await client.send(RedisCommand("ECHO", .integer(number))).integer != number }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(wrong == 0)
    }

    @Test func aPipelineGivesEachCommandItsOutcomeInOrder() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let outcomes = await client.pipeline([
            RedisCommand("SET", "text", "words"), RedisCommand("INCR", "text"), RedisCommand("INCR", "number"),
        ])
        #expect(outcomes.count == 3)
        #expect(try outcomes[0].get().string == "OK")
        #expect(throws: RedisError.self) { try outcomes[1].get() }
        #expect(try outcomes[2].get().integer == 1)
    }

    @Test func aTransactionHappensAsAWholeOrNotAtAll() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let outcomes = try await client.transaction([RedisCommand("INCR", "n"), RedisCommand("LPUSH", "l", "x")])
        #expect(try outcomes.map { try $0.get().integer } == [1, 1])

        let refused = await #expect(throws: RedisError.self) {
            try await client.transaction([RedisCommand("INCR", "n"), RedisCommand("NOSUCHCOMMAND")])
        }
        #expect(refused?.message.contains("unknown command") == true, "The error says which command was refused.")
        #expect(try await client.get("n") == Array("1".utf8))

        let mixed = try await client.transaction([RedisCommand("INCR", "l"), RedisCommand("INCR", "n")])
        #expect(throws: RedisError.self) { try mixed[0].get() }
        #expect(try mixed[1].get().integer == 2)
    }

    @Test func scriptsAreLearntAndLearntAgain() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        #expect(try await client.run(script, keys: ["n"], arguments: [Array("5".utf8)]).integer == 5)
        #expect(try await client.run(script, keys: ["n"], arguments: [Array("5".utf8)]).integer == 10)
        _ = try await client.send(RedisCommand("SCRIPT", "FLUSH"))
        #expect(try await client.run(script, keys: ["n"], arguments: [Array("5".utf8)]).integer == 15)
    }

    @Test func aServerOutOfMemorySaysSoAndTheClientGoesOn() async throws {
        let server = RedisTestServer(settings: ["--maxmemory", "2mb"])
        let client = RedisClient(server.overSocket)
        let big = [UInt8](repeating: 65, count: 1 << 20)
        var outcomes: [RedisOutcome] = []
        for number in 0..<4 {
            outcomes += await client.pipeline([RedisCommand("SET", .text("k\(number)"), .bytes(big))])
        }
        guard case .failure(let error)? = outcomes.last else {
            Issue.record("4 MiB can't fit 2 MiB.")
            return
        }
        #expect(error.code == .outOfMemory)
        let read = await client.pipeline([RedisCommand("PING")])
        #expect(try read[0].get().string == "PONG")
    }

    @Test func aReplyBeyondTheLimitFailsAloneAndTheClientRecovers() async throws {
        let server = RedisTestServer()
        var configuration = server.overSocket
        configuration.maximumReplyBytes = 1 << 20
        let client = RedisClient(configuration)
        try await client.set("big", to: [UInt8](repeating: 65, count: 3 << 20))
        let error = await #expect(throws: RedisError.self) { try await client.get("big") }
        #expect(error?.code == .replyTooLarge)
        try await client.ping()
    }

    @Test func largeBatchesGoBothWays() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let value = [UInt8](repeating: 66, count: 1 << 20)
        let outcomes = await client.pipeline((0..<24).map { _ in RedisCommand("ECHO", .bytes(value)) })
        #expect(try outcomes.map { try $0.get().bytes?.count } == Array(repeating: 1 << 20, count: 24))
    }

    @Test func anEmptyBatchIsNothing() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        #expect(await client.pipeline([]).isEmpty)
        #expect(await client.submit(RedisBatch()).failure == nil)
    }
}
