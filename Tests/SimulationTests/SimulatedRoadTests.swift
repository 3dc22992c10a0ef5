import AgentProtocol
import Testing

@testable import Simulation

/// The simulated streams behave as Redis' do where it matters.
@Suite struct SimulatedRoadTests {
    private func stream(_ count: Int) -> SimulatedStream {
        var stream = SimulatedStream()
        for number in 1...count { stream.add(.init(number: number, milliseconds: 10, bytes: [UInt8(number)])) }
        return stream
    }

    @Test func `An entry is delivered to one consumer, and again to it alone until it is acknowledged`() {
        var stream = stream(3)
        #expect(stream.read(limit: 2, for: "a", at: 10).map(\.number) == [1, 2])
        #expect(stream.read(limit: 9, for: "b", at: 10).map(\.number) == [3])
        #expect(stream.read(limit: 9, for: "b", at: 10).isEmpty)
        #expect(stream.held(by: "a", at: 20).map(\.number) == [1, 2])
        stream.remove(["10-1"])
        #expect(stream.held(by: "a", at: 20).map(\.number) == [2])
        #expect(!stream.holds("10-1") && stream.holds("10-2"))
    }

    @Test func `Only what silent consumers hold can be claimed, and each claim is counted`() {
        var stream = stream(2)
        _ = stream.read(limit: 1, for: "a", at: 0)
        _ = stream.read(limit: 1, for: "b", at: 900)
        #expect(stream.claim(for: "c", idleMilliseconds: 1000, at: 1500).map(\.entry.number) == [1])
        #expect(stream.claim(for: "d", idleMilliseconds: 1000, at: 2000).map(\.entry.number) == [2])
        let again = stream.claim(for: "a", idleMilliseconds: 1000, at: 9000)
        #expect(again.map(\.deliveries) == [2, 2])
    }

    @Test func `Redis that lost everything has another epoch and no entries`() {
        var redis = SimulatedRedis()
        let epoch = redis.epoch
        let stream = redis.names.tasks("alpha", .high)
        _ = redis.addTask([1], to: stream, at: 5)
        redis.addSignal([2], at: 7)
        #expect(redis.hasUnreadTasks(ofType: "alpha") && redis.signalLag(at: 27) == 20)
        redis.loseEverything()
        #expect(redis.epoch > epoch && !redis.hasUnreadTasks(ofType: "alpha") && redis.signalLag(at: 27) == 0)
    }

    @Test func `A replica that takes over knows nothing of what was done last, and gives no id twice`() {
        var redis = SimulatedRedis()
        let stream = redis.names.tasks("alpha", .high)
        let old = redis.addTask([1], to: stream, at: 5)
        let replica = redis
        #expect(redis.readTasks(ofType: "alpha", limit: 9, for: "a", at: 6).map(\.entry.id) == [old])
        redis.removeTask(old, from: stream)
        let lost = redis.addTask([2], to: stream, at: 7)
        let epoch = redis.epoch
        redis.fallBack(to: replica)
        #expect(redis.epoch > epoch)
        let new = redis.addTask([3], to: stream, at: 7)
        #expect(new != lost)
        #expect(redis.readTasks(ofType: "alpha", limit: 9, for: "b", at: 8).map(\.entry.id) == [old, new])
    }

    @Test func `What is planned first for the same moment comes first`() {
        var queue = EventQueue<String>()
        for (name, at) in [("d", 9), ("a", 1), ("c", 5), ("b", 1), ("e", 9)] { queue.add(name, at: Int64(at)) }
        var order = ""
        while let next = queue.next() { order += next.event }
        #expect(order == "abcde" && queue.isEmpty)
    }
}
