import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import RedisDriver
import Testing

/// Everything that happens on the way between processes and servers, one test after the other: they share a stack.
@Suite(.serialized, .sharedStack(.cutOff))
struct RoadTests {
    @Suite("The orchestrator dies between two steps", .serialized)
    struct OrchestratorTests {
        @Test("killed between commit and publish: the task is sent within 10 s after one is up")
        func betweenCommitAndPublish() async throws {
            let shared = try TestStack.shared()
            let road = try #require(shared.roads["orchestrator", .redis])
            road.mode = .blocked
            let id = try await shared.client.create("one", "never-published")
            let attempt = try #require(try await shared.record.attempt(id, "first"))
            #expect(attempt.status < 10, "what could not be sent can't have ended")
            #expect(try await shared.stack.kill("orchestrator"))
            // What the dead one left on the road is lost with it.
            road.mode = .cut
            road.mode = .open
            try await shared.stack.awaitReady("orchestrator")
            let up = ContinuousClock.now
            try await shared.complete([id], within: .seconds(10))
            Measurement.note("commit-publish", "RoadTests.betweenCommitAndPublish", ContinuousClock.now - up)
            #expect(try await shared.record.attempts(id).map(\.number) == [1])
            try await shared.checkConservation()
        }

        @Test("killed between reading a result and its commit: it is applied once, within 5 s after the restart")
        func betweenReadingAndCommit() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("nap-validation", "read-not-committed", ["sleep_ms": 1500])
            _ = try await shared.running(id, "first")
            // Another session holds the workflow: the result is read, and can't be committed.
            let url = try #require(await shared.stack.databaseURL)
            let holder = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
            _ = try await holder.query("BEGIN")
            _ = try await holder.query(
                "SELECT id FROM workflow_state WHERE id = $1::uuid FOR UPDATE", [.text("\(id)")])
            try await eventually(within: .seconds(10), "the result is read and not acknowledged") {
                let pending = try await shared.redis.send(
                    RedisCommand("XPENDING", "orchestrator:results", "orchestrators"))
                return pending.elements[0]?.integer ?? 0 > 0
            }
            #expect(try await shared.stack.kill("orchestrator"))
            _ = try await holder.query("ROLLBACK")
            await holder.close()
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty, "the kill came too late")
            try await shared.stack.awaitReady("orchestrator")
            let up = ContinuousClock.now
            try await eventually(within: .seconds(5), "the result is applied") {
                try await shared.record.stages(id, "stage_completed").contains("first")
            }
            Measurement.note("read-commit", "RoadTests.betweenReadingAndCommit", ContinuousClock.now - up)
            try await shared.complete([id], within: .seconds(10))
            #expect(try await shared.record.stages(id, "stage_completed") == ["first", "second"])
            #expect(try await shared.record.attempts(id).map(\.number) == [1, 1])
            try await shared.checkConservation()
        }

        @Test(
            "the reply to a commit is lost, again and again: its outcome is looked up, nothing twice, nothing dropped")
        func commitOutcomeUnknown() async throws {
            let shared = try TestStack.shared()
            let road = try #require(shared.roads["orchestrator", .postgres])
            let before = road.losses
            async let creating = shared.client.createMany(20, "noop", "commit-unknown", ["sleep_ms": 150])
            for number in 1...8 {
                // The Advancer's replies: it updates states and commits in one round trip.
                road.lose(.reply(["UPDATE ", "COMMIT\u{0}"]))
                try await eventually(within: .seconds(20), "\(number) replies are lost") {
                    road.losses >= before + number
                }
            }
            let ids = try await creating
            try await shared.complete(ids, within: .seconds(40))
            #expect(try await shared.record.stagesCompleted(ids) == ids.count * RealProcessTests.stages.count)
            #expect(
                try await shared.record.number(
                    """
                    SELECT count(*)::text FROM tasks WHERE attempt > 1 AND workflow_id = ANY ($1::text::uuid[])
                    """, [.text(Record.list(ids))]) == 0)
            try await shared.checkConservation()
        }
    }

    @Suite("Redis loses what it was told, or refuses it", .serialized)
    struct RedisTests {
        @Test("the reply to a result's EXEC is lost, or the EXEC itself: sent again until settled, applied once")
        func replyToExecLost() async throws {
            let shared = try TestStack.shared()
            let road = try #require(shared.roads["scaffold-agent", .redis])
            var ids: [UniqueID] = []
            for number in 1...6 {
                let texts = ["orchestrator:results", "EXEC"]
                let before = road.losses
                road.lose(number.isMultiple(of: 2) ? .command(texts) : .replyTo(texts))
                let begun = ContinuousClock.now
                let id = try await shared.client.create("nap-scaffold", "exec-lost", ["sleep_ms": 50])
                ids.append(id)
                try await shared.complete([id], within: .seconds(20))
                #expect(road.losses == before + 1, "the loss did not happen")
                Measurement.note("exec-lost", "RoadTests.replyToExecLost", ContinuousClock.now - begun)
            }
            for id in ids {
                #expect(try await shared.record.attempts(id).map(\.number) == [1, 1])
                #expect(try await shared.record.stages(id, "stage_completed") == ["first", "second"])
            }
            try await shared.checkConservation()
        }

        @Test("a failover lost a result that nobody had read: the agent sends it again")
        func failoverLostResult() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("nap-e2e", "result-lost", ["sleep_ms": 1500])
            _ = try await shared.running(id, "first")
            try await shared.stack.stop("orchestrator")
            try await eventually(within: .seconds(10), "the result is on the stream") {
                try await shared.redis.send(RedisCommand("XLEN", "orchestrator:results")).integer ?? 0 > 0
            }
            _ = try await shared.redis.send(RedisCommand("DEL", "orchestrator:results"))
            _ = try await shared.redis.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal"))
            try await shared.stack.start("orchestrator")
            let up = ContinuousClock.now
            try await shared.complete([id], within: .seconds(20))
            Measurement.note("result-lost", "RoadTests.failoverLostResult", ContinuousClock.now - up)
            #expect(try await shared.record.attempts(id).map(\.number) == [1, 1])
            try await shared.checkConservation()
        }

        @Test("a failover lost a task that nobody had taken: it is sent again within 10 s")
        func failoverLostTask() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("hand-lost", "task-lost")
            let stream = "agent:hand-lost:tasks"
            try await eventually(within: .seconds(5), "the task is on its stream") {
                try await shared.redis.send(RedisCommand("XLEN", .text(stream))).integer == 1
            }
            _ = try await shared.redis.send(RedisCommand("DEL", .text(stream)))
            _ = try await shared.redis.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal"))
            let lost = ContinuousClock.now
            try await eventually(within: .seconds(10), "the task is on its stream again") {
                try await shared.redis.send(RedisCommand("XLEN", .text(stream))).integer == 1
            }
            Measurement.note("redis-lost", "RoadTests.failoverLostTask", ContinuousClock.now - lost)
            let agent = HandmadeAgent("hand-lost", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            let task = try #require(try await agent.take().first)
            try await agent.finish(task, agent.result(of: task.envelope))
            try await shared.complete([id], within: .seconds(10))
            #expect(try await shared.record.attempts(id).map(\.number) == [1])
            try await shared.checkConservation(tidyWithin: .seconds(75))
        }

        @Test("Redis is out of memory: requests are kept, health says so, everything goes on by itself afterwards")
        func full() async throws {
            let shared = try TestStack.shared()
            let ending = try await shared.client.create("nap-scaffold", "ends-while-full", ["sleep_ms": 3000])
            let outlasting = try await shared.client.create("nap-e2e", "outlasts-it", ["sleep_ms": 26_000])
            let running = [ending, outlasting]
            for id in running { _ = try await shared.running(id, "first") }
            _ = try await shared.redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
            let ids: [UniqueID]
            do {
                ids = try await shared.client.createMany(20, "noop", "redis-full")
                try await eventually(within: .seconds(10), "health says that Redis takes nothing") {
                    try await shared.client.send("GET", "/health/ready").status == 503
                }
                let waiting = try await shared.client.workflow(ids[0])
                #expect(waiting["waiting_for"]?["what"] == "Redis", "\(waiting)")
                // The fault itself: longer than a lease, for what agents say is refused, too.
                try await Task.sleep(for: .seconds(20))
            } catch {
                _ = try await shared.redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
                throw error
            }
            #expect(try await shared.record.count(ids, "completed") == 0)
            _ = try await shared.redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
            let room = ContinuousClock.now
            try await shared.complete(ids + [ending], within: .seconds(15))
            Measurement.note("redis-full", "RoadTests.full", ContinuousClock.now - room)
            try await shared.complete(running, within: .seconds(15))
            for id in ids + running {
                #expect(try await shared.record.attempts(id).allSatisfy { $0.number == 1 })
            }
            try await eventually(within: .seconds(10), "health is good again") {
                try await shared.client.send("GET", "/health/ready").status == 200
            }
            try await shared.checkConservation()
        }
    }

    @Suite("An agent alone is cut off", .serialized)
    struct AgentTests {
        @Test("longer than its lease: lost, its late result is ignored, what it still runs it is told to stop")
        func cutOff() async throws {
            let shared = try TestStack.shared()
            try await shared.addFaultAgent()
            let road = try #require(shared.roads["fault-agent", .redis])
            let late = try await shared.client.create(
                "fault-command", "result-too-late", ["argv": ["sleep", "6.0101"]])
            let busy = try await shared.client.create(
                "fault-command", "still-busy", ["argv": ["sleep", "600.0102"]])
            for id in [late, busy] { _ = try await shared.running(id, "first") }
            road.mode = .blocked
            let cut = ContinuousClock.now
            do {
                for id in [late, busy] {
                    try await eventually(within: .seconds(20), "the attempt is lost") {
                        try await shared.record.attempt(id, "first")?.status == Record.Attempt.lost
                    }
                    Measurement.note("agent-cut-off", "RoadTests.cutOff", ContinuousClock.now - cut)
                }
            } catch {
                road.mode = .open
                throw error
            }
            road.mode = .open
            let back = ContinuousClock.now
            try await eventually(within: .seconds(15), "the agent stops what it still ran") {
                CommandLines.containing("600.0102").isEmpty
            }
            Measurement.note("agent-cut-off-stop", "RoadTests.cutOff", ContinuousClock.now - back)
            // One attempt is all that the definition allows.
            for id in [late, busy] { try await shared.reach("failed", id, within: .seconds(10)) }
            // The late result is set aside, or the agent hears before it is sent that nobody waits for it. An agent that
            // ends in order has sent what it had.
            try await shared.stack.stop("fault-agent")
            try await eventually(within: .seconds(5), "results are read") {
                try await shared.redis.send(RedisCommand("XLEN", "orchestrator:results")).integer == 0
            }
            #expect(try await shared.record.stages(late, "stage_completed").isEmpty)
            try await shared.checkConservation()
        }
    }

    @Suite("Many at once", .serialized)
    struct LoadTests {
        @Test("a rolling restart of three orchestrators under load loses nothing and does nothing twice")
        func rollingRestart() async throws {
            let shared = try TestStack.shared()
            let names = ["orchestrator", "orchestrator-2", "orchestrator-3"]
            for name in names.dropFirst() { try await shared.stack.start(name) }
            var client = shared.client
            client.spreads = true
            async let creating = client.createMany(100, "long", "rolling", ["sleep_ms": 400], within: .seconds(90))
            for _ in 1...2 {
                for name in names {
                    let begun = ContinuousClock.now
                    try await shared.stack.stop(name)
                    let stopped = ContinuousClock.now
                    try await shared.stack.start(name)
                    let up = ContinuousClock.now
                    Measurement.note("rolling-restart", "RoadTests.rollingRestart", up - begun)
                    Measurement.note("rolling-restart-stop", "RoadTests.rollingRestart", stopped - begun)
                    Measurement.note("rolling-restart-start", "RoadTests.rollingRestart", up - stopped)
                }
            }
            let ids = try await creating
            try await shared.complete(ids, within: .seconds(90))
            #expect(try await shared.record.stagesCompleted(ids) == ids.count * 7)
            #expect(
                try await shared.record.number(
                    """
                    SELECT count(*)::text FROM tasks WHERE attempt > 1 AND workflow_id = ANY ($1::text::uuid[])
                    """, [.text(Record.list(ids))]) == 0, "an orderly restart uses up no attempt")
            for name in names.dropFirst() { try await shared.stack.stop(name) }
            try await shared.checkConservation()
        }

        @Test("10,000 workflows at once: each is accepted or told to come again, all end, memory stays under 200 MB")
        func burst() async throws {
            let shared = try TestStack.shared()
            // A fresh process, for its memory.
            try await shared.stack.restart("orchestrator")
            let begun = ContinuousClock.now
            let ids = try await shared.client.createMany(10_000, "one", "burst", atOnce: 64, within: .seconds(120))
            #expect(Set(ids).count == 10_000)
            let accepted = ContinuousClock.now - begun
            try await eventually(within: .seconds(120), "10,000 workflows complete") {
                try await shared.record.number(
                    "SELECT count(*)::text FROM workflows WHERE name LIKE 'burst-%' AND status = 'completed'") == 10_000
            }
            let memory = try await shared.peakMemory("orchestrator")
            Measurement.note("burst-accepted", "RoadTests.burst", accepted)
            Measurement.note("burst", "RoadTests.burst", ContinuousClock.now - begun)
            Measurement.note("burst-memory", "RoadTests.burst", "bytes", .integer(Int64(memory)))
            #expect(memory < 200 << 20, "the orchestrator took \(memory >> 20) MiB")
            try await shared.checkConservation()
        }
    }
}
