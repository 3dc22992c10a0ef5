import AgentProtocol
import Glibc
import JSONTools
import Synchronization
import Testing

@testable import AgentRuntime

@Suite("Tools")
struct ToolboxTests {
    /// Runs `body` with the tools of an attempt.
    private func withTools(
        _ body: @escaping @Sendable (Toolbox, String) async throws -> Void
    ) async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ClosureAction { context in
                    try await body(context.tools, context.scratch)
                    return ActionOutcome()
                })
            #expect(result.errors == [])
        }
    }

    private func isAlive(_ processID: Int32) -> Bool { ProcessTable.startTime(of: processID) != nil }

    @Test("Exit code, both streams and input come through; a non-zero status is no error of run")
    func basics() async throws {
        try await withTools { tools, _ in
            let output = try await tools.run(
                ToolCommand("sh", ["-c", "cat; echo oops >&2; exit 3"], standardInput: Array("hello".utf8)))
            #expect(output.text == "hello")
            #expect(output.errorText == "oops\n")
            #expect(output.exitCode == 3)
            #expect(!output.succeeded && !output.truncated && output.signal == nil)
            await #expect(throws: ActionFailure.self) {
                try await tools.runChecked(ToolCommand("sh", ["-c", "echo the reason >&2; exit 3"]))
            }
            do {
                try await tools.runChecked(ToolCommand("sh", ["-c", "echo the reason >&2; exit 3"]))
            } catch let failure as ActionFailure {
                #expect(failure.code == "TOOL_FAILED")
                #expect(failure.message.contains("the reason"))
                #expect(failure.detail["exit_code"] == 3)
            }
        }
    }

    @Test("A tool that reads no input, closes it or is ended by a signal does no harm")
    func unusualTools() async throws {
        try await withTools { tools, _ in
            let large = Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
            let deaf = try await tools.run(ToolCommand("true", standardInput: large))
            #expect(deaf.exitCode == 0)
            let killed = try await tools.run(ToolCommand("sh", ["-c", "kill -9 $$"]))
            #expect(killed.signal == SIGKILL && killed.exitCode == 137 && !killed.succeeded)
            let quiet = try await tools.run(ToolCommand("sh", ["-c", "exec >&- 2>&-; sleep 0.1; exit 4"]))
            #expect(quiet.exitCode == 4, "closing its output is not its end")
        }
    }

    @Test("A missing tool is named")
    func missing() async throws {
        try await withTools { tools, _ in
            await #expect { try await tools.run(ToolCommand("no-such-tool-here")) } throws: { error in
                (error as? ActionFailure)?.code == "TOOL_MISSING"
            }
            await #expect { try await tools.spawn(ToolCommand("./nothing")) } throws: { error in
                (error as? ActionFailure)?.code == "TOOL_MISSING"
            }
            #expect(tools.find("no-such-tool-here") == nil)
            #expect(tools.find("sh")?.hasSuffix("/sh") == true)
            #expect(await tools.version(of: "git")?.hasPrefix("git version") == true)
            #expect(await tools.version(of: "no-such-tool-here") == nil)
        }
    }

    @Test("The environment is an allow-list: no addresses or secrets of the agent, a home of its own, the owner's mark")
    func environment() async throws {
        try await TemporaryDirectory.with { directory in
            var variables = directory.environment
            variables["BATON_REDIS_URL"] = "redis://:secret@127.0.0.1"
            variables["AWS_SECRET_ACCESS_KEY"] = "secret"
            let trial = try TaskTrial(
                type: "demo",
                actions: [
                    ClosureAction { context in
                        let output = try await context.tools.run(
                            ToolCommand("env", environment: ["MINE": "1", "LANG": ""]))
                        return ActionOutcome(output: ["env": .string(output.text)])
                    }
                ],
                environment: variables)
            let result = try await trial.run(Array(#"{"action": "act"}"#.utf8))
            let text = try #require(result.output["env"]?.stringValue)
            #expect(!text.contains("secret"))
            #expect(text.contains("MINE=1\n"))
            #expect(!text.contains("LANG="))
            #expect(text.contains("\(ProcessMark.variable)=\(ProcessMark.own)\n"))
            let home = text.split(separator: "\n").first { $0.hasPrefix("HOME=") }
            #expect(home?.contains("/data/work/") == true)
        }
    }

    @Test("Output beyond the limit is dropped from its middle, and the log takes 200 lines a second")
    func boundedOutput() async throws {
        let lines = Mutex(0)
        let log = AttemptLog { batch, _ in lines.withLock { $0 += batch.count } }
        try await TemporaryDirectory.with { directory in
            _ = try await directory.trial(
                ClosureAction { context in
                    var tools = context.tools
                    tools = Toolbox(
                        environment: tools.environment, directory: tools.directory, logger: TaskLogger(log: log),
                        background: tools.background, finder: tools.finder, prepare: tools.prepare)
                    let output = try await tools.run(
                        ToolCommand(
                            "sh", ["-c", "echo first; yes | head -c 20000000; echo last"], maxOutputBytes: 1 << 20))
                    #expect(output.truncated)
                    #expect(output.standardOutput.count < (1 << 20) + 100)
                    #expect(output.text.hasPrefix("first\ny\n"))
                    #expect(output.text.hasSuffix("y\nlast\n"))
                    #expect(output.text.contains("bytes left out"))
                    return ActionOutcome()
                })
        }
        log.flush()
        let count = lines.withLock { $0 }
        #expect(count >= 200 && count < 5000, "found \(count) lines")
    }

    @Test("At its time limit the whole group is ended, those that ignore SIGTERM too")
    func timeout() async throws {
        try await withTools { tools, scratch in
            let script = "trap '' TERM; (trap '' TERM; echo $$ > children; sleep 60) & sleep 60"
            let start = ContinuousClock.now
            await #expect {
                try await tools.run(ToolCommand("sh", ["-c", script], in: scratch, timeoutSeconds: 0.2))
            } throws: { error in
                (error as? ActionFailure)?.code == "TOOL_TIMEOUT"
            }
            #expect(start.duration(to: .now) < .seconds(50), "it waited for the tool to end by itself")
            #expect(await ProcessTable.isSoonLeft(scratch))
        }
    }

    @Test("What a tool leaves running in its group ends with it, though it holds the output open")
    func leftovers() async throws {
        try await withTools { tools, scratch in
            let start = ContinuousClock.now
            let output = try await tools.run(ToolCommand("sh", ["-c", "sleep 60 & echo $!"], in: scratch))
            let child = try #require(Int32(output.text.split(separator: "\n").first ?? ""))
            #expect(start.duration(to: .now) < .seconds(50), "it waited for the tool to end by itself")
            #expect(await ProcessTable.isSoonGone(child))
        }
    }

    @Test("A background tool runs until it is stopped, and never outlives the attempt")
    func background() async throws {
        try await TemporaryDirectory.with { directory in
            let seen = Mutex<[Int32]>([])
            let result = try await directory.trial(
                ClosureAction { context in
                    let first = try await context.tools.spawn(ToolCommand("sh", ["-c", "echo ready; sleep 60"]))
                    #expect(first.isRunning && first.pid > 1)
                    let output = await first.stop()
                    #expect(output?.text == "ready\n" || output?.text == "", "it was stopped while it slept")
                    #expect(!first.isRunning)
                    let second = try await context.tools.spawn(ToolCommand("sleep", ["60"]))
                    let short = try await context.tools.spawn(ToolCommand("sh", ["-c", "exit 7"]))
                    #expect(try await short.waitForExit().exitCode == 7)
                    seen.withLock { $0 = [first.pid, second.pid] }
                    return ActionOutcome()
                })
            #expect(result.status == .success)
            for processID in seen.withLock({ $0 }) { #expect(!isAlive(processID)) }
        }
    }

    @Test("Cancelled, it ends the group within 5 s and throws CancellationError")
    func cancellation() async throws {
        try await withTools { tools, scratch in
            let task = Task {
                try await tools.run(ToolCommand("sh", ["-c", "trap '' TERM; touch here; sleep 60"], in: scratch))
            }
            while !FileSystem.exists(scratch + "/here") { await Task.yield() }
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(start.duration(to: .now) < .seconds(50), "it waited for the tool to end by itself")
            #expect(await ProcessTable.isSoonLeft(scratch))
        }
    }

    @Test("A free port can be listened on, and a probe tells what answers there")
    func probe() async throws {
        try await withTools { tools, scratch in
            try FileSystem.write(Array("hello".utf8), to: scratch + "/page.html")
            let port = try tools.freePort()
            let nothing = await tools.probe("http://127.0.0.1:\(port)/", timeoutSeconds: 1)
            #expect(nothing.status == nil && nothing.problem?.isEmpty == false)
            let server = try await tools.spawn(
                ToolCommand("python3", ["-m", "http.server", "--bind", "127.0.0.1", "\(port)"], in: scratch))
            var page = nothing
            for _ in 0..<200 where page.status == nil {
                page = await tools.probe("http://127.0.0.1:\(port)/page.html", timeoutSeconds: 1)
                if page.status == nil { try await Task.sleep(for: .milliseconds(50)) }
            }
            #expect(page.status == 200 && page.text == "hello" && page.isHealthy)
            let missing = await tools.probe("http://127.0.0.1:\(port)/missing", timeoutSeconds: 1)
            #expect(missing.status == 404 && !missing.isHealthy)
            await server.stop()
        }
    }
}
