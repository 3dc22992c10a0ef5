import AgentProtocol
import Glibc
import JSONTools
import Logging
import Testing

@testable import AgentRuntime

@Suite("Settings and arguments")
struct ProgramTests {
    private func configuration(_ environment: [String: String]) throws -> AgentConfiguration {
        try AgentConfiguration(environment: environment, executable: "/nowhere/agent")
    }

    @Test("Without variables the defaults hold")
    func defaults() throws {
        let configuration = try configuration([:])
        #expect(configuration.redisURL == "redis://127.0.0.1:6379")
        #expect(configuration.slots == 4)
        #expect(configuration.dataDirectory.hasPrefix("/") && configuration.dataDirectory.hasSuffix("/.baton"))
        #expect(configuration.logLevel == .info)
        #expect(try self.configuration(["BATON_AGENT_SLOTS": ""]).slots == 4, "empty is not set")
    }

    @Test("Variables are read")
    func values() throws {
        let configuration = try configuration([
            "BATON_REDIS_URL": "redis://h:1/2", "BATON_NAMESPACE": "x", "BATON_DATA_DIR": "/d", "BATON_SHARE_DIR": "/s",
            "BATON_AGENT_SLOTS": "256", "BATON_LOG_LEVEL": "DEBUG", "BATON_LOG_FORMAT": "json",
        ])
        #expect(configuration.redisURL == "redis://h:1/2")
        #expect(configuration.namespace == "x")
        #expect(configuration.dataDirectory == "/d" && configuration.shareDirectory == "/s")
        #expect(configuration.slots == 256)
        #expect(configuration.logLevel == .debug && configuration.logFormat == .json)
    }

    @Test("What stands in a file is a setting as well; a URL that can't be used is not shown")
    func files() throws {
        let path = "/tmp/password-\(getpid())-\(UInt64.random(in: .min ... .max))"
        try FileSystem.write(Array("from a file\n".utf8), to: path)
        defer { unlink(path) }
        let found = try configuration(["BATON_REDIS_URL": "redis://agent@h", "BATON_REDIS_PASSWORD_FILE": path])
        #expect(found.redisPassword == "from a file")
        #expect(found.environment["BATON_REDIS_PASSWORD_FILE"] == nil)
        do {
            _ = try configuration([
                "BATON_REDIS_URL": "http://me:hidden@x", "BATON_REDIS_PASSWORD": "hidden",
                "BATON_REDIS_PASSWORD_FILE": path, "BATON_SECRETS_DIR": "/no/secrets",
            ])
            Issue.record("accepted")
        } catch let error as AgentConfiguration.Faults {
            #expect(error.messages.count == 3)
            #expect(error.description.contains("BATON_REDIS_PASSWORD and BATON_REDIS_PASSWORD_FILE are both set"))
            #expect(!error.description.contains("hidden"))
        }
    }

    @Test("All that is wrong is said at once, each with what was found and expected")
    func faults() throws {
        do {
            _ = try configuration([
                "BATON_REDIS_URL": "http://x", "BATON_NAMESPACE": "a b", "BATON_AGENT_SLOTS": "0",
                "BATON_LOG_LEVEL": "inof", "BATON_LOG_FORMAT": "xml", "BATON_PYTHON": "/no/python",
            ])
            Issue.record("accepted")
        } catch let error as AgentConfiguration.Faults {
            #expect(error.messages.count == 6)
            #expect(
                error.description.contains("BATON_AGENT_SLOTS is \"0\", but has to be a whole number from 1 to 256."))
            #expect(error.description.contains("did you mean info?"))
        }
        #expect(throws: AgentConfiguration.Faults.self) { try configuration(["BATON_REDIS_URL": "rediss://x"]) }
        for slots in ["257", "-1", "4.0", "four", "0x4"] {
            #expect(throws: AgentConfiguration.Faults.self, "\(slots)") {
                try configuration(["BATON_AGENT_SLOTS": slots])
            }
        }
    }

    @Test(
        "The command line",
        arguments: [
            ([], .serve), (["health"], .health), (["--help"], .help), (["-h"], .help), (["--version"], .version),
            (["--task", "f"], .task(file: "f")), (["--task=f"], .task(file: "f")), (["--task", "-"], .task(file: "-")),
            (["--task"], nil), (["--tsk", "f"], nil), (["health", "x"], nil), (["--task", "a", "b"], nil),
        ] as [([String], AgentArguments?)])
    func arguments(words: [String], expected: AgentArguments?) {
        #expect((try? AgentArguments(words)) == expected)
    }

    @Test("A typing error is answered with what was probably meant")
    func suggestion() {
        #expect { try AgentArguments(["--tsk"]) } throws: { error in
            (error as? AgentArguments.Fault)?.message.contains("did you mean --task?") == true
        }
    }

    @Test("Healthy is who was heard in the last 15 s and lives")
    func health() async throws {
        try await TemporaryDirectory.with { directory in
            let run = directory.path + "/run"
            #expect(!HealthFile.check(runDirectory: run, agentType: "demo").isHealthy)
            let file = HealthFile(runDirectory: run, agentType: "demo")
            file.touch()
            #expect(HealthFile.check(runDirectory: run, agentType: "demo").isHealthy)
            #expect(!HealthFile.check(runDirectory: run, agentType: "dem").isHealthy)
            var times = [timespec(), timespec()]
            clock_gettime(CLOCK_REALTIME, &times[0])
            times[0].tv_sec -= 16
            times[1] = times[0]
            utimensat(AT_FDCWD, file.path, &times, 0)
            let old = HealthFile.check(runDirectory: run, agentType: "demo")
            #expect(!old.isHealthy && old.message.contains("16 s ago"))
            file.remove()
            HealthFile(runDirectory: run, agentType: "demo", processID: 4_194_305).touch()
            #expect(!HealthFile.check(runDirectory: run, agentType: "demo").isHealthy, "that process is gone")
            #expect(FileSystem.names(in: run).isEmpty, "and its file is cleared away")
        }
    }

    @Test(
        "The short form of a task is completed",
        arguments: [
            #"{"action": "a"}"#, #"{"action": "a", "workspace": {"url": "/x y/z.git"}}"#,
            #"{"action": "a", "constraints": {"timeout_ms": 5}, "workflow_context": {"input": {"k": 1}}}"#,
            #"{"action": "a", "workspace": null, "payload": null}"#,
        ])
    func shortForm(text: String) throws {
        let envelope = try TaskTrial.envelope(from: Array(text.utf8), agentType: "demo")
        #expect(
            envelope.action == "a" && envelope.stage == "a" && envelope.agentType == "demo" && envelope.attempt == 1)
        if text.contains("url") {
            #expect(envelope.workspace == WorkspaceReference(mode: .write, url: "file:///x%20y/z.git"))
        } else {
            #expect(envelope.workspace.mode == .none)
        }
        if text.contains("timeout") {
            #expect(envelope.constraints.timeoutMilliseconds == 5 && envelope.constraints.leaseMilliseconds == 15_000)
            #expect(envelope.workflowContext.input == ["k": 1])
        }
    }

    @Test("A whole envelope stays as it is")
    func wholeEnvelope() throws {
        let envelope = LoopFixture.task(1).envelope
        #expect(try TaskTrial.envelope(from: envelope.encoded(), agentType: "other") == envelope)
    }

    @Test(
        "What is no task file is refused",
        arguments: ["", "[]", "{}", #"{"action": 1}"#, #"{"action": "a", "attempt": 0}"#])
    func notATask(text: String) {
        #expect(throws: ActionFailure.self) { try TaskTrial.envelope(from: Array(text.utf8), agentType: "demo") }
    }
}
