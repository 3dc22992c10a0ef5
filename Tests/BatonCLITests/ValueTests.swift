import Foundation
import JSONTools
import Testing

@testable import BatonCLI

@Suite("Server-sent events")
struct ServerSentEventTests {
    private let stream =
        "\u{FEFF}: hello\r\nid: 7\r\nevent: stage_completed\r\ndata: {\"a\":\rdata: 1}\n\ndata:x\n\n\nid\ndata\n\nevent: y\n\n"
    private let expected = [
        ServerSentEvent(id: "7", kind: "stage_completed", data: "{\"a\":\n1}"),
        ServerSentEvent(id: "7", kind: "message", data: "x"),
        ServerSentEvent(id: "", kind: "message", data: ""),
    ]

    @Test("fields, comments, line ends and the byte order mark are read as the standard says")
    func standard() {
        var parser = ServerSentEventParser()
        #expect(parser.feed(Array(stream.utf8)) == expected)
    }

    @Test("the pieces in which a stream arrives make no difference", arguments: 1...7)
    func pieces(size: Int) {
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        let bytes = Array(stream.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += parser.feed(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(events == expected)
    }
}

@Suite("Texts")
struct FormattingTests {
    @Test(
        "durations",
        arguments: [
            (0, "0 ms"), (99, "99 ms"), (100, "0.1 s"), (1234, "1.2 s"), (9_949, "9.9 s"), (9_950, "9 s"),
            (59_999, "59 s"), (187_000, "3 m 07 s"),
            (7_500_000, "2 h 05 m"), (90_000_000, "1 d 1 h"), (-5, "0 ms"),
        ])
    func durations(milliseconds: Int64, text: String) {
        #expect(Formatting.duration(milliseconds: milliseconds) == text)
    }

    @Test("sizes", arguments: [(512, "512 B"), (3_482, "3.4 KiB"), (12 << 20, "12 MiB"), (5 << 40, "5120 GiB")])
    func sizes(count: Int, text: String) {
        #expect(Formatting.bytes(count) == text)
    }

    @Test(
        "words for a shell are quoted when they must be",
        arguments: [
            ("plain-1.0/x", "plain-1.0/x"), ("two words", "'two words'"), ("it's", "'it'\\''s'"), ("", "''"),
            ("$HOME", "'$HOME'"),
        ])
    func shellWords(text: String, word: String) {
        #expect(Formatting.shellWord(text) == word)
    }

    @Test("text of others can't move the cursor")
    func clean() {
        #expect(Formatting.clean("a\u{1B}[2Jb\r\u{9B}c\td") == "a[2Jbc\td")
    }

    @Test("columns are as wide as their widest cell, the last isn't padded")
    func table() {
        #expect(Formatting.table(["A", "B"], [["long", "x"], ["s", ""]]) == ["A     B", "long  x", "s     "])
    }
}

@Suite("Input of a workflow")
struct InputArgumentTests {
    @Test("values are JSON if they are JSON, and names with dots reach into objects")
    func values() throws {
        let object = try InputArgument.merge(["port=4100", "name=x y", "on=true", "a.b=1", "a.c=[2]", "t=a=b"])
        #expect(object == ["port": 4100, "name": "x y", "on": true, "a": ["b": 1, "c": [2]], "t": "a=b"])
    }

    @Test("a file is merged in its place; what isn't an object is refused")
    func files() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #"{"a": 1, "b": 2}"#.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try InputArgument.merge(["a=0", "@" + path, "b=3"]) == ["a": 1, "b": 3])
        try "[1]".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CommandError.self) { try InputArgument.merge(["@" + path]) }
        #expect(throws: CommandError.self) { try InputArgument.merge(["@/no/such/file"]) }
        #expect(throws: CommandError.self) { try InputArgument.merge(["nothing"]) }
    }
}

@Suite("What is shown of a run")
struct RunScreenTests {
    private let start = ContinuousClock.now

    private func workflow(_ stages: [JSONValue], waiting: JSONValue = .null, status: String = "running") -> WorkflowView
    {
        WorkflowView([
            "id": "1", "name": "x", "status": .string(status), "stages": .array(stages), "waiting_for": waiting,
        ])
    }

    private func stage(_ name: String, _ status: String, generation: Int64 = 0) -> JSONValue {
        [
            "name": .string(name), "agent": "e2e", "status": .string(status), "attempt": 1,
            "generation": .integer(generation),
        ]
    }

    @Test("an ended stage is printed once, and again when it was repeated")
    func once() {
        var screen = RunScreen()
        #expect(screen.update(workflow([stage("a", "running")]), now: start).isEmpty)
        #expect(screen.update(workflow([stage("a", "completed")]), now: start).count == 1)
        #expect(screen.update(workflow([stage("a", "completed")]), now: start).isEmpty)
        #expect(screen.update(workflow([stage("a", "completed", generation: 1)]), now: start).count == 1)
    }

    @Test("what is waited for is told once, after three seconds")
    func waiting() {
        let waiting = workflow([stage("a", "pending")], waiting: ["what": "a validation agent"])
        var file = RunScreen()
        _ = file.update(waiting, now: start)
        #expect(file.waitingLine(now: start + .seconds(1)) == nil)
        #expect(file.waitingLine(now: start + .seconds(4)) == "  … waiting for a validation agent")
        #expect(file.waitingLine(now: start + .seconds(5)) == nil)
    }

    @Test("it is also told what helps; that an agent works is no waiting")
    func helps() {
        var file = RunScreen()
        let waiting: JSONValue = ["kind": "agent", "what": "an e2e agent", "help": "start one"]
        _ = file.update(workflow([stage("a", "running")], waiting: waiting), now: start)
        #expect(file.waitingLine(now: start + .seconds(4)) == "  … waiting for an e2e agent: start one")
        var busy = RunScreen()
        for kind in ["work", "moment"] as [JSONValue] {
            _ = busy.update(workflow([stage("a", "running")], waiting: ["kind": kind, "what": "x"]), now: start)
            #expect(busy.waitingLine(now: start + .seconds(9)) == nil)
        }
    }

    @Test("questions are told once a round, with how to answer them")
    func questions() {
        var screen = RunScreen()
        func asking(round: Int64) -> WorkflowView {
            WorkflowView([
                "id": "1", "name": "x", "status": "awaiting_clarification",
                "stages": [stage("plan", "awaiting_answers")],
                "waiting_for": ["kind": "answers", "what": "answers"],
                "questions": [
                    [
                        "stage": "plan", "round": .integer(round), "id": "colour", "text": "Which?",
                        "options": ["red", "green"],
                    ],
                    ["stage": "plan", "round": .integer(round), "id": "how large", "text": "How large?"],
                ],
            ])
        }
        #expect(
            screen.update(asking(round: 1), now: start) == [
                "  ? plan asks:", "      colour: Which? (red, green)", "      how large: How large?",
                "    answer: `baton answer 1 colour=… 'how large'=…`",
            ])
        #expect(screen.update(asking(round: 1), now: start).isEmpty)
        #expect(screen.waitingLine(now: start + .seconds(9)) == nil, "it was told")
        let second = screen.update(asking(round: 2), now: start)
        #expect(second.count == 4 && second.last?.contains("answer 1 --round 2 colour=…") == true)
    }

    @Test("a pause and its end are told once each")
    func pauses() {
        var screen = RunScreen()
        let paused = workflow(
            [stage("a", "pending")], waiting: ["kind": "resume", "what": "somebody"], status: "paused")
        #expect(screen.update(paused, now: start) == ["  ‖ paused; `baton resume 1` goes on"])
        #expect(screen.update(paused, now: start).isEmpty)
        #expect(screen.waitingLine(now: start + .seconds(9)) == nil)
        #expect(screen.update(workflow([stage("a", "pending")]), now: start) == ["  ▸ resumed"])
    }

    @Test("what a workflow waits for is one line: what, how long, how much longer, what helps")
    func sentence() throws {
        let wait = try #require(
            WorkflowView.Wait([
                "kind": "backoff", "what": "the next attempt", "since": "2026-01-01T00:00:00.000Z",
                "until": "2026-01-01T00:01:00.000Z", "help": "it broke", "others": ["an agent"],
            ]))
        let now = try #require(Timestamp(rfc3339: "2026-01-01T00:00:45.000Z"))
        #expect(wait.sentence(now: now) == "the next attempt, for 45 s, at most 15 s longer: it broke (also an agent)")
        #expect(wait.sentence(now: now + .seconds(60)).contains("for 1 m 45 s, due now: it broke"))
        #expect(WorkflowView.Wait(.null) == nil)
    }

    @Test("colours only where they are allowed")
    func colours() {
        #expect(Terminal(isInteractive: true, hasColours: false).paint("x", .red) == "x")
        #expect(Terminal(isInteractive: true, hasColours: true).paint("x", .red) == "\u{1B}[31mx\u{1B}[0m")
    }
}

@Suite("Examples, reports, problems")
struct ReportTests {
    @Test("the example is the first endpoint that isn't the health check, otherwise the health check")
    func example() {
        let calculator: JSONValue = [
            "health": "/healthz",
            "e2e": [
                "endpoints": [
                    ["path": "/healthz"], ["path": "/bad", "status": 400],
                    ["method": "POST", "path": "/api/x", "body": ["e": "7*6"]],
                ]
            ],
        ]
        let example = DeployedExample(manifest: calculator)
        #expect(example == DeployedExample(method: "POST", path: "/api/x", body: ["e": "7*6"]))
        #expect(
            example.curl("http://h:1")
                == #"curl -s -H 'Content-Type: application/json' -d '{"e":"7*6"}' http://h:1/api/x"#)
        #expect(DeployedExample(manifest: ["health": "/healthz"]).curl("http://h:1") == "curl -s http://h:1/healthz")
        #expect(DeployedExample(manifest: .null).path == "/health")
    }

    @Test(
        "names of artifacts can't lead out of a directory",
        arguments: [
            ("report.html", "report.html"), ("../../etc/passwd", "passwd"), ("..", "report.."),
            (".bashrc", "report.bashrc"),
            ("a b\u{1B}.html", "ab.html"), ("", "report"),
        ])
    func safeNames(name: String, safe: String) {
        #expect(ReportFile.safeName(name) == safe)
    }

    @Test("a problem document becomes a message with every fault, anything else its status")
    func problems() {
        let body =
            #"{"title":"Not valid","detail":"two faults","errors":[{"pointer":"/a","message":"x"},{"detail":"y"}]}"#
        let error = Problem.error(status: 422, body: Array(body.utf8), request: "POST /workflows")
        #expect(error == CommandError(.dataError, "Not valid: two faults", details: ["/a: x", "y"]))
        let other = Problem.error(status: 502, body: Array("<html>".utf8), request: "GET /x")
        #expect(other.status == .software)
        #expect(other.message == "GET /x was answered with status 502")
    }
}

@Suite("baton.yaml")
struct ConfigurationFileTests {
    @Test("plain and quoted values, comments and empty lines")
    func values() throws {
        let text = """
            # ours
            port: 4000
            data_dir: "/srv/my baton" # here

            redis_url: 'redis://u:p#x@h:1/0'
            namespace: blue # not green
            token:
            """
        let file = try ConfigurationFile(text: text, fileName: "baton.yaml")
        #expect(
            file.values == [
                "BATON_PORT": "4000", "BATON_DATA_DIR": "/srv/my baton", "BATON_REDIS_URL": "redis://u:p#x@h:1/0",
                "BATON_NAMESPACE": "blue", "BATON_TOKEN": "",
            ])
    }

    @Test("every line that isn't understood is named")
    func faults() throws {
        let text = "prot: 1\nagents:\n  - x\nhost: [a]\nport 3\n"
        do throws(CommandError) {
            _ = try ConfigurationFile(text: text, fileName: "baton.yaml")
            Issue.record("it should have been refused")
        } catch {
            #expect(error.status == .dataError)
            #expect(
                error.details == [
                    "baton.yaml:1: there is no setting \"prot\"; did you mean port?",
                    "baton.yaml:2: there is no setting \"agents\"",
                    "baton.yaml:3: a line of the form name: value is expected",
                    "baton.yaml:4: a line of the form name: value is expected",
                    "baton.yaml:5: a line of the form name: value is expected",
                ])
        }
    }
}
