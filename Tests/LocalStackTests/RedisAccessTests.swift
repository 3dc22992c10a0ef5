import Foundation
import Testing

@testable import LocalStack

@Suite("Who may do what on the private Redis", .serialized)
struct RedisAccessTests {
    @Test(
        "A process gets the user of its kind",
        arguments: [
            ("orchestrator", "orchestrator"), ("orchestrator-2", "orchestrator"), ("scaffold-agent", "agent-scaffold"),
            ("e2e-agent-3", "agent-e2e"), ("redis", nil),
        ] as [(String, String?)])
    func users(_ component: String, _ user: String?) {
        #expect(RedisAccess.user(of: component) == user)
    }

    @Test("An agent works with its own tasks and adds to what orchestrators read; all else is refused it")
    func agents() async throws {
        try await withRedis { url in
            let agent = url("scaffold-agent")
            for command in [
                "XGROUP CREATE agent:scaffold:tasks agents 0 MKSTREAM", "XADD agent:scaffold:tasks:high * envelope x",
                "XREADGROUP GROUP agents me COUNT 1 STREAMS agent:scaffold:tasks >",
                "XACK agent:scaffold:tasks agents 1-1", "XDEL agent:scaffold:tasks 1-1",
                "XADD orchestrator:results * envelope x", "XADD agent:signals MAXLEN ~ 100 * envelope x",
                "XADD agent:logs * envelope x", "PING", "TIME", "INFO memory", "CLIENT SETNAME me",
            ] {
                let reply = try await run(agent, command)
                #expect(!reply.hasPrefix("NOPERM"), "\(command): \(reply)")
            }
            for command in [
                "XADD agent:validation:tasks * envelope x",
                "XREADGROUP GROUP agents me STREAMS agent:validation:tasks >",
                "XREADGROUP GROUP orchestrators me STREAMS orchestrator:results >", "XRANGE orchestrator:results - +",
                "XDEL orchestrator:results 1-1", "XDEL agent:signals 1-1", "XTRIM agent:signals MAXLEN 0",
                "XGROUP DESTROY agent:scaffold:tasks agents", "DEL agent:scaffold:tasks", "SET colour green",
                "GET colour", "KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET maxmemory", "ACL LIST",
                "PUBLISH agent:scaffold:control x", "PUBLISH orchestrator:results x", "CLIENT KILL TYPE normal",
                "SHUTDOWN", "SUBSCRIBE agent:validation:control",
            ] {
                let reply = try await run(agent, command)
                #expect(reply.hasPrefix("NOPERM"), "\(command): \(reply)")
            }
            for script in ["redis.call('FLUSHALL')", "redis.call('XRANGE','orchestrator:results','-','+')"] {
                let reply = try await run(agent, "EVAL \(script) 0")
                #expect(reply.hasPrefix("ERR") && reply.contains("this command"), "\(script): \(reply)")
            }
        }
    }

    @Test("An orchestrator works with the names of the protocol, and with nothing else")
    func orchestrators() async throws {
        try await withRedis { url in
            let orchestrator = url("orchestrator-2")
            for command in [
                "XADD agent:scaffold:tasks * envelope x", "XADD orchestrator:dead * envelope x",
                "PUBLISH agent:scaffold:tasks x", "PUBLISH workflow:events x", "SET inlet:x 1 NX PX 1000",
                "EVAL return(1) 0", "XGROUP CREATE orchestrator:results orchestrators 0 MKSTREAM",
            ] {
                let reply = try await run(orchestrator, command)
                #expect(!reply.hasPrefix("NOPERM"), "\(command): \(reply)")
            }
            for command in [
                "SET colour green", "KEYS *", "FLUSHALL", "CONFIG GET maxmemory", "ACL LIST", "SHUTDOWN",
                "SUBSCRIBE other",
            ] {
                let reply = try await run(orchestrator, command)
                #expect(reply.hasPrefix("NOPERM"), "\(command): \(reply)")
            }
        }
    }

    @Test("A namespace is part of every name")
    func namespaces() throws {
        let rules = try RedisAccess.rules(in: Programs.shareDirectory(binDirectory: Programs.binDirectory()))
        let access = RedisAccess(password: "p", namespace: "x")
        let lines = access.lines(rules: rules, agentTypes: ["scaffold", "scaffold"])
        #expect(lines.count == 3)
        #expect(lines[2].contains(" ~x:agent:scaffold:tasks ") && lines[2].contains(" &x:agent:scaffold:control "))
        #expect(!lines[2].contains(" ~agent:"))
    }

    /// A private Redis; `body` gets what tells a process's URL.
    private func withRedis(_ body: (_ url: (String) -> String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            var configuration = StackConfiguration.ephemeral(
                dataDirectory: directory + "/data", agents: [], orchestrators: 0)
            configuration.usesPostgres = false
            try await withStack(configuration) { stack in
                let server = try #require(await stack.redis)
                try await body { server.url(for: $0, overSocket: false) }
            }
        }
    }

    private func run(_ url: String, _ command: String) async throws -> String {
        let words = command.split(separator: " ").map(String.init)
        let outcome = try await ShortCommand(
            "redis-cli", ["-u", url, "--no-auth-warning"] + words, timeout: .seconds(10)
        ).run()
        return outcome.output
    }
}
