import RedisDriver
import RedisTestSupport
import Testing

@Suite(.serialized) struct RedisStreamTests {
    private func add(_ values: [String], to stream: String, of client: RedisClient) async throws -> [StreamEntryID] {
        var batch = RedisBatch()
        for value in values {
            batch.xadd(to: stream, fieldCount: 1)
            batch.add(literal: "value")
            batch.add(value)
        }
        return try await client.submit(batch).checked().compactMap(\.entryID)
    }

    @Test func entriesAreReadAcknowledgedAndDeleted() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        #expect(try await client.createGroup("g", on: "s"))
        #expect(try await !client.createGroup("g", on: "s"), "A group that is there is no error.")
        let ids = try await add(["one", "two", "three"], to: "s", of: client)
        #expect(ids == ids.sorted() && ids.count == 3)

        let reader = RedisStreamReader(server.overSocket)
        let read = RedisGroupRead(group: "g", consumer: "c", streams: ["s"], count: 2, block: .seconds(10))
        let first = try await reader.read(read)
        #expect(first.map(\.stream) == ["s"])
        #expect(first[0].entries.map(\.id) == Array(ids[..<2]))
        #expect(first[0].entries.map { $0.value(of: "value")?.string } == ["one", "two"])
        #expect(first[0].entries[0].bytes(of: "other") == nil)

        #expect(try await client.acknowledge([ids[0]], group: "g", on: "s") == 1)
        #expect(try await client.delete([ids[1]], from: "s") == 1)
        var again = read
        again.position = .pending(after: .zero)
        let pending = try await reader.read(again)
        #expect(pending[0].entries.map(\.id) == [ids[1]])
        #expect(pending[0].entries[0].isDeleted)
        #expect(try await client.length(of: "s") == 2)
        #expect(try await client.entries(of: "s", from: ids[0].next, count: 10).map(\.id) == [ids[2]])
        #expect(try await client.groups(of: "s").map(\.pending) == [1])
        #expect(try await client.groups(of: "none").isEmpty)
        #expect(try await client.consumers(of: "s", group: "g").map(\.name) == ["c"])
        #expect(try await client.consumers(of: "s", group: "none").isEmpty)
    }

    @Test func whatADeadConsumerHeldCanBeTakenOver() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        try await client.createGroup("g", on: "s")
        let ids = try await add(["one", "two"], to: "s", of: client)
        _ = try await client.read(RedisGroupRead(group: "g", consumer: "dead", streams: ["s"], count: 9))
        let range = StreamEntryID.zero...ids[1]
        let pending = try await client.pendingEntries(of: "s", group: "g", in: range, count: 9)
        #expect(pending.map(\.consumer) == ["dead", "dead"])
        #expect(pending.map(\.deliveries) == [1, 1])

        let claimed = try await client.autoClaim(
            of: "s", group: "g", for: "heir", minimumIdle: .zero, count: 1)
        #expect(claimed.entries.map(\.id) == [ids[0]])
        #expect(claimed.cursor == ids[1])
        let rest = try await client.claim([ids[1]], of: "s", group: "g", for: "heir", minimumIdle: .zero)
        #expect(rest.map { $0.value(of: "value")?.string } == ["two"])
        let after = try await client.pendingEntries(of: "s", group: "g", in: range, count: 9, consumer: "heir")
        #expect(after.map(\.deliveries) == [2, 2])
    }

    @Test func aMissingGroupIsNamed() async throws {
        let server = RedisTestServer()
        let reader = RedisStreamReader(server.overSocket)
        let error = await #expect(throws: RedisError.self) {
            try await reader.read(
                RedisGroupRead(group: "g", consumer: "c", streams: ["s"], count: 1, block: .seconds(10)))
        }
        #expect(error?.code == .noGroup)
    }

    @Test func aBlockedReadLearnsThatItsStreamIsGone() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        try await client.createGroup("g", on: "s")
        let reader = RedisStreamReader(server.overSocket)
        let read = RedisGroupRead(group: "g", consumer: "c", streams: ["s"], count: 1, block: .seconds(30))
        let blocked = _Concurrency.Task { try await reader.read(read) }
        try await waitForBlockedClients(1, client)
        _ = try await client.send(RedisCommand("FLUSHALL"))
        let error = await #expect(throws: RedisError.self) { try await blocked.value }
        #expect(error.map { [.unblocked, .noGroup].contains($0.code) } == true, "\(String(describing: error))")
        try await client.createGroup("g", on: "s")
        async let next = reader.read(read)
        let ids = try await add(["new"], to: "s", of: client)
        #expect(try await next.first?.entries.map(\.id) == ids)
    }

    @Test func aBlockedReadEndsWithTheTimeTheTaskOrTheReader() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        try await client.createGroup("g", on: "s")
        let reader = RedisStreamReader(server.overSocket)
        var read = RedisGroupRead(group: "g", consumer: "c", streams: ["s"], count: 1, block: .milliseconds(20))
        #expect(try await reader.read(read).isEmpty)

        read.block = .seconds(60)
        let clock = ContinuousClock()
        let start = clock.now
        let cancelled = _Concurrency.Task { [read] in try await reader.read(read) }
        try await waitForBlockedClients(1, client)
        cancelled.cancel()
        let first = await #expect(throws: RedisError.self) { _ = try await cancelled.value }
        #expect(first?.code == .cancelled)

        let closed = _Concurrency.Task { [read] in try await reader.read(read) }
        try await waitForBlockedClients(1, client)
        await reader.closeAndWait()
        let second = await #expect(throws: RedisError.self) { _ = try await closed.value }
        #expect(second?.code == .closed)
        #expect(clock.now - start < .seconds(2))
        try await waitForBlockedClients(0, client)
    }

    /// Asks the server until so many clients are blocked.
    private func waitForBlockedClients(_ count: Int, _ client: RedisClient) async throws {
        while true {
            let text = try await client.send(RedisCommand("INFO", "clients")).string ?? ""
            if text.contains("blocked_clients:\(count)\r\n") { return }
        }
    }
}
