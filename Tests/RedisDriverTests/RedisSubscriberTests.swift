import RedisDriver
import RedisTestSupport
import Testing

@Suite(.serialized) struct RedisSubscriberTests {
    @Test func messagesOfChannelsAndPatternsComeInOrder() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let subscriber = RedisSubscriber(server.overSocket, channels: ["a"], patterns: ["b:*"])
        var events = subscriber.events.makeAsyncIterator()
        #expect(await firstSubscription(&events) == 1)
        for number in 0..<100 {
            #expect(try await client.publish([UInt8(number)], to: number % 2 == 0 ? "a" : "b:x") == 1)
        }
        for number in 0..<100 {
            let channel = number % 2 == 0 ? "a" : "b:x"
            #expect(await events.next() == .message(channel: channel, payload: [UInt8(number)]))
        }
        await subscriber.closeAndWait()
        #expect(await events.next() == nil)
    }

    @Test func afterALostConnectionItSubscribesAgainAndSaysSo() async throws {
        let server = RedisTestServer()
        let subscriber = RedisSubscriber(server.overSocket, channels: ["a"])
        var events = subscriber.events.makeAsyncIterator()
        #expect(await firstSubscription(&events) == 1)
        server.kill()
        guard case .interrupted? = await events.next() else {
            Issue.record("The loss must be told.")
            return
        }
        server.start()
        #expect(await firstSubscription(&events) == 2)
        let client = RedisClient(server.overSocket)
        #expect(try await client.publish([7], to: "a") == 1)
        #expect(await events.next() == .message(channel: "a", payload: [7]))
    }

    @Test func whatDoesNotFitTheBufferIsCounted() async throws {
        let server = RedisTestServer()
        let client = RedisClient(server.overSocket)
        let subscriber = RedisSubscriber(server.overSocket, channels: ["a"], bufferLimit: 4)
        var events = subscriber.events.makeAsyncIterator()
        #expect(await firstSubscription(&events) == 1)
        // While nobody takes anything out, four fit. A pipeline has its replies only after the messages were sent.
        _ = await client.pipeline((0..<50).map { RedisCommand("PUBLISH", "a", .integer($0)) })
        var received = 0
        var dropped = 0
        var next = 50
        while dropped == 0 {
            // Each makes the subscriber try again to tell of its losses.
            _ = try await client.publish(Array("\(next)".utf8), to: "a")
            next += 1
            switch await events.next() {
            case .message: received += 1
            case .dropped(let count): dropped += count
            case .subscribed, .interrupted, nil: Issue.record("Nothing else can come.")
            }
        }
        #expect(received >= 4)
        #expect(dropped + received <= next)
        #expect(dropped > 0)
    }

    /// Skips failed attempts, up to the number of the next subscription.
    private func firstSubscription(
        _ events: inout AsyncStream<RedisSubscriptionEvent>.Iterator
    ) async -> Int? {
        while let event = await events.next() {
            if case .subscribed(let epoch) = event { return epoch }
        }
        return nil
    }
}
