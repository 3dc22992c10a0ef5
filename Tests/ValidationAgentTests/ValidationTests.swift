import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import ValidationAgent

/// Real projects, real git, real node.
@Suite("validation")
struct ValidationTests {
    static let sum = "export function sum(a, b) {\n  return a + b;\n}\n"
    static let test = """
        import assert from 'node:assert/strict';
        import { test } from 'node:test';
        import { sum } from '../src/sum.js';
        test('adds', () => assert.equal(sum(1, 2), 3));
        test('adds nothing', () => assert.equal(sum(1, 0), 1));

        """

    /// A project with tests and coverage.
    static func project(_ changes: [String: String?] = [:], manifest: JSONObject = [:]) -> [String: String?] {
        var json: JSONObject = [
            "version": 1, "name": "sums", "stack": "node-web",
            "commands": [
                "install": [["node", "-e", "0"]],
                "coverage": [
                    [
                        "node", "--test", "--experimental-test-coverage", "--test-reporter=junit",
                        "--test-reporter-destination=out/junit.xml", "--test-reporter=lcov",
                        "--test-reporter-destination=out/lcov.info",
                    ]
                ],
            ],
            "reports": ["junit": "out/junit.xml", "coverage": "out/lcov.info"],
        ]
        for (key, value) in manifest { json[key] = value }
        let files: [String: String?] = [
            "package.json": #"{"name": "sums", "type": "module"}"#,
            "baton.json": JSONValue.object(json).prettyPrinted(),
            "src/sum.js": sum, "tests/sum.test.js": test,
        ]
        return files.merging(changes) { _, given in given }
    }

    struct Arrangement {
        let sandbox: Sandbox
        var repository: String { sandbox.path + "/workflow.git" }

        func validate(_ files: [String: String?], environment: [String: String] = [:]) async throws -> TaskResult {
            let commit = try await sandbox.commit(
                files, to: "work-\(UInt32.random(in: .min ... .max))", in: repository)
            return try await sandbox.run(
                sandbox.task("validation", repository: repository, commit: commit, mode: "read"),
                type: "validation", actions: [ValidationAction()], environment: environment)
        }

        func check(_ name: String, of result: TaskResult) -> JSONValue? {
            result.output["checks"]?.arrayValue?.first { $0["name"]?.stringValue == name }
        }
    }

    func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { try await body(Arrangement(sandbox: $0)) }
    }

    @Test("a good project passes, with its numbers, tools and reports")
    func passes() async throws {
        try await arranged { a in
            let result = try await a.validate(Self.project())
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["summary"] == "2 tests, 100 % lines")
            #expect(result.output["metrics"]?["tests_total"] == 2 && result.output["metrics"]?["line_coverage"] == 100)
            #expect(result.output["tools"]?["node"]?.stringValue?.hasPrefix("v") == true)
            #expect(a.check("lint", of: result)?["status"] == "skipped")
            #expect(result.warnings == ["lint was skipped: the manifest has no command \"lint\""])
            let names: Set = ["report.html", "report.json", "report.sarif", "junit.xml", "lcov.info"]
            #expect(Set(result.artifacts.map(\.name)) == names)
            let json = try JSONValue(parsing: try #require(a.sandbox.artifact("report.json", of: result)))
            #expect(json["passes"] == true)
            #expect(result.commit == nil)
        }
    }

    static let planted: [(check: String, files: [String: String?], message: String)] = [
        ("syntax", ["src/broken.js": "export const = 1;\n"], "syntax: src/broken.js:1: SyntaxError"),
        (
            "tests",
            ["src/sum.js": sum.split(separator: "a + b").joined(separator: "a - b")],
            "tests: tests/sum.test.js:4: adds: Expected values to be strictly equal"
        ),
        ("tests", ["tests/sum.test.js": "throw new Error('early');\n"], "tests: tests/sum.test.js"),
        (
            "coverage",
            [
                "src/sum.js": sum + "export function other(x) {\n" + (1...20).map { "  x += \($0);\n" }.joined()
                    + "  return x;\n}\n"
            ],
            "coverage: line_coverage is"
        ),
        (
            "secrets", ["src/key.js": "export const key = 'AKIA" + "Q3EGRIPWZ7XK4ABC';\n"],
            "secrets: src/key.js:1: AKIA…"
        ),
    ]

    @Test("what is planted is found, and named with file and line", arguments: planted)
    func found(check: String, files: [String: String?], message: String) async throws {
        try await arranged { a in
            let result = try await a.validate(Self.project(files))
            #expect(result.status == .failure)
            #expect(result.errors.map(\.code) == ["CHECK_FAILED"])
            #expect(result.errors.first?.retryable == false)
            #expect(result.errors.first?.message.hasPrefix(message) == true, "\(result.errors)")
            #expect(a.check(check, of: result)?["status"] == "failed")
            #expect(a.check(check, of: result)?["findings"]?.arrayValue?.isEmpty == false)
            #expect(result.artifacts.contains { $0.name == "report.html" })
        }
    }

    @Test("a secret that is allowed passes")
    func allowed() async throws {
        try await arranged { a in
            let secret = "AKIA" + "Q3EGRIPWZ7XK4ABC"
            let result = try await a.validate(
                Self.project([
                    "src/key.js": "export const key = '\(secret)';\n",
                    ".baton/secrets-allow": SecretAllowList.entry(for: secret) + "\n",
                ]))
            #expect(result.status == .success, "\(result.errors)")
        }
    }

    @Test("the project's own policy is what counts")
    func policy() async throws {
        try await arranged { a in
            let strict = "rules: [{metric: tests_total, operator: '>=', threshold: 3}]"
            let result = try await a.validate(Self.project(["policy.yaml": strict]))
            #expect(
                result.errors.first?.message.contains("tests_total is 2, but has to be >= 3") == true,
                "\(result.errors)")
            let wrong = try await a.validate(Self.project(["policy.yaml": "rules: [{metric: test}]"]))
            #expect(wrong.errors.map(\.code) == ["INVALID_POLICY"])
        }
    }

    @Test("without node the checks are skipped, and the stage fails and says what to install")
    func withoutNode() async throws {
        try await arranged { a in
            let folder = a.sandbox.path + "/bin"
            let link = "mkdir -p \(folder) && ln -s $(command -v git) \(folder)/git"
            #expect(try await a.sandbox.run("sh", ["-c", link]).succeeded)
            let result = try await a.validate(Self.project(), environment: ["PATH": folder])
            #expect(result.status == .failure)
            for name in ["install", "syntax", "tests"] {
                #expect(a.check(name, of: result)?["status"] == "skipped", "\(name)")
                #expect(a.check(name, of: result)?["help"]?.stringValue?.contains("install Node.js") == true, "\(name)")
            }
            #expect(result.output["tools"]?["node"] == nil)
            #expect(result.errors.first?.message.contains("was skipped, but is required") == true)
        }
    }

    @Test("a command that fails without a failed test, and one that leaves no report, never pass")
    func dishonest() async throws {
        try await arranged { a in
            func manifest(_ script: String) -> JSONObject {
                [
                    "commands": ["test": [["node", "-e", .string(script)]]],
                    "reports": ["junit": "out/junit.xml"],
                ]
            }
            let green = "<testsuite><testcase name='a'/></testsuite>"
            let write = "require('fs').writeFileSync('out/junit.xml', \"\(green)\");"
            let lying = try await a.validate(Self.project(manifest: manifest(write + "process.exit(7)")))
            #expect(lying.status == .failure)
            #expect(lying.errors.first?.message.contains("exited with 7") == true, "\(lying.errors)")

            // A report that was committed is not this run's.
            let stale = try await a.validate(Self.project(["out/junit.xml": green], manifest: manifest("0")))
            #expect(stale.errors.first?.message.contains("tests_total was not measured") == true, "\(stale.errors)")

            let garbage = "require('fs').writeFileSync('out/junit.xml', '<oops')"
            let unreadable = try await a.validate(Self.project(manifest: manifest(garbage)))
            #expect(
                unreadable.errors.first?.message.contains("out/junit.xml: JUnit XML") == true, "\(unreadable.errors)")

            let printed = "console.log('# tests 2\\n# pass 2\\n# fail 0')"
            let console = try await a.validate(Self.project(manifest: manifest(printed)))
            #expect(console.status == .success, "\(console.errors)")
            #expect(console.output["summary"] == "2 tests")
        }
    }

    @Test("what can't be installed fails, and nothing is run after it")
    func install() async throws {
        try await arranged { a in
            let commands: JSONValue = [
                "install": [["node", "-e", "console.error('no network'); process.exit(3)"]],
                "test": [["node", "-e", "require('fs').writeFileSync('/proc/self/never', '')"]],
            ]
            let result = try await a.validate(Self.project(manifest: ["commands": commands]))
            #expect(result.errors.first?.message.contains("no network") == true, "\(result.errors)")
            #expect(a.check("tests", of: result)?["reason"] == "the installation failed")
            #expect(a.check("secrets", of: result)?["status"] == "passed")
        }
    }

    @Test("a project without manifest, without tests, with a link in place of the manifest")
    func incomplete() async throws {
        try await arranged { a in
            let none = try await a.validate(["a.txt": "x"])
            #expect(none.errors.map(\.code) == ["MANIFEST_MISSING"])
            let untested = try await a.validate(Self.project(manifest: ["commands": [:]]))
            #expect(untested.status == .failure)
            #expect(untested.errors.first?.message.contains("tests was skipped, but is required") == true)
            let escaping = try await a.validate(Self.project(manifest: ["reports": ["junit": "../../out.xml"]]))
            #expect(escaping.errors.map(\.code) == ["INVALID_MANIFEST"])
        }
    }
}
