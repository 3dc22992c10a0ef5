import AgentProtocol
import FaultKit
import Glibc
import LocalStack
import RedisDriver

/// Everything that goes wrong. One fault after the other begins; those that last end by themselves, later.
struct ChaosFaults: Sendable {
    /// A kind of fault, and how often it is chosen.
    enum Kind: String, Sendable, CaseIterable {
        case agentKilled = "agent killed (SIGKILL)"
        case agentTerminated = "agent told to end (SIGTERM)"
        case agentStopped = "agent stopped and continued (SIGSTOP, 1 to 25 s)"
        case agentBlocked = "agent cut off, what it sent arrives later (1 to 25 s)"
        case agentCut = "agent's connections cut (1 to 10 s)"
        case orchestratorKilled = "orchestrator killed (SIGKILL)"
        case orchestratorTerminated = "orchestrator told to end (SIGTERM)"
        case orchestratorStopped = "orchestrator stopped and continued (SIGSTOP, 1 to 20 s)"
        case orchestratorBlocked =
            "orchestrator cut off from Redis or PostgreSQL, what it sent arrives later (1 to 20 s)"
        case orchestratorCut = "orchestrator's connections to Redis or PostgreSQL cut (1 to 5 s)"
        case commitReplyLost = "reply to a commit lost"
        case execReplyLost = "reply to a result's EXEC lost"
        case redisKilled = "Redis killed (SIGKILL)"
        case redisRestarted = "Redis restarted"
        case redisStopped = "Redis stopped and continued (SIGSTOP, 1 to 8 s)"
        case redisWiped = "FLUSHALL"
        case redisFull = "Redis out of memory (1 to 5 s)"
        case streamDeleted = "a stream deleted"
        case databaseKilled = "PostgreSQL killed (SIGKILL)"
        case databaseRestarted = "PostgreSQL restarted"
        case garbage = "garbage on every stream and channel"
        case resultsRepeated = "results sent again by a stranger"
        case tasksRepeated = "task entries put on their stream a second time"

        var weight: Int {
            switch self {
            case .agentKilled, .orchestratorKilled: 6
            case .agentTerminated, .agentStopped, .agentBlocked, .agentCut, .orchestratorTerminated: 3
            case .orchestratorStopped, .orchestratorBlocked, .orchestratorCut: 3
            case .commitReplyLost, .execReplyLost, .resultsRepeated, .tasksRepeated: 4
            case .redisKilled, .redisStopped, .redisWiped, .streamDeleted, .databaseKilled: 2
            case .redisRestarted, .redisFull, .databaseRestarted, .garbage: 1
            }
        }
    }

    let stack: LocalStack
    let roads: Roads
    let redis: RedisClient
    let ledger: ChaosLedger
    let agents: [String]
    let orchestrators: [String]

    /// Brings faults until the deadline, and returns when the last one is over.
    func run(until deadline: ContinuousClock.Instant, seed: UInt64) async throws {
        var dice = Dice(seed: seed, for: "faults")
        let deck = Kind.allCases.flatMap { Array(repeating: $0, count: $0.weight) }
        try await withThrowingDiscardingTaskGroup { group in
            while ContinuousClock.now < deadline {
                guard let kind = deck.randomElement(using: &dice) else { return }
                let own = Dice(seed: dice.next())
                group.addTask { try await bring(kind, own) }
                // Often several at once, sometimes a while of peace in which work gets done.
                let pause = Int.random(in: 0..<12, using: &dice) == 0 ? 8000 : Int.random(in: 100...4000, using: &dice)
                try await Task.sleep(for: .milliseconds(pause))
            }
        }
    }

    /// Whatever may still be wrong is put right.
    func end() async throws {
        roads.openAll()
        for name in await stack.components { _ = try? await stack.signal(name, SIGCONT) }
        for name in await stack.components { try await stack.start(name) }
        _ = try await redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
    }

    private func bring(_ kind: Kind, _ dice: Dice) async throws {
        var dice = dice
        ledger.brought(kind.rawValue)
        let agent = agents.randomElement(using: &dice) ?? ""
        let orchestrator = orchestrators.randomElement(using: &dice) ?? ""
        switch kind {
        case .agentKilled: try await stack.kill(agent)
        case .agentTerminated: try await stack.signal(agent, SIGTERM)
        case .agentStopped: try await halt(agent, 1...25, &dice)
        case .agentBlocked: try await road(agent, .redis, .blocked, 1...25, &dice)
        case .agentCut: try await road(agent, .redis, .cut, 1...10, &dice)
        case .orchestratorKilled: try await stack.kill(orchestrator)
        case .orchestratorTerminated: try await stack.signal(orchestrator, SIGTERM)
        case .orchestratorStopped: try await halt(orchestrator, 1...20, &dice)
        case .orchestratorBlocked: try await road(orchestrator, server(&dice), .blocked, 1...20, &dice)
        case .orchestratorCut: try await road(orchestrator, server(&dice), .cut, 1...5, &dice)
        case .commitReplyLost: roads[orchestrator, .postgres]?.lose(.reply(["UPDATE ", "COMMIT\u{0}"]))
        case .execReplyLost: roads[agent, .redis]?.lose(.replyTo(["orchestrator:results", "EXEC"]))
        case .redisKilled: try await stack.kill("redis")
        case .redisRestarted: try await stack.restart("redis")
        case .redisStopped: try await halt("redis", 1...8, &dice)
        case .redisFull:
            _ = try? await redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
            try await Task.sleep(for: .milliseconds(Int.random(in: 1000...5000, using: &dice)))
            _ = try? await redis.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
        // Redis may be away at this moment: then it is spared this time.
        case .redisWiped: _ = try? await redis.send(RedisCommand("FLUSHALL"))
        case .streamDeleted:
            let stream = Self.streams.randomElement(using: &dice) ?? ""
            _ = try? await redis.send(RedisCommand("DEL", .text(stream)))
        case .databaseKilled: try await stack.kill("postgres")
        case .databaseRestarted: try await stack.restart("postgres")
        case .garbage: await spreadGarbage(&dice)
        case .resultsRepeated: await repeatEntries(of: [ChannelNames().results])
        case .tasksRepeated: await repeatEntries(of: Self.streams)
        }
    }

    private func server(_ dice: inout Dice) -> Roads.Server { Bool.random(using: &dice) ? .redis : .postgres }

    private func halt(_ component: String, _ seconds: ClosedRange<Int>, _ dice: inout Dice) async throws {
        try await stack.signal(component, SIGSTOP)
        try await Task.sleep(for: .milliseconds(Int.random(in: 1000...seconds.upperBound * 1000, using: &dice)))
        try await stack.signal(component, SIGCONT)
    }

    private func road(
        _ component: String, _ server: Roads.Server, _ mode: TCPProxy.Mode, _ seconds: ClosedRange<Int>,
        _ dice: inout Dice
    ) async throws {
        guard let road = roads[component, server] else { return }
        road.mode = mode
        try await Task.sleep(for: .milliseconds(Int.random(in: 1000...seconds.upperBound * 1000, using: &dice)))
        road.mode = .open
    }

    private static let streams =
        (StackConfiguration.allAgents + ["fault"]).map { ChannelNames().tasks($0, .medium) }
        + [ChannelNames().results, ChannelNames().signals]

    private func spreadGarbage(_ dice: inout Dice) async {
        let bytes = (0..<300).map { _ in UInt8.random(in: .min ... .max, using: &dice) }
        for stream in Self.streams {
            for garbage in [bytes, Array(#"{"kind": "heartbeat"}"#.utf8), []] {
                _ = try? await redis.send(RedisCommand("XADD", .text(stream), "*", "envelope", .bytes(garbage)))
                _ = try? await redis.publish(garbage, to: stream)
            }
        }
        for agent in StackConfiguration.allAgents {
            _ = try? await redis.publish(bytes, to: ChannelNames().control(agent))
        }
    }

    /// Puts what is on streams on them once more.
    private func repeatEntries(of streams: [String]) async {
        for stream in streams where stream != ChannelNames().signals {
            let reply = try? await redis.send(RedisCommand("XRANGE", .text(stream), "-", "+", "COUNT", 5))
            for entry in (try? reply?.streamEntries()) ?? [] {
                guard let bytes = entry.bytes(of: "envelope") else { continue }
                _ = try? await redis.send(RedisCommand("XADD", .text(stream), "*", "envelope", .bytes(bytes)))
            }
        }
    }
}
