import AgentProtocol
import JSONTools
import Synchronization
import TaskTransport
import Testing

@testable import AgentRuntime

@Suite("Attempts from envelope to result")
struct AttemptTests {
    @Test("The input is checked against the schema and completed by its defaults")
    func input() async throws {
        try await TemporaryDirectory.with { directory in
            let action = ClosureAction(
                schema: [
                    "type": "object", "required": ["name"],
                    "properties": ["name": ["type": "string"], "size": ["type": "integer", "default": 7]],
                ]
            ) { context in
                ActionOutcome(output: ["input": context.input])
            }
            let good = try await directory.trial(["payload": ["name": "x"]], action)
            #expect(good.output["input"] == ["name": "x", "size": 7])
            let bad = try await directory.trial(["payload": ["name": 1]], action)
            #expect(bad.status == .failure)
            #expect(bad.errors.map(\.code) == ["INVALID_INPUT"])
            #expect(bad.errors.first?.message.contains("/name") == true)
            #expect(bad.errors.first?.retryable == false)
            let unknown = try await directory.trial(["action": "atc"], action)
            #expect(unknown.errors.map(\.code) == ["UNKNOWN_ACTION"])
            #expect(unknown.errors.first?.message.contains("did you mean act?") == true)
        }
    }

    @Test("What an action throws becomes a failure with its code, partial and needs_input stay what they are")
    func endings() async throws {
        struct Surprise: Error {}
        try await TemporaryDirectory.with { directory in
            let expected = try await directory.trial(
                ClosureAction { _ in
                    throw ActionFailure(code: "MINE", message: "because", retryable: true, detail: ["a": 1])
                })
            #expect(expected.errors == [TaskFault(code: "MINE", message: "because", retryable: true, detail: ["a": 1])])
            #expect(expected.status == .failure)
            let unexpected = try await directory.trial(ClosureAction { _ in throw Surprise() })
            #expect(unexpected.errors.map(\.code) == ["ACTION_ERROR"])
            for status in [TaskResult.Status.partial, .needsInput] {
                let result = try await directory.trial(
                    ClosureAction { _ in
                        var outcome = ActionOutcome(status: status)
                        outcome.questions = [Question(id: "q1", text: "Which?")]
                        outcome.confidence = 7
                        return outcome
                    })
                #expect(result.status == status)
                #expect(result.questions.count == 1)
                #expect(result.confidence == 1, "kept within 0 to 1")
            }
        }
    }

    @Test("A result that is too large to be reported is a failure that says so")
    func tooLarge() async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ClosureAction { _ in
                    ActionOutcome(output: ["text": .string(String(repeating: "x", count: 70_000))])
                })
            #expect(result.status == .failure)
            #expect(result.errors.map(\.code) == ["PAYLOAD_TOO_LARGE"])
            #expect(result.output.isEmpty)
        }
    }

    @Test("Whatever an action says, the result can be decoded by the orchestrator")
    func alwaysDecodable() async throws {
        try await TemporaryDirectory.with { directory in
            let long = String(repeating: "é", count: 30_000)
            let result = try await directory.trial(
                ClosureAction { context in
                    try context.artifacts.add(bytes: [], name: String(repeating: "n", count: 5000), type: "")
                    var outcome = ActionOutcome(status: .failure)
                    outcome.faults = (0..<80).map { _ in TaskFault(code: "", message: "\u{0}") }
                    outcome.faults[0] = TaskFault(code: long, message: long, detail: ["x": .string(long)])
                    outcome.warnings = [long]
                    return outcome
                })
            let decoded = try TaskResult(decoding: result.encoded())
            #expect(decoded.errors.count == 50)
            let impossible = try await directory.trial(
                ClosureAction { _ in
                    var outcome = ActionOutcome(output: ["a": 1])
                    outcome.questions = [Question(id: "", text: "")]
                    return outcome
                })
            #expect(try TaskResult(decoding: impossible.encoded()).errors.map(\.code) == ["ACTION_ERROR"])
        }
    }

    @Test("At its time limit an attempt is stopped with all its tools, and fails with TIMEOUT")
    func timeout() async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ["constraints": ["timeout_ms": 200]],
                ClosureAction { context in
                    _ = try await context.tools.run(ToolCommand("sleep", ["60"]))
                    return ActionOutcome()
                })
            #expect(result.status == .failure)
            #expect(result.errors.map(\.code) == ["TIMEOUT"])
            #expect(result.errors.first?.retryable == true)
        }
    }

    @Test("Log lines are numbered from 1, tools' lines among them in order, and progress is told")
    func log() async throws {
        try await TemporaryDirectory.with { directory in
            let lines = Mutex<[LogLine]>([])
            _ = try await directory.trial(
                [:],
                ClosureAction { context in
                    context.logger.info("begin")
                    _ = try await context.tools.run(ToolCommand("sh", ["-c", "echo a; sleep 0.05; echo b >&2"]))
                    context.report(progress: 0.5, note: "half")
                    context.logger.error("end")
                    return ActionOutcome()
                },
                log: { line in lines.withLock { $0.append(line) } })
            let seen = lines.withLock { $0 }.filter { $0.level != .debug }
            #expect(seen.map(\.text) == ["begin", "a", "b", "50 %: half", "end"])
            #expect(seen.map(\.stream) == [.agent, .stdout, .stderr, .agent, .agent])
            #expect(lines.withLock { $0 }.map(\.number) == Array(1...(seen.count + 1)))
        }
    }

    @Test("Caches have plain names, are shared between attempts and survive them")
    func caches() async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ClosureAction { context in
                    for name in ["", "..", "a/b", ".hidden", "ü", String(repeating: "x", count: 101)] {
                        #expect(throws: ActionFailure.self, "\(name)") { try context.cacheDirectory(name) }
                    }
                    return ActionOutcome(output: ["path": .string(try context.cacheDirectory("npm-1.0_x"))])
                })
            #expect(result.output["path"] == .string(directory.path + "/data/cache/npm-1.0_x"))
            #expect(FileSystem.isDirectory(directory.path + "/data/cache/npm-1.0_x"))
        }
    }

    @Test("noop asks its questions until all are answered, in as many rounds as it is told")
    func questions() async throws {
        try await TemporaryDirectory.with { directory in
            let trial = try TaskTrial(type: "demo", actions: [], environment: directory.environment)
            func run(_ answers: JSONValue) async throws -> TaskResult {
                let task: JSONValue = [
                    "action": "noop", "answers": answers,
                    "payload": [
                        "rounds": 2, "questions": [["id": "a", "text": "A?", "options": ["x", "y"]], ["id": "b"]],
                    ],
                ]
                return try await trial.run(task.encoded())
            }
            let first = try await run([])
            #expect(first.status == .needsInput)
            #expect(first.questions.map(\.id) == ["a", "b"] && first.questions.first?.options == ["x", "y"])
            let half = try await run([["id": "a", "value": "x"]])
            #expect(half.questions.map(\.id) == ["b"], "what is answered is not asked again")
            let second = try await run([["id": "a", "value": "x"], ["id": "b", "value": 2]])
            #expect(second.questions.map(\.id) == ["a-2", "b-2"])
            let done = try await run([
                ["id": "a", "value": "x"], ["id": "b", "value": 2], ["id": "a-2", "value": "y"],
                ["id": "b-2", "value": 3],
            ])
            #expect(done.status == .success)
            #expect(done.output == ["answers": ["a": "x", "b": 2, "a-2": "y", "b-2": 3]])
        }
    }

    @Test("noop answers, waits and fails as it is told, and makes no directory")
    func noop() async throws {
        try await TemporaryDirectory.with { directory in
            let trial = try TaskTrial(type: "demo", actions: [], environment: directory.environment)
            func run(_ payload: String, attempt: Int = 1) async throws -> TaskResult {
                try await trial.run(Array(#"{"action": "noop", "attempt": \#(attempt), "payload": \#(payload)}"#.utf8))
            }
            #expect(try await run("{}").status == .success)
            #expect(try await run(#"{"output": {"a": [1]}}"#).output == ["a": [1]])
            #expect(try await run(#"{"fail": true}"#).errors.map(\.code) == ["NOOP_FAILED"])
            #expect(try await run(#"{"fail": "why"}"#).errors.map(\.message) == ["why"])
            #expect(try await run(#"{"fail": 2}"#, attempt: 2).status == .failure)
            #expect(try await run(#"{"fail": 2}"#, attempt: 3).status == .success)
            let partial = try await run(#"{"partial": true, "output": {"half": 1}}"#)
            #expect(partial.status == .partial && partial.output == ["half": 1])
            #expect(try await run(#"{"sleep_ms": 20}"#).metrics.durationMilliseconds >= 20)
            #expect(try await run(#"{"sleep_ms": -1}"#).errors.map(\.code) == ["INVALID_INPUT"])
            #expect(!FileSystem.exists(directory.path + "/data"))
        }
    }
}

@Suite("Entries that are no tasks")
struct EntryDecoderTests {
    private let decoder = EntryDecoder(builder: ResultBuilder(agentID: "demo-00000001", agentType: "demo"))

    private func decode(_ bytes: [UInt8]) -> EntryDecoder.Decoded {
        decoder.decode(ClaimedTask(stream: "agent:demo:tasks", entryID: "1-0", bytes: bytes))
    }

    @Test("An envelope is decoded")
    func good() throws {
        let envelope = LoopFixture.task(1).envelope
        guard case .task(let task) = decode(envelope.encoded()) else {
            Issue.record("not decoded")
            return
        }
        #expect(task.envelope == envelope)
    }

    @Test("With its ids legible, a broken envelope is answered INVALID_ENVELOPE, not retryable")
    func answered() throws {
        for change in [["action": 7], ["constraints": nil], ["agent_type": "other"], ["stage": "not a name!"]]
            as [JSONObject]
        {
            var fields = try #require(JSONValue(parsing: LoopFixture.task(1).envelope.encoded()).objectValue)
            for (name, value) in change { fields[name] = value }
            guard case .broken(_, _, let answer) = decode(JSONValue.object(fields).encoded()) else {
                Issue.record("\(change) was decoded")
                continue
            }
            let result = try TaskResult(decoding: try #require(answer).bytes)
            #expect(result.reference == LoopFixture.reference(1))
            #expect(result.status == .failure)
            #expect(result.errors.map(\.code) == ["INVALID_ENVELOPE"])
            #expect(result.errors.first?.retryable == false)
        }
    }

    @Test("What names no task has no answer", arguments: ["", "junk", "{}", "[]", #"{"task_id": "x"}"#, "\u{0}"])
    func rejected(text: String) {
        guard case .broken(_, let reason, let answer) = decode(Array(text.utf8)) else {
            Issue.record("decoded")
            return
        }
        #expect(answer == nil)
        #expect(!reason.isEmpty)
    }
}
