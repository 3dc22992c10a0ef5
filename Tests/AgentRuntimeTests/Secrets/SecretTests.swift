import AgentProtocol
import Glibc
import JSONTools
import Logging
import Synchronization
import TaskTransport
import Testing

@testable import AgentRuntime

/// A secret is pushed through every door of an agent; it must be used inside and never be seen outside.
@Suite("Secrets stay with the agent")
struct SecretTests {
    static let value = "pässword/with=\"all\" & <more>"
    /// In a result, a log or a file, whichever form it takes.
    static let redactor = Redactor([(name: "X", value: value)])

    /// Lines of a log, collected from any thread.
    final class Lines: Sendable {
        private let box = Mutex<[String]>([])
        var all: [String] { box.withLock { $0 } }
        func add(_ text: String) { box.withLock { $0.append(text) } }
    }

    /// The environment of an agent with the secret `DEPLOY_KEY`.
    private func environment(_ directory: TemporaryDirectory) throws -> [String: String] {
        try directory.write(Self.value + "\n", to: "secrets/DEPLOY_KEY")
        return directory.environment.merging(["BATON_SECRETS_DIR": directory.path + "/secrets"]) { $1 }
    }

    private func run(
        _ task: JSONObject, _ action: ClosureAction, _ environment: [String: String], _ lines: Lines = Lines()
    ) async throws -> TaskResult {
        var task = task
        task["action"] = .string(action.description.name)
        let trial = try TaskTrial(type: "demo", actions: [action], environment: environment)
        return try await trial.run(JSONValue.object(task).encoded()) { lines.add($0.text) }
    }

    /// The files below a directory that hold the secret.
    private func leaks(below path: String) throws -> [String] {
        try FileSystem.names(in: path).flatMap { name -> [String] in
            let file = path + "/" + name
            if FileSystem.isDirectory(file) { return try leaks(below: file) }
            guard FileSystem.isRegularFile(file) else { return [] }
            return Self.redactor.finds(in: try FileSystem.read(file)) ? [file] : []
        }
    }

    /// Says the secret wherever an action can say something.
    private static let teller = ClosureAction(schema: ["properties": ["key": ["type": "string"]]]) { context in
        let key = context.input["key"]?.stringValue ?? ""
        guard key == value else { throw ActionFailure(code: "NOT_RESOLVED", message: "\(context.input)") }
        guard context.envelope.payload["key"] == ["secret": "DEPLOY_KEY"] else {
            throw ActionFailure(code: "RESOLVED_ON_THE_WIRE", message: "the envelope holds the value")
        }
        context.logger.info("i \(key)")
        context.logger.warning("w \(key)")
        context.logger.error(String(repeating: "x", count: 4090) + key)
        context.logger.debug("d \(key)")
        context.report(progress: 0.5, note: "n \(key)")
        // At the border of what is read at a time, and in pieces; on both streams; encoded; from its environment.
        let script = """
            head -c 65530 /dev/zero | tr '\\0' x; printf '%s\\n' "$KEY"
            printf '%s' "$KEY" | base64 -w 0; echo; printf 'user:%s' "$KEY" | base64 -w 0; echo
            printf '%s' "$KEY" | od -An -tx1 | tr -d ' \\n'; echo
            printf '%s\\n' "$KEY" >&2; printf '%s' "$KEY" | dd bs=3 2>/dev/null; exit 3
            """
        let command = ToolCommand("sh", ["-c", script, key], environment: ["KEY": key])
        let output = try await context.tools.run(command)
        guard output.standardOutput.count > 65_530, output.exitCode == 3 else {
            throw ActionFailure(code: "NOT_RUN", message: output.text)
        }
        var outcome = ActionOutcome(status: .partial)
        do {
            try await context.tools.runChecked(command)
        } catch {
            outcome.warnings.append("\(error)")
        }
        outcome.warnings += [output.text, output.errorText, key]
        let tool = try await context.tools.spawn(ToolCommand("printf", ["%s", key]))
        outcome.warnings.append(try await tool.waitForExit().text)
        try context.artifacts.add(bytes: Array("<p>\(key)</p>".utf8), name: "a \(key)", type: "text/html", label: key)
        let file = context.scratch + "/report.json"
        try FileSystem.write(JSONValue.object(["k": .string(key)]).encoded(), to: file)
        try context.artifacts.add(file: file, name: "report.json", type: "application/json; charset=utf-8")
        for isFile in [true, false] {
            do {
                if isFile {
                    try context.artifacts.add(file: file, name: "shot.png", type: "image/png")
                } else {
                    try context.artifacts.add(bytes: Array(key.utf8), name: "shot.png", type: "image/png")
                }
                outcome.warnings.append("a picture with a secret was stored")
            } catch let failure as ActionFailure {
                outcome.warnings.append(failure.message)
            }
        }
        outcome.output = ["nested": [["key": .string(key)], .string("k=\(key)")], "plain": "plain"]
        outcome.output[key] = "as a key"
        outcome.faults = [TaskFault(code: "C", message: key, detail: ["d": .string(key)])]
        outcome.questions = [Question(id: "q", text: "Is it \(key)?", options: [key, "no"])]
        return outcome
    }

    @Test("An action has the value; no line, artifact, result or file has it")
    func everyDoor() async throws {
        try await TemporaryDirectory.with { directory in
            let lines = Lines()
            let result = try await run(
                ["payload": ["key": ["secret": "DEPLOY_KEY"]]], Self.teller, try environment(directory), lines)
            #expect(result.status == .partial, "\(result.errors)")
            #expect(result.errors.map(\.code) == ["C"], "\(result.errors)")
            #expect(!Self.redactor.finds(in: result.encoded()))
            #expect(result.output["plain"] == "plain" && result.output["[secret DEPLOY_KEY]"] == "as a key")
            #expect(result.questions.first?.options == ["[secret DEPLOY_KEY]", "no"])
            #expect(result.warnings.count { $0.contains("it holds a secret") } == 2, "\(result.warnings)")
            #expect(result.warnings.contains { $0.hasPrefix(String(repeating: "x", count: 1000)) })
            #expect(result.artifacts.map(\.name) == ["a [secret DEPLOY_KEY]", "report.json"])
            for line in lines.all { #expect(!Self.redactor.finds(in: Array(line.utf8)), "\(line)") }
            #expect(lines.all.count { $0.contains("[secret DEPLOY_KEY]") } > 12, "\(lines.all)")
            // A line that was cut was redacted first, so that no beginning of the secret is left.
            #expect(lines.all.contains { $0.contains("xxx[s") && $0.utf8.count <= AttemptLog.maxTextBytes })
            #expect(try leaks(below: directory.path + "/data") == [])
            let stored = try #require(result.artifacts.last)
            #expect(
                directory.read("data/artifacts/\(stored.sha256.prefix(2))/\(stored.sha256)")
                    == #"{"k":"[secret DEPLOY_KEY]"}"#)
        }
    }

    @Test("Nothing of it is on Redis, from the beginning of the attempt to its result")
    func road() async throws {
        try await TemporaryDirectory.with { directory in
            try directory.write(Self.value, to: "secrets/DEPLOY_KEY")
            let settings = ["BATON_SECRETS_DIR": directory.path + "/secrets"]
            var limits = TaskLoop.Limits()
            limits.heartbeat = .milliseconds(50)
            try await AgentUnderTest.with(actions: [Self.teller], limits: limits, environment: settings) { agent in
                try await agent.publish(
                    agent.envelope(1, action: "act", payload: ["key": ["secret": "DEPLOY_KEY"]]),
                    agent.envelope(2, payload: ["output": ["told": ["secret": "DEPLOY_KEY"]]]))
                var said: [[UInt8]] = []
                var results: [TaskResult] = []
                var hasEnded = false
                let deadline = ContinuousClock.now + .seconds(20)
                while !hasEnded, ContinuousClock.now < deadline {
                    let messages = try await agent.orchestrator.readResults(limit: 10, block: .milliseconds(100))
                    said += messages.map(\.bytes)
                    results += try messages.map { try TaskResult(decoding: $0.bytes) }
                    let reports = try await agent.orchestrator.readReports(limit: 1000, block: .milliseconds(100))
                    said += (reports.signals + reports.logs).map(\.bytes)
                    // The last line of the teller's log is its fault.
                    hasEnded =
                        results.count == 2
                        && said.contains { String(decoding: $0, as: UTF8.self).contains("C: [secret DEPLOY_KEY]") }
                }
                #expect(hasEnded, "\(results.count) results, \(said.count) messages")
                for bytes in said {
                    #expect(!Self.redactor.finds(in: bytes), "\(String(decoding: bytes, as: UTF8.self))")
                }
                #expect(results.contains { $0.output["told"] == "[secret DEPLOY_KEY]" })
            }
        }
    }

    @Test("A commit's message has it no more than anything else")
    func commitMessage() async throws {
        try await TemporaryDirectory.with { directory in
            let repository = directory.path + "/repository.git"
            let make = ClosureAction("make") { context in
                try await context.tools.runChecked(ToolCommand("git", ["init", "--bare", "--quiet", repository]))
                return ActionOutcome()
            }
            _ = try await directory.trial(make)
            let action = ClosureAction(workspace: .write) { context in
                try FileSystem.write([0x61], to: context.workspace + "/a.txt")
                return ActionOutcome(commitMessage: "With \(context.input["key"]?.stringValue ?? "")")
            }
            let result = try await run(
                [
                    "payload": ["key": ["secret": "DEPLOY_KEY"]],
                    "workspace": ["mode": "write", "url": .string(repository)],
                ],
                action, try environment(directory))
            let commit = try #require(result.commit, "\(result.errors)")
            let show = ClosureAction("show") { context in
                let text = try await context.tools.runChecked(
                    ToolCommand("git", ["-C", repository, "log", "-1", "--format=%B", commit])
                ).text
                return ActionOutcome(output: ["text": .string(text)])
            }
            let shown = try await directory.trial(show)
            #expect(shown.output["text"]?.stringValue?.hasPrefix("With [secret DEPLOY_KEY]") == true)
        }
    }

    @Test("What can't be resolved fails the attempt with the reason, and what a schema says of a value doesn't show it")
    func unresolved() async throws {
        try await TemporaryDirectory.with { directory in
            var environment = try environment(directory)
            try directory.write("short", to: "secrets/SHORT")
            try FileSystem.makeDirectories(directory.path + "/secrets/FOLDER")
            environment["BATON_SECRET_FROM_OUTSIDE"] = "value-from-outside"
            let action = ClosureAction(schema: ["properties": ["key": ["enum": ["a", "b"]]]]) { _ in ActionOutcome() }
            func faults(_ name: String) async throws -> TaskResult {
                try await run(["payload": ["key": ["secret": .string(name)]]], action, environment)
            }
            let expected = [
                ("NONE", "SECRET_UNKNOWN", "no secret NONE"),
                ("../secrets/DEPLOY_KEY", "SECRET_UNKNOWN", "can't be the name"),
                ("SHORT", "SECRET_UNUSABLE", "less than 8 bytes"), ("FOLDER", "SECRET_UNUSABLE", "is no regular file"),
                ("DEPLOY_KEY", "INVALID_INPUT", "[secret DEPLOY_KEY]"),
                ("from-outside", "INVALID_INPUT", "[secret FROM_OUTSIDE]"),
            ]
            for (name, code, text) in expected {
                let result = try await faults(name)
                #expect(result.errors.map(\.code) == [code], "\(name)")
                #expect(result.errors.first?.message.contains(text) == true, "\(result.errors)")
                #expect(!Self.redactor.finds(in: result.encoded()))
            }
            #expect(!SecretReference.isHeld(by: ["a": ["secret": 1], "b": ["secret": "x", "more": 1], "c": "secret"]))
        }
    }

    @Test("A file that was changed counts from the next attempt on; the former value is still kept secret")
    func rotation() throws {
        let path = "/tmp/secret-store-\(getpid())-\(UInt64.random(in: .min ... .max))"
        defer { FileSystem.removeTree(path) }
        try FileSystem.makeDirectories(path)
        try FileSystem.write(Array("first-value-1".utf8), to: path + "/KEY")
        let store = SecretStore(directory: path, environment: [:], own: [(name: "OWN", value: "own-password")])
        try FileSystem.write(Array("second-value-2".utf8), to: path + "/KEY")
        #expect(try store.value(of: "KEY") == "second-value-2")
        let text = "first-value-1 second-value-2 own-password"
        #expect(store.redactor.redact(text) == "[secret KEY] [secret KEY] [secret OWN]")
        #expect(throws: ActionFailure.self, "its own are not for tasks") { try store.value(of: "OWN") }
    }

    @Test("An agent's own password is in no line of its own log", arguments: AgentConfiguration.LogFormat.allCases)
    func ownLog(_ format: AgentConfiguration.LogFormat) throws {
        let configuration = try AgentConfiguration(
            environment: ["BATON_REDIS_URL": "redis://agent:pass%22word%2Fpass@h"], executable: "agent")
        let handler = AgentLogHandler(
            label: "demo", format: format, level: LogLevelBox(.info), secrets: SecretStore(configuration))
        let event = LogEvent(
            level: .warning, message: "went to redis://agent:pass%22word%2Fpass@h",
            metadata: ["reason": "pass\"word/pass is wrong"], source: "x", file: "x", function: "x", line: 1)
        let line = handler.line(of: event)
        #expect(!line.contains("word"))
        #expect(line.components(of: "[secret BATON_REDIS_PASSWORD]") == 2, "\(line)")
    }
}

extension String {
    /// How often another text stands in this one.
    fileprivate func components(of other: String) -> Int { ranges(of: other).count }
}
