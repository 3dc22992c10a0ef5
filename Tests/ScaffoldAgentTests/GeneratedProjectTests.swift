import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import ScaffoldAgent

/// The three stages of a new app with their real actions, and the project that they make.
@Suite("generated projects")
struct GeneratedProjectTests {
    /// Tries to end every string, comment, tag and expression that a generated file may hold.
    static let hostile =
        "</title></script><script>alert(1)</script> \" ' ` ${process.exit(1)} */ --> \\ \n # $(id) {{x}} <% y %>"

    @Test("a calculator is made, passes its own tests, starts, and computes 7 times 6")
    func calculator() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (results, project) = try await trial.generate()

            #expect(results[0].output["template"] == "node-web/calculator")
            #expect(results[0].output["matched"] == ["calculator"])
            #expect(results[0].output["stack"] == "node-web")
            #expect(results[0].output["plan"]?["name"] == "calculator-app")
            #expect(results[0].warnings.isEmpty)
            #expect(results.allSatisfy { $0.output["summary"]?.stringValue?.isEmpty == false })
            #expect(results[2].output["dependencies"] == 0)
            #expect(results[2].output["tools"]?["node"]?.stringValue?.hasPrefix("v") == true)
            let log = try await sandbox.git("-C", project, "log", "--format=%s")
            #expect(log.split(separator: "\n").count == 3, "one commit a stage: \(log)")

            let manifest = try ProjectManifest.load(from: project)
            for command in ["install", "lint", "test", "coverage", "start"] {
                #expect(manifest.commands(command) != nil, "\(command)")
            }
            let lint = try await sandbox.run("node", [project + "/scripts/check-syntax.js", project])
            #expect(lint.succeeded, "\(lint.errorText)")
            let tests = try await sandbox.run("sh", ["-c", "cd \(project) && node --test"])
            #expect(tests.succeeded, "\(tests.text)")
            #expect(try #require(TestSummary(console: tests.text)).passed > 50)

            try await serve(project, in: sandbox) { url in
                let answer = try #require(try await sandbox.get(url + "/api/calculate?expression=7*6"))
                #expect(try JSONValue(parsing: answer) == ["expression": "7*6", "result": 42])
                #expect(try await sandbox.get(url + "/")?.contains("<title>Calculator App</title>") == true)
            }
        }
    }

    @Test(
        "whatever name and requirements are, the project works and shows them as text",
        arguments: ["page", "calculator"])
    func hostileNames(feature: String) async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (_, project) = try await trial.generate(
                name: String(Self.hostile.prefix(200)), requirements: Self.hostile, input: ["feature": .string(feature)]
            )
            for file in ["package.json", "package-lock.json", "baton.json"] {
                let text = try #require(sandbox.read(project + "/" + file))
                #expect(throws: Never.self, "\(file)") { try JSONValue(parsing: text) }
            }
            let package = try JSONValue(parsing: try #require(sandbox.read(project + "/package.json")))
            #expect(
                package["name"]?.stringValue?.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
                    == true)
            let page = try #require(sandbox.read(project + "/public/index.html"))
            #expect(!page.contains("alert(1)</script>") && page.contains("alert(1)&lt;/script&gt;"))
            let readme = try #require(sandbox.read(project + "/README.md"))
            #expect(!readme.contains("<script>"))
            let licence = try #require(sandbox.read(project + "/LICENSE"))
            #expect(
                licence.split(separator: "\n", omittingEmptySubsequences: false).count == 22, "the title is one line")

            let tests = try await sandbox.run(
                "sh", ["-c", "cd \(project) && node scripts/check-syntax.js && node --test"])
            #expect(tests.succeeded, "\(tests.text)")
            guard feature == "page" else { return }
            try await serve(project, in: sandbox) { url in
                let info = try JSONValue(parsing: try #require(try await sandbox.get(url + "/api/info")))
                let description = ProjectPlan.firstSentence(of: Self.hostile)
                #expect(info["description"]?.stringValue == description)
            }
        }
    }

    @Test("entities are stored: the API makes, finds, changes and deletes records, and the project's own tests pass")
    func records() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (results, project) = try await trial.generate(
                name: "team tasks", input: ["entities": EntityTests.given])
            #expect(results[0].output["template"] == "node-web/records")
            #expect(results[0].warnings.isEmpty, "\(results[0].warnings)")
            let tests = try await sandbox.run(
                "sh", ["-c", "cd \(project) && node scripts/check-syntax.js && node --test"])
            #expect(tests.succeeded, "\(tests.text)")
            #expect(try #require(TestSummary(console: tests.text)).passed > 25)
            let names = try ProjectManifest.load(from: project).json["e2e"]?["scenarios"]?.arrayValue?.compactMap {
                $0["name"]?.stringValue
            }
            #expect(names?.first == "a task is made, found, changed and deleted" && names?.count == 3)

            try await serve(project, in: sandbox) { url in
                let body = #"{"title": "Buy milk", "due": "2026-12-01"}"#
                let made = try await sandbox.run(
                    "curl", ["-sS", "-H", "content-type: application/json", "-d", body, url + "/api/tasks"])
                let record = try JSONValue(parsing: made.text)
                #expect(record["title"] == "Buy milk" && record["done"] == false && record["due"] == "2026-12-01")
                let list = try #require(try await sandbox.get(url + "/api/tasks?search=MILK"))
                #expect(try JSONValue(parsing: list)["total"] == 1)
                #expect(try await sandbox.get(url + "/openapi.json")?.contains("3.1.0") == true)
            }
        }
    }

    @Test("no rule matched: a page, health and one endpoint, with a warning")
    func fallback() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (results, project) = try await trial.generate(
                name: "garden-diary", input: ["options": ["docker": false]])
            #expect(results[0].warnings == ["no rule matched; pass --requirements"])
            #expect(results[0].output["template"] == "node-web/page")
            #expect(results[0].output["matched"] == [])
            #expect(!sandbox.exists(project + "/Dockerfile") && sandbox.exists(project + "/.github/workflows/ci.yml"))
            #expect(sandbox.read(project + "/README.md")?.contains("docker") == false)
            let answers = try JSONValue(parsing: try #require(sandbox.read(project + "/.baton/answers.json")))
            #expect(answers["answers"]?["options"] == ["ci": true, "docker": false])
            let server = try #require(sandbox.read(project + "/src/server.js"))
            #expect(answers["files"]?["src/server.js"]?.stringValue == SHA256Digest.hex(of: Array(server.utf8)))
        }
    }

    @Test("the same task done again makes the same commits")
    func repeatable() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (first, _) = try await trial.generate()
            let again = try await trial.run("scaffolding", commit: first[0].commit)
            let tree = try await sandbox.git("-C", trial.repository, "rev-parse", (again.commit ?? "") + "^{tree}")
            #expect(
                try await sandbox.git("-C", trial.repository, "rev-parse", (first[1].commit ?? "") + "^{tree}") == tree)
            // A project that is there already is left alone.
            let third = try await trial.run("scaffolding", commit: first[2].commit)
            #expect(third.status == .success && third.commit == first[2].commit && third.output["files"] == 0)
        }
    }

    @Test("scaffolding without a plan, and with a plan that is null")
    func withoutPlan() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let commit = try await sandbox.commit(["a": "b"], to: "main", in: trial.repository)
            let missing = try await trial.run("scaffolding", commit: commit)
            #expect(missing.errors.map(\.code) == ["NO_PLAN"])
            let nothing = try await trial.run("scaffolding", payload: ["plan": nil], commit: commit)
            #expect(nothing.status == .success && nothing.commit == commit)
            let broken = try await sandbox.commit([".baton/plan.json": "[]"], to: "main", in: trial.repository)
            #expect(try await trial.run("scaffolding", commit: broken).errors.map(\.code) == ["INVALID_PLAN"])
        }
    }

    @Test("without npm the lock file is the same, and that is said")
    func withoutNPM() async throws {
        try await Sandbox.with { sandbox in
            let folder = sandbox.path + "/bin"
            let links = "mkdir -p \(folder) && for t in node git sh; do ln -s $(command -v $t) \(folder)/$t; done"
            #expect(try await sandbox.run("sh", ["-c", links]).succeeded)
            let trial = ScaffoldTrial(sandbox: sandbox)
            let (with, first) = try await trial.generate()
            let (without, second) = try await trial.generate(environment: ["PATH": folder])
            #expect(with[2].output["lock_file_by"] == "npm")
            #expect(without[2].output["lock_file_by"] == "baton")
            #expect(without[2].warnings.contains { $0.contains("npm is not installed") })
            #expect(sandbox.read(first + "/package-lock.json") == sandbox.read(second + "/package-lock.json"))

            let package = #"{"name": "a", "dependencies": {"left-pad": "1.0.0"}}"#
            let manifest = #"{"version": 1, "name": "a"}"#
            let files = ["package.json": package, "baton.json": manifest]
            let commit = try await sandbox.commit(files, to: "main", in: trial.repository)
            let failed = try await trial.run(
                "dependency_installation", commit: commit, environment: ["PATH": folder])
            #expect(failed.errors.map(\.code) == ["TOOL_MISSING"])
            let broken = try await sandbox.commit(["package.json": "7"], to: "main", in: trial.repository)
            let refused = try await trial.run("dependency_installation", commit: broken)
            #expect(refused.errors.map(\.code) == ["INVALID_PACKAGE_JSON"])
        }
    }

    /// Starts the project's server on a free port, which it prints, and stops it afterwards.
    private func serve(_ project: String, in sandbox: Sandbox, _ body: (String) async throws -> Void) async throws {
        let log = sandbox.path + "/server-\(UInt32.random(in: .min ... .max)).log"
        let start = "cd \(project) && { PORT=0 node src/server.js > \(log) 2>&1 & echo $!; }"
        let started = try await sandbox.run("sh", ["-c", start])
        let pid = started.text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "0"
        func url() -> String? {
            sandbox.read(log)?.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("http://") }.map(String.init)
        }
        _ = try await sandbox.eventually { url() != nil }
        let result: Result<Void, any Error>
        do {
            try await body(try #require(url(), "\(sandbox.read(log) ?? "")"))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        _ = try await sandbox.run("sh", ["-c", "kill \(pid)"])
        try result.get()
    }
}
