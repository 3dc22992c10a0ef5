import AgentProtocol
import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import RedisDriver
import Testing

extension RealProcessTests {
    @Suite("Redis forgets, and carries garbage", .serialized)
    struct RedisFaultTests {
        @Test("FLUSHALL: what runs isn't repeated, what waited is sent again within about 10 s, all complete")
        func flushAll() async throws {
            let shared = try TestStack.shared()
            // The agent has four slots: four attempts run, three tasks wait.
            let runners = try await shared.client.createMany(4, "nap-scaffold", "flushed-running", ["sleep_ms": 18_000])
            var before: [UniqueID: Record.Attempt] = [:]
            for id in runners { before[id] = try await shared.running(id, "first") }
            let waiting = try await shared.client.createMany(3, "nap-scaffold", "flushed-waiting")
            try await eventually(within: .seconds(10), "three tasks wait in the stream") {
                try await shared.redis.send(RedisCommand("XLEN", "agent:scaffold:tasks")).integer == 7
            }
            _ = try await shared.redis.send(RedisCommand("FLUSHALL"))
            let wiped = ContinuousClock.now
            try await eventually(within: .seconds(10), "the waiting tasks are sent again") {
                try await shared.redis.send(RedisCommand("XLEN", "agent:scaffold:tasks")).integer ?? 0 >= 3
            }
            Measurement.note("redis-lost", "RedisFaultTests.flushAll", ContinuousClock.now - wiped)
            try await shared.complete(runners + waiting, within: .seconds(60))
            for id in runners {
                let attempts = try await shared.record.attempts(id).filter { $0.stage == "first" }
                #expect(attempts.map(\.number) == [1])
                #expect(attempts.map(\.dispatch) == [before[id]?.dispatch])
                #expect(try await shared.record.stages(id, "task_started").filter { $0 == "first" }.count == 1)
            }
            for id in waiting {
                let attempts = try await shared.record.attempts(id).filter { $0.stage == "first" }
                #expect(attempts.map(\.number) == [1])
                #expect(try await shared.record.stages(id, "task_sent_again") == ["first"])
            }
            try await shared.checkConservation()
        }

        @Test("FLUSHALL three times in the middle of 50 workflows: all complete, each stage once")
        func flushAllUnderLoad() async throws {
            let shared = try TestStack.shared()
            let ids = try await shared.client.createMany(50, "noop", "flushed", ["sleep_ms": 100])
            for part in 1...3 {
                try await eventually(within: .seconds(60), "\(part) fifths of the stages are done") {
                    try await shared.record.stagesCompleted(ids) >= ids.count * RealProcessTests.stages.count * part / 5
                }
                _ = try await shared.redis.send(RedisCommand("FLUSHALL"))
            }
            #expect(try await shared.record.count(ids, "completed") < ids.count, "the wipes came too late")
            try await shared.complete(ids)
            for attempts in try await shared.record.rows(
                "SELECT workflow_id::text, stage FROM tasks WHERE attempt > 1 AND workflow_id = ANY ($1::text::uuid[])",
                [.text(Record.list(ids))])
            {
                Issue.record("an attempt was repeated: \(attempts)")
            }
            try await shared.checkConservation()
        }

        @Test("garbage on every stream becomes a dead letter, on control channels it is ignored; nothing restarts")
        func garbage() async throws {
            let shared = try TestStack.shared()
            let mark = shared.news.count
            let names = ChannelNames()
            let types = StackConfiguration.allAgents
            let streams = types.map { names.tasks($0, .medium) } + [names.results, names.signals, names.logs]
            var before: [String: Int] = [:]
            for stream in streams { before[stream] = try await shared.record.deadLetters(from: stream) }
            let id = try await shared.client.create("noop", "among-garbage", ["sleep_ms": 700])
            for stream in streams {
                for garbage in Self.garbage { try await add(["envelope": garbage], to: stream, shared) }
                try await add(["something": Array("else".utf8)], to: stream, shared)
            }
            for garbage in Self.garbage {
                for channel in [names.results] + types.map({ names.control($0) }) {
                    _ = try await shared.redis.publish(garbage, to: channel)
                }
            }
            for stream in streams {
                // The results channel feeds the results stream: its garbage comes on top.
                let added = stream == names.results ? Self.garbage.count * 2 + 1 : Self.garbage.count + 1
                let expected = added + before[stream, default: 0]
                try await eventually(within: .seconds(15), "\(expected) dead letters of \(stream)") {
                    try await shared.record.deadLetters(from: stream) >= expected
                } explain: {
                    "there are \(try await shared.record.deadLetters(from: stream))"
                }
                #expect(try await shared.record.deadLetters(from: stream) == expected)
            }
            try await shared.complete([id], within: .seconds(30))
            #expect(try await shared.record.attempts(id).count == RealProcessTests.stages.count)
            #expect(shared.news.count == mark, "a process died of it")
            try await shared.checkConservation()
        }

        /// Random bytes, text that breaks off, wrong types, a missing field, too deep, too large.
        private static let garbage: [[UInt8]] = {
            var generator = SystemRandomNumberGenerator()
            let random = (0..<500).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let large =
                Array(#"{"kind": "heartbeat", "output": ""#.utf8) + Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
            return [
                random, [0], [], Array(#"{"message_id": "01"#.utf8), Array("[1, 2]".utf8), Array("null".utf8),
                Array(#"{"message_id": 7, "task_id": {}, "attempt": "one", "kind": [], "version": 2}"#.utf8),
                Array(#"{"kind": "heartbeat", "version": "2.0.0"}"#.utf8),
                Array(repeating: UInt8(ascii: "["), count: 10_000), large,
            ]
        }()

        private func add(_ fields: [String: [UInt8]], to stream: String, _ shared: TestStack) async throws {
            var arguments: [RedisArgument] = [.text(stream), "*"]
            for (name, value) in fields { arguments += [.text(name), .bytes(value)] }
            _ = try await shared.redis.send(RedisCommand("XADD", arguments: arguments))
        }
    }
}
