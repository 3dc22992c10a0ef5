import FaultKit
import Foundation
import Glibc
import JSONTools
import LocalStack
import RedisDriver
import Testing

extension RealProcessTests {
    @Suite("Everything at once", .serialized)
    struct ChaosTests {
        /// One thing that goes wrong.
        enum Fault: CaseIterable {
            case agentKilled
            case agentTerminated
            case orchestratorKilled
            case redisKilled
            case databaseKilled
            case redisWiped
        }

        @Test("processes killed and Redis wiped in any order under load: every workflow completes, each stage once")
        func anyOrder() async throws {
            let shared = try TestStack.shared()
            let seed = UInt64.random(in: .min ... .max)
            try await shared.stack.start("orchestrator-2")
            do {
                try await run(Dice(seed: seed), shared)
            } catch {
                Issue.record("with seed \(seed): \(error)")
            }
            try await shared.stack.stop("orchestrator-2")
            try await shared.checkConservation(tidyWithin: .seconds(75))
        }

        private func run(_ dice: Dice, _ shared: TestStack) async throws {
            var dice = dice
            async let creating = shared.client.createMany(60, "long", "chaos", ["sleep_ms": 600])
            var faults: [Fault] = []
            for _ in 0..<3 { faults += Fault.allCases.shuffled(using: &dice) }
            for fault in faults {
                try await bring(fault, shared, &dice)
                // The rhythm of the faults, not a wait for something.
                try await Task.sleep(for: .milliseconds(Int.random(in: 200...2500, using: &dice)))
            }
            try await shared.complete(try await creating, within: .seconds(150))
        }

        private func bring(_ fault: Fault, _ shared: TestStack, _ dice: inout Dice) async throws {
            let agent = StackConfiguration.allAgents.randomElement(using: &dice) ?? "scaffold"
            switch fault {
            case .agentKilled: try await shared.stack.kill(agent + "-agent")
            case .agentTerminated: try await shared.stack.signal(agent + "-agent", SIGTERM)
            case .orchestratorKilled:
                try await shared.stack.kill(Bool.random(using: &dice) ? "orchestrator" : "orchestrator-2")
            case .redisKilled: try await shared.stack.kill("redis")
            case .databaseKilled: try await shared.stack.kill("postgres")
            case .redisWiped:
                // Redis may be away at this moment: then it is spared this time.
                _ = try? await shared.redis.send(RedisCommand("FLUSHALL"))
            }
        }
    }
}
