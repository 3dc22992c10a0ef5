import Foundation
import JSONTools
import LocalStack
import Testing

@testable import BatonCLI

@Suite("baton agents check")
struct AgentCheckTests {
    private static let checkout = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// Where the templates, and the rules of the private Redis, are.
    private static let share = ["BATON_SHARE_DIR": checkout + "/share"]

    /// The Python of the tests, which has PyPI's redis.
    private static var python: String { ProcessInfo.processInfo.environment["BATON_PYTHON"] ?? "python3" }

    /// Runs the check of an agent that breaks a rule.
    private static func check(
        _ baton: Installation, _ way: String, rules: [String]
    ) async throws -> Installation.Outcome {
        let words = ["agents", "check", "words", "--json"] + rules.flatMap { ["--only", $0] }
        let agent = ["--", python, baton.directory + "/broken.py", way, checkout + "/share/agents/python"]
        let outcome = try await ShortCommand(
            try Installation.program(), words + agent, environment: baton.environment.merging(share) { $1 },
            in: baton.directory, timeout: .seconds(120)
        ).run()
        return Installation.Outcome(status: outcome.status, output: outcome.output, errors: outcome.errors)
    }

    @Test("each rule can be broken, and the check sees it")
    func broken() async throws {
        #expect(Set(BrokenAgent.ways.values) == Set(AgentRule.allCases.map(\.rawValue)), "a way to break each rule")
        try await withInstallation { baton in
            try BrokenAgent.script.write(toFile: baton.directory + "/broken.py", atomically: true, encoding: .utf8)
            // Most of it is waiting for what does not come: so many at a time.
            let ways = BrokenAgent.ways.sorted { $0.key < $1.key }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, way) in ways.enumerated() {
                    if index >= 14 { try await group.next() }
                    group.addTask {
                        // The form is judged by what was said before.
                        let rules = way.value == "form" ? ["begun", "form"] : [way.value]
                        let outcome = try await Self.check(baton, way.key, rules: rules)
                        #expect(outcome.status == 1, "\(way): \(outcome.output)\(outcome.errors)")
                        let outcomes = try outcome.json()["rules"]?.arrayValue ?? []
                        let rule = outcomes.first { $0["id"]?.stringValue == way.value }
                        #expect(rule?["kept"] == false, "\(way): \(outcome.output)")
                        #expect(rule?["found"]?.stringValue?.isEmpty == false)
                        if way.value != "register" { #expect(outcomes.first?["kept"] == true, "\(way)") }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("the template keeps the rules that don't take long to see")
    func kept() async throws {
        try await withInstallation { baton in
            try BrokenAgent.script.write(toFile: baton.directory + "/broken.py", atomically: true, encoding: .utf8)
            let slow = ["heartbeat", "held", "abandon", "verdict", "begun", "known", "drain", "reconnect", "slots"]
            let rules = AgentRule.allCases.map(\.rawValue).filter { !slow.contains($0) }
            let outcome = try await Self.check(baton, "nothing", rules: rules)
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
            let document = try outcome.json()
            #expect(document["kept"] == true && document["type"] == "words")
            #expect(document["rules"]?.arrayValue?.count == rules.count)
        }
    }

    @Test("an agent that can't be started, or isn't one, is said to be so; wrong words name the next command")
    func mistakes() async throws {
        try await withInstallation { baton in
            let ended = try await baton.baton(
                "agents", "check", "words", "--", "/bin/false", environment: Self.share)
            #expect(ended.status == 1)
            #expect(ended.output.contains("✘ register     it registers, with an id of its own: it has ended"))
            #expect(ended.output.contains("next: `baton agents check words --only register -- …`"))
            #expect(ended.lines.last == "0 of 25 rules are kept; broken: register; not tried: 24.")
            let missing = try await baton.baton("agents", "check", "words", "--", "/no/such/agent")
            #expect(missing.status == 66 && missing.errors.contains("next: write its path"))
            let none = try await baton.baton("agents", "check", "words")
            #expect(none.status == 64 && none.errors.contains("next: `baton agents check words -- python agent.py`"))
            let rule = try await baton.baton("agents", "check", "words", "--only", "heartbeet", "--", "/bin/true")
            #expect(rule.status == 64 && rule.errors.contains("did you mean heartbeat?"))
            let list = try await baton.baton("agents", "check", "words", "--list", "--json").json()
            #expect(list["rules"]?.arrayValue?.count == AgentRule.allCases.count)
        }
    }

    @Test("the last line counts what is kept")
    func verdict() {
        var outcomes = AgentRule.allCases.map { RuleOutcome(rule: $0, trouble: nil) }
        #expect(AgentRule.verdict(outcomes, of: 25) == "25 of 25 rules are kept.")
        outcomes[1].trouble = "silence"
        outcomes[24].trouble = "it stays"
        #expect(AgentRule.verdict(outcomes, of: 25) == "23 of 25 rules are kept; broken: heartbeat, abandon.")
    }

    @Test("what MONITOR writes is read, and a transaction told from commands one after the other")
    func trace() {
        let text = #"""
            OK
            1700000000.1 [0 127.0.0.1:5000] "MULTI"
            1700000000.2 [0 127.0.0.1:6000] "xadd" "r" "*" "envelope" "a \"quoted\" ] word"
            1700000000.3 [0 127.0.0.1:5000] "XADD" "r" "*" "envelope" "{}"
            1700000000.4 [0 127.0.0.1:5000] "xack" "t" "agents" "1-0"
            1700000000.5 [0 127.0.0.1:5000] "xdel" "t" "1-0"
            1700000000.6 [0 127.0.0.1:5000] "exec"
            """#
        let entries = RedisTrace.read(text)
        #expect(entries.count == 6)
        #expect(entries[1].words == ["xadd", "r", "*", "envelope", "a \"quoted\" ] word"])
        #expect(RedisTrace.isAtomic(entries, results: "r", tasks: "t"))
        #expect(!RedisTrace.isAtomic(entries, results: "r", tasks: "other"))
        #expect(!RedisTrace.isAtomic(entries.filter { $0.name != "multi" }, results: "r", tasks: "t"))
        #expect(!RedisTrace.isAtomic(entries.filter { $0.name != "xdel" }, results: "r", tasks: "t"))
        let script = entries.map { RedisTrace.Entry(client: "lua", words: $0.words) }.filter { $0.name.hasPrefix("x") }
        #expect(RedisTrace.isAtomic(script, results: "r", tasks: "t"))
    }

    @Test("an agent begins as a folder that names itself everywhere, in each language; its own tests are run elsewhere")
    func begins() async throws {
        try await withInstallation { baton in
            let share = Self.share
            let made = try await baton.baton("agents", "new", "my-words", "--json", environment: share)
            #expect(made.status == 0)
            let folder = try #require(try made.json()["folder"]?.stringValue)
            let tested = try await ShortCommand(
                Self.python, ["-m", "pytest", "-q", "-p", "no:cacheprovider"],
                environment: ["PATH": "/usr/bin:/bin"], in: folder
            ).run()
            #expect(tested.succeeded && tested.output.contains("2 passed"), "\(tested.output)\(tested.errors)")
            let swift = try await baton.baton(
                "agents", "new", "swift-words", "--lang", "swift", "--into", "made", environment: share)
            #expect(swift.status == 0, "\(swift.errors)")
            let place = baton.directory + "/made/swift-words"
            let files = try FileManager.default.subpathsOfDirectory(atPath: place)
            #expect(
                files.contains("Sources/SwiftWordsAgent/SwiftWordsAgent.swift") && files.contains("swift-words.yaml"))
            let package = try String(contentsOfFile: place + "/Package.swift", encoding: .utf8)
            #expect(package.contains(".package(name: \"baton\", path: \"\(Self.checkout)\")"))
            for file in files {
                let text = (try? String(contentsOfFile: "\(place)/\(file)", encoding: .utf8)) ?? ""
                #expect(!text.contains("__") && !file.contains("__"), "\(file)")
            }
            let url = try await baton.baton(
                "agents", "new", "a", "--lang", "swift", "--baton", "https://example.org/x/baton.git",
                environment: share)
            #expect(url.status == 0)
            let other = try String(contentsOfFile: baton.directory + "/a/Package.swift", encoding: .utf8)
            #expect(other.contains(".package(url: \"https://example.org/x/baton.git\", branch: \"main\")"))
            #expect(other.contains("package: \"baton\""))
            for (words, status, hint) in [
                (["my-words"], 65, "--into"), (["My"], 64, "agents new my-agent"),
                (["b", "--lang", "cobol"], 64, "--lang"),
                (["c", "--lang", "swift", "--baton", "/no"], 66, "takes a checkout"),
                (["d", "--lang", "swift", "--baton", "a\"b"], 64, "without them"),
            ] as [([String], Int32, String)] {
                let refused = try await ShortCommand(
                    try Installation.program(), ["agents", "new"] + words,
                    environment: baton.environment.merging(share) { $1 }, in: baton.directory
                ).run()
                #expect(refused.status == status, "\(words): \(refused.errors)")
                #expect(refused.errors.contains("next: ") && refused.errors.contains(hint), "\(refused.errors)")
            }
        }
    }
}
