import FaultKit
import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

extension RealProcessTests {
    @Suite("Processes are killed", .serialized)
    struct KillTests {
        @Test("kill -9 of the orchestrator in mid-workflow: it completes, running work isn't repeated")
        func orchestratorKilled() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("noop", "orchestrator-killed", ["sleep_ms": 1000])
            _ = try await shared.running(id, "validation")
            #expect(try await shared.stack.kill("orchestrator"))
            try await shared.stack.awaitReady("orchestrator")
            try await shared.complete([id], within: .seconds(40))
            #expect(try await shared.record.stages(id, "stage_completed") == RealProcessTests.stages)
            let attempts = try await shared.record.attempts(id)
            #expect(attempts.map(\.stage) == RealProcessTests.stages)
            #expect(attempts.allSatisfy { $0.number == 1 })
            #expect(try await shared.record.stages(id, "task_sent_again").isEmpty)
            try await shared.checkConservation()
        }

        @Test("kill -9 of each agent in mid-stage: seen within 20 s, counted, the next attempts complete")
        func agentsKilled() async throws {
            let shared = try TestStack.shared()
            var ids: [UniqueID] = []
            for type in StackConfiguration.allAgents {
                ids.append(try await shared.client.create("nap-\(type)", "\(type)-killed", ["sleep_ms": 10_000]))
            }
            var dispatches: [String] = []
            for id in ids { dispatches.append(try await shared.running(id, "first").dispatch) }
            for type in StackConfiguration.allAgents { #expect(try await shared.stack.kill("\(type)-agent")) }
            let killed = try await shared.record.now()
            try await shared.complete(ids, within: .seconds(60))
            for (id, dispatch) in zip(ids, dispatches) {
                let attempts = try await shared.record.attempts(id).filter { $0.stage == "first" }
                #expect(attempts.map(\.number) == [1, 2])
                #expect(attempts.map(\.status) == [Record.Attempt.lost, Record.Attempt.succeeded])
                #expect(attempts.first?.dispatch == dispatch)
                let seen = try #require(attempts.first).completedAt - killed
                Measurement.note("agent-killed", "KillTests.agentsKilled", seconds: seen)
                #expect(seen <= 20 * Double(patience), "seen too late")
                #expect(try await shared.record.stages(id, "attempt_lost") == ["first"])
                #expect(try await shared.record.stages(id, "retry_scheduled") == ["first"], "a lost attempt counts")
            }
            try await shared.checkConservation()
        }

        @Test("PostgreSQL killed and restarted in the middle of 50 workflows: all complete, each stage once")
        func databaseKilled() async throws {
            try await killInTheMiddle(of: 50, "postgres")
        }

        @Test("Redis killed and restarted in the middle of 50 workflows: all complete, each stage once")
        func redisKilled() async throws {
            try await killInTheMiddle(of: 50, "redis")
        }

        @Test("two orchestrators, one of which is killed in the middle of 100 workflows: each stage once")
        func oneOfTwoOrchestratorsKilled() async throws {
            let shared = try TestStack.shared()
            try await shared.stack.start("orchestrator-2")
            do {
                try await killInTheMiddle(of: 100, "orchestrator-2")
            } catch {
                try await shared.stack.stop("orchestrator-2")
                throw error
            }
            try await shared.stack.stop("orchestrator-2")
        }

        private func killInTheMiddle(of count: Int, _ victim: String) async throws {
            let shared = try TestStack.shared()
            let ids = try await shared.client.createMany(count, "noop", "\(victim)-killed", ["sleep_ms": 50])
            try await eventually(within: .seconds(60), "a third of the stages is done") {
                try await shared.record.stagesCompleted(ids) >= count * RealProcessTests.stages.count / 3
            }
            let before = try await shared.record.count(ids, "completed")
            #expect(try await shared.stack.kill(victim))
            #expect(before < count, "the kill came too late to mean anything")
            try await shared.stack.awaitReady(victim)
            let back = ContinuousClock.now
            let done = try await shared.record.stagesCompleted(ids)
            try await eventually(within: .seconds(10), "stages complete again") {
                let now = try await shared.record.stagesCompleted(ids)
                return now > done || now == count * RealProcessTests.stages.count
            }
            Measurement.note("\(victim)-killed", "KillTests.killInTheMiddle(\(victim))", ContinuousClock.now - back)
            try await shared.complete(ids, within: .seconds(90))
            #expect(try await shared.record.stagesCompleted(ids) == count * RealProcessTests.stages.count)
            try await shared.checkConservation()
        }
    }

    @Suite("Processes are asked to end", .serialized)
    struct TerminationTests {
        @Test("an agent with running work hands over and exits with 0 within 30 s; the attempt doesn't count")
        func agent() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("nap-scaffold", "agent-terminated", ["sleep_ms": 60_000])
            // The agent has four slots: these end within its 25 s, and what waits behind them isn't begun any more.
            let short = try await shared.client.createMany(3, "nap-scaffold", "agent-terminated", ["sleep_ms": 5000])
            for running in [id] + short { _ = try await shared.running(running, "first") }
            let waiting = try await shared.client.createMany(3, "nap-scaffold", "not-begun")
            let mark = shared.news.count
            let asked = ContinuousClock.now
            #expect(try await shared.stack.signal("scaffold-agent", SIGTERM))
            try await eventually(within: .seconds(35), "the agent ends") {
                shared.news.death(of: "scaffold-agent", after: mark) != nil
            }
            let time = ContinuousClock.now - asked
            Measurement.note("sigterm", "TerminationTests.agent", time)
            #expect(time <= .seconds(30 + 2 * patience))
            #expect(shared.news.death(of: "scaffold-agent", after: mark) == .exited(0))
            try await eventually(within: .seconds(15), "the next attempt runs") {
                let attempt = try await shared.record.attempt(id, "first")
                return attempt?.number == 2 && attempt?.status == Record.Attempt.running
            }
            try await shared.complete(short + waiting, within: .seconds(20))
            for other in short + waiting {
                #expect(try await shared.record.attempts(other).map(\.number) == [1, 1])
                #expect(try await shared.record.stages(other, "attempt_lost").isEmpty)
            }
            #expect(try await shared.record.stages(id, "attempt_lost") == ["first"])
            #expect(
                try await shared.record.stages(id, "retry_scheduled").isEmpty, "an attempt handed over isn't counted")
            try await shared.client.cancel(id)
            try await eventually(within: .seconds(15), "the workflow is cancelled") {
                try await shared.record.status(id) == "cancelled"
            }
            try await shared.checkConservation()
        }

        @Test("the orchestrator exits with 0; what runs meanwhile goes on")
        func orchestrator() async throws {
            let shared = try TestStack.shared()
            let id = try await shared.client.create("noop", "orchestrator-terminated", ["sleep_ms": 500])
            _ = try await shared.running(id, "validation")
            let mark = shared.news.count
            let asked = ContinuousClock.now
            #expect(try await shared.stack.signal("orchestrator", SIGTERM))
            try await eventually(within: .seconds(35), "the orchestrator ends") {
                shared.news.death(of: "orchestrator", after: mark) != nil
            }
            let time = ContinuousClock.now - asked
            Measurement.note("sigterm", "TerminationTests.orchestrator", time)
            #expect(time <= .seconds(30))
            #expect(shared.news.death(of: "orchestrator", after: mark) == .exited(0))
            try await shared.stack.awaitReady("orchestrator")
            try await shared.complete([id], within: .seconds(30))
            #expect(try await shared.record.attempts(id).count == RealProcessTests.stages.count)
            try await shared.checkConservation()
        }

        @Test("the orchestrator ends within 30 s though a caller takes none of its answers")
        func deafCaller() async throws {
            let shared = try TestStack.shared()
            let url = try #require(shared.client.urls.first)
            let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
            let caller = try #require(
                DeafCaller(port: port, path: "/api/v1/workflows?limit=20", token: shared.client.token))
            let mark = shared.news.count
            let asked = ContinuousClock.now
            #expect(try await shared.stack.signal("orchestrator", SIGTERM))
            try await eventually(within: .seconds(35), "the orchestrator ends") {
                shared.news.death(of: "orchestrator", after: mark) != nil
            }
            withExtendedLifetime(caller) {}
            let time = ContinuousClock.now - asked
            Measurement.note("sigterm", "TerminationTests.deafCaller", time)
            #expect(time <= .seconds(30))
            #expect(shared.news.death(of: "orchestrator", after: mark) == .exited(0))
            try await shared.stack.awaitReady("orchestrator")
            try await shared.checkConservation()
        }
    }
}
