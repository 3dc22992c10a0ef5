import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import ScaffoldAgent

/// The Python stack: what is generated passes its own linter, type checker and tests.
@Suite("Python service")
struct PythonServiceTests {
    @Test("a service is made, and passes ruff, mypy and pytest, whatever its name and requirements are")
    func service() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let hostile = GeneratedProjectTests.hostile
            var environment: String?
            for feature in ["page", "records"] {
                let planned = try await trial.run(
                    "initialization", name: String(hostile.prefix(200)), requirements: hostile,
                    input: ["stack": "python-service", "feature": .string(feature), "entities": EntityTests.given])
                #expect(planned.output["template"]?.stringValue == "python-service/" + feature)
                let made = try await trial.run("scaffolding", commit: planned.commit)
                #expect(made.status == .success, "\(made.errors)")
                let project = try await trial.checkOut(made.commit ?? "")
                // Both need the same packages.
                if let environment {
                    #expect(try await sandbox.run("mv", [environment, project + "/.venv"]).succeeded)
                }
                try await check(project, in: sandbox)
                environment = project + "/.venv"
            }
        }
    }

    @Test("the shortest name makes a service that its linter likes, too")
    func plain() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let planned = try await trial.run(
                "initialization", name: "plain", input: ["stack": "python-service", "feature": "page"])
            let made = try await trial.run("scaffolding", commit: planned.commit)
            let project = try await trial.checkOut(made.commit ?? "")
            let install = "cd \(project) && python3 -m venv v && v/bin/pip install --quiet ruff && v/bin/ruff check ."
            let linted = try await sandbox.run(
                "sh", ["-c", install + " --exclude v"], environment: Self.caches(sandbox))
            #expect(linted.succeeded, "\(linted.text)")
        }
    }

    @Test("the lock files name every version, and those that are there stay")
    func lock() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let files = [
                "baton.json": #"{"version": 1, "name": "a"}"#, "requirements.in": "# nothing\n",
                "requirements-dev.in": "-r requirements.in\n",
            ]
            let commit = try await sandbox.commit(files, to: "main", in: trial.repository)
            let locked = try await trial.run("dependency_installation", commit: commit)
            #expect(locked.status == .success, "\(locked.errors)")
            #expect(locked.output["lock_file_by"] == "pip" && locked.output["lock_file"] == "requirements-dev.txt")
            let project = try await trial.checkOut(locked.commit ?? "")
            #expect(sandbox.read(project + "/requirements.txt")?.contains("requirements.in") == true)
            let again = try await trial.run("dependency_installation", commit: locked.commit)
            #expect(again.output["lock_file_by"] == "project" && again.commit == locked.commit)

            let wrong = ["requirements.in": "no such thing ==\n", "baton.json": files["baton.json"]]
            let broken = try await sandbox.commit(wrong, to: "broken", in: trial.repository)
            let failed = try await trial.run("dependency_installation", commit: broken)
            #expect(failed.errors.map(\.code) == ["LOCK_FAILED"])
        }
        let report: JSONValue = [
            "install": [
                ["metadata": ["name": "Werkzeug", "version": "3.1.0"]],
                ["metadata": ["name": "flask", "version": "3.1"]],
                ["metadata": [:]],
            ]
        ]
        #expect(PythonLocker.pins(report) == ["flask==3.1", "werkzeug==3.1.0"])
    }

    /// Runs the manifest's commands, which have to go well.
    private func check(_ project: String, in sandbox: Sandbox) async throws {
        let manifest = try ProjectManifest.load(from: project)
        for name in ["install", "lint", "typecheck", "test", "build"] {
            for command in try #require(manifest.commands(name), "\(name)") {
                let words = command.map { Escape.shell($0) }.joined(separator: " ")
                let output = try await sandbox.run(
                    "sh", ["-c", "cd \(project) && \(words)"], environment: Self.caches(sandbox))
                #expect(output.succeeded, "\(words): \(output.text.suffix(4000)) \(output.errorText.suffix(4000))")
                guard output.succeeded else { return }
            }
        }
        let report = try #require(sandbox.read(project + "/" + (manifest.reports["junit"] ?? "")))
        let summary = TestSummary(try JUnitReport.parse(Array(report.utf8)))
        #expect(summary.passed >= 15 && summary.failed == 0)
    }

    /// Packages that pip has had before aren't fetched again.
    private static func caches(_ sandbox: Sandbox) -> [String: String] {
        sandbox.environment["HOME"].map { ["PIP_CACHE_DIR": $0 + "/.cache/pip"] } ?? [:]
    }
}
