import Glibc
import RedisDriver
import RedisTestSupport
import Testing

@Suite(.serialized) struct RedisClientFailureTests {
    @Test func whatWasSentIsUnknownAfterACrashAndTheClientRecovers() async throws {
        let server = RedisTestServer(listensOnTCP: true)
        let client = RedisClient(server.overTCP)
        var states = client.states().makeAsyncIterator()
        while let state = await states.next() {
            if case .connected(1, _) = state { break }
        }
        server.freeze(true)
        // The server takes the bytes into its socket and never answers.
        async let lost = client.pipeline((0..<100).map { _ in RedisCommand("INCR", "n") })
        while unreadBytes(onPort: server.port) == 0 { await _Concurrency.Task.yield() }
        server.kill()
        let outcomes = await lost
        #expect(outcomes.count == 100)
        for outcome in outcomes {
            guard case .failure(let error) = outcome else {
                Issue.record("No reply can have come from a server that stood still.")
                continue
            }
            #expect(error.code == .outcomeUnknown)
        }
        let state = await states.next()
        guard case .disconnected? = state else {
            Issue.record("Expected to hear of the loss, heard of \(String(describing: state)).")
            return
        }
        // Not sent yet: waits for the server.
        async let later = client.send(RedisCommand("INCR", "n"))
        server.start()
        #expect(try await later.integer == 1)
        var epoch = 0
        while epoch == 0, let state = await states.next() {
            if case .connected(let number, _) = state { epoch = number }
        }
        #expect(epoch == 2)
    }

    @Test func whatCouldNotBeSentFailsAtItsDeadlineAndSaysWhy() async throws {
        var configuration = RedisConfiguration(endpoint: .unix(path: "/nonexistent/redis.sock"))
        configuration.queueTimeout = .milliseconds(60)
        let client = RedisClient(configuration)
        let clock = ContinuousClock()
        let start = clock.now
        let error = await #expect(throws: RedisError.self) { try await client.ping() }
        #expect(error?.code == .notSent)
        #expect(error?.message.contains("No such file") == true, "\(error?.message ?? "")")
        #expect(clock.now - start >= .milliseconds(60))
        #expect(clock.now - start < .seconds(30))
    }

    @Test func aServerThatDoesNotAnswerIsGivenUpInTime() async throws {
        let server = RedisTestServer()
        var configuration = server.overSocket
        configuration.commandTimeout = .milliseconds(100)
        let client = RedisClient(configuration)
        try await client.connect()
        server.freeze(true)
        let error = await #expect(throws: RedisError.self) { try await client.ping() }
        #expect(error?.code == .outcomeUnknown)
        server.freeze(false)
        try await client.ping()
    }

    @Test func aHostThatIsNotKnownIsNamed() async throws {
        var configuration = RedisConfiguration(endpoint: .tcp(host: "no.such.host.invalid", port: 6379))
        configuration.queueTimeout = .milliseconds(100)
        let client = RedisClient(configuration)
        let error = await #expect(throws: RedisError.self) { try await client.connect() }
        #expect(error?.code == .notSent)
        #expect(error?.message.contains("no.such.host.invalid") == true)
    }

    @Test func moreThanMayWaitIsRefused() async throws {
        var configuration = RedisConfiguration(endpoint: .unix(path: "/nonexistent/redis.sock"))
        configuration.queueCapacity = 10
        configuration.queueTimeout = .milliseconds(200)
        let client = RedisClient(configuration)
        let codes = await withTaskGroup(of: RedisError.Code?.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    do throws(RedisError) {
                        try await client.ping()
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        // Ten in the mailbox, and as many as the thread may have taken out of it meanwhile.
        #expect(codes[.overloaded, default: 0] >= 80)
        #expect(codes[.notSent, default: 0] >= 10)
        #expect(codes.values.reduce(0, +) == 100)
    }

    @Test func closingFinishesWhatIsUnderWayAndRefusesTheRest() async throws {
        let server = RedisTestServer(listensOnTCP: true)
        let client = RedisClient(server.overTCP)
        try await client.connect()
        server.freeze(true)
        async let last = client.pipeline((0..<1_000).map { RedisCommand("ECHO", .integer($0)) })
        while unreadBytes(onPort: server.port) == 0 { await _Concurrency.Task.yield() }
        client.close()
        let error = await #expect(throws: RedisError.self) { try await client.ping() }
        #expect(error?.code == .closed)
        server.freeze(false)
        let outcomes = await last
        #expect(outcomes.count == 1_000)
        #expect(outcomes.allSatisfy { (try? $0.get()) != nil })
        await client.closeAndWait()
    }

    @Test func closingIsQuickEvenIfTheServerIsStuckOrGone() async throws {
        let clock = ContinuousClock()
        let server = RedisTestServer()
        let stuck = RedisClient(server.overSocket)
        try await stuck.connect()
        server.freeze(true)
        let waiting = _Concurrency.Task { try await stuck.ping() }
        let gone = RedisClient(RedisConfiguration(endpoint: .unix(path: "/nonexistent/redis.sock")))
        let hoping = _Concurrency.Task { try await gone.ping() }
        let start = clock.now
        await stuck.closeAndWait()
        await gone.closeAndWait()
        #expect(clock.now - start < .seconds(2))
        await #expect(throws: RedisError.self) { try await waiting.value }
        await #expect(throws: RedisError.self) { try await hoping.value }
        server.freeze(false)
    }

    @Test func closedClientsLeaveNoDescriptorsAndNoThreads() async throws {
        let server = RedisTestServer()
        for round in 0..<3 {
            for _ in 0..<30 {
                let client = RedisClient(server.overSocket)
                let reader = RedisStreamReader(server.overSocket)
                let subscriber = RedisSubscriber(server.overSocket, channels: ["c"])
                if round > 0 { try await client.ping() }
                await client.closeAndWait()
                await reader.closeAndWait()
                await subscriber.closeAndWait()
            }
        }
        // 270 threads and 630 descriptors were used; other tests run meanwhile and use some.
        #expect(count(in: "/proc/self/task") < 150)
        #expect(count(in: "/proc/self/fd") < 500)
    }
}

/// How many entries a directory has.
private func count(in directory: String) -> Int {
    guard let stream = opendir(directory) else { return -1 }
    defer { closedir(stream) }
    var count = 0
    while readdir(stream) != nil { count += 1 }
    return count
}

/// How many bytes wait, unread, in sockets whose local port is the given one. From /proc/net/tcp: the column after the
/// state is `tx_queue:rx_queue`.
private func unreadBytes(onPort port: Int) -> Int32 {
    guard let file = fopen("/proc/net/tcp", "r") else { return -1 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    var hexadecimal = String(port, radix: 16, uppercase: true)
    while hexadecimal.count < 4 { hexadecimal = "0" + hexadecimal }
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let columns = text.split(separator: " ")
        guard columns.count > 4, columns[1].hasSuffix(":\(hexadecimal)"), columns[3] == "01" else { continue }
        let waiting = columns[4].split(separator: ":").last.flatMap { Int32($0, radix: 16) } ?? 0
        if waiting > 0 { return waiting }
    }
    return 0
}
