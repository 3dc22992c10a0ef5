import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

@testable import BatonCLI

/// What `baton agents new` begins in Python, when it is treated badly.
@Suite("The Python agent")
struct KilledAgentTests {
    private static let checkout = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// An agent with an action that crashes, and one that never ends and keeps a pipe open together with what it started.
    private static let script = """
        import os, subprocess, sys, time
        sys.path.insert(0, "\(checkout)/share/agents/python")
        from baton_agent import serve

        def crash(task):
            os._exit(7)

        def hold(task):
            pipe = os.open(task["payload"]["pipe"], os.O_WRONLY)
            subprocess.Popen(["sleep", "600"], pass_fds=[pipe])
            os.write(pipe, b"begun\\n")
            time.sleep(600)

        serve("words", {"crash": crash, "hold": hold}, slots=3)
        """

    /// Waits until the action has begun, kills the agent, and reads the pipe to its end: that comes when nobody holds it.
    private static let killing = """
        exec 3<"$1"
        read -r line <&3
        kill -9 "$2"
        cat <&3
        echo "$line, over"
        """

    @Test("an action ends with an agent that is killed, with all that it started; one that crashes is told")
    func killed() async throws {
        try await withInstallation { baton in
            var configuration = StackConfiguration.ephemeral(dataDirectory: baton.data, agents: [], orchestrators: 0)
            configuration.usesPostgres = false
            let stack = LocalStack(configuration)
            try await stack.start()
            do {
                try await kill(in: baton, redisURL: try #require(await stack.redisURL))
            } catch {
                await stack.destroy()
                throw error
            }
            await stack.destroy()
        }
    }

    private func kill(in baton: Installation, redisURL: String) async throws {
        try Self.script.write(toFile: baton.directory + "/agent.py", atomically: true, encoding: .utf8)
        let agent = try await DetachedProcess.spawn(
            DaemonCommand(
                executable: ProcessInfo.processInfo.environment["BATON_PYTHON"] ?? "/usr/bin/python3",
                arguments: [baton.directory + "/agent.py"],
                environment: baton.environment.merging(["BATON_REDIS_URL": redisURL]) { $1 },
                logFile: baton.directory + "/agent.log"))
        let examiner = AgentExaminer(type: "words", url: redisURL, traceFile: baton.directory + "/trace.log")
        let crashed = await examiner.send(action: "crash", [:])
        let isTold = await examiner.wait(.seconds(60)) { !$0.results(of: crashed).isEmpty }
        let log = LogTail.lines(of: baton.directory + "/agent.log", count: 10)
        try #require(isTold, "\(log)")
        let result = await examiner.results(of: crashed).first?.message
        #expect(result?["errors"]?[0]?["code"] == "CRASHED", "\(result ?? .null)")

        let pipe = baton.directory + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        await examiner.send(action: "hold", ["pipe": .string(pipe)])
        let over = try await ShortCommand(
            "/bin/sh", ["-ec", Self.killing, "sh", pipe, "\(agent.identity.pid)"], environment: baton.environment,
            timeout: .seconds(60)
        ).run()
        #expect(over.output == "begun, over\n", "\(over.errors)")
        #expect(await agent.waitForExit() == .signaled(SIGKILL))
    }
}
