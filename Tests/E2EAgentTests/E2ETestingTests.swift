import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import ProjectTools
import Testing

@testable import E2EAgent

/// A real app, a real browser, real tests.
@Suite("e2e_testing", .serialized)
struct E2ETestingTests {
    static let plan: JSONValue = [
        "endpoints": [["path": "/api/calculate?expression=7*6", "json": ["result": 42]]],
        "scenarios": [
            [
                "name": "multiplies seven by six",
                "steps": [
                    ["goto": "/"], ["fill": "#expression", "value": "7*6"], ["click": "button"],
                    ["expect_text": "#result", "value": "42"],
                ],
            ]
        ],
    ]

    func run(_ sandbox: Sandbox, _ files: [String: String?], payload: JSONObject = [:]) async throws -> TaskResult {
        let repository = sandbox.path + "/project.git"
        let commit = try await sandbox.commit(files, to: "work", in: repository)
        let python = try await PythonForTests.path()
        // What comes of pressing every button is tested with what an OpenAPI document tells to ask.
        let payload = JSONObject([("press_buttons", false)]).merging(payload)
        return try await sandbox.run(
            sandbox.task(
                "e2e_testing", payload: payload, repository: repository, commit: commit, timeoutMilliseconds: 300_000),
            type: "e2e", actions: [E2ETestingAction()], environment: ["BATON_PYTHON": python])
    }

    @Test("a well-made app passes; its tests are kept in the project, its pictures and report as artifacts")
    func passes() async throws {
        try await Sandbox.with { sandbox in
            let result = try await run(sandbox, TinyApp.files(manifest: ["e2e": Self.plan]))
            #expect(result.status == .success, "\(result.errors)")
            // Health and endpoint, two pages, fields and buttons of the first, one scenario.
            #expect(result.output["summary"] == "7 browser tests, 2 pages")
            #expect(result.output["tests"]?["passed"] == 7)
            #expect(result.output["pages"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["/", "/about"])
            #expect(result.output["findings"]?.arrayValue == [])
            let names = Set(result.artifacts.map(\.name))
            let expected: Set = [
                "e2e-report.html", "e2e-junit.xml", "trace.zip", "app.log", "01-index-desktop.png",
                "01-index-phone.png", "01-index-dark.png",
                "02-about-desktop.png", "02-about-phone.png", "test-multiplies-seven-by-six.png",
            ]
            #expect(names.isSuperset(of: expected), "missing: \(expected.subtracting(names))")
            let picture = try #require(sandbox.artifact("test-multiplies-seven-by-six.png", of: result))
            #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]) && picture.count > 2000)
            // Only the tests are in the commit.
            let commit = try #require(result.commit)
            let changed = try await sandbox.git(
                "-C", sandbox.path + "/project.git", "diff", "--name-only", "work", commit)
            #expect(
                changed.split(separator: "\n").map(String.init)
                    == ["e2e/conftest.py", "e2e/test_api.py", "e2e/test_pages.py", "e2e/test_scenarios.py"])
            #expect(try await isStopped(result, in: sandbox))
        }
    }

    @Test("tests that a project brings are run as they are, without a new commit")
    func ownTests() async throws {
        try await Sandbox.with { sandbox in
            var files = TinyApp.files()
            files["e2e/test_own.py"] = """
                import os, pytest, urllib.request
                def test_version():
                    with urllib.request.urlopen(os.environ["E2E_BASE_URL"] + "/version") as answer:
                        assert answer.read() == b"1"
                def test_wrong():
                    assert 1 == 2, "planted"
                @pytest.mark.skip
                def test_not_today():
                    pass

                """
            let result = try await run(sandbox, files)
            #expect(result.status == .failure)
            #expect(result.output["summary"] == "1 of 3 browser tests passed, 1 skipped, 2 pages")
            #expect(result.output["generated"] == false)
            #expect(result.errors.map(\.code) == ["E2E_TESTS_FAILED"])
            #expect(result.errors.first?.message.contains("planted") == true)
            #expect(result.commit == (try await sandbox.git("-C", sandbox.path + "/project.git", "rev-parse", "work")))
        }
    }

    @Test("tests that are all skipped have not passed")
    func allSkipped() async throws {
        try await Sandbox.with { sandbox in
            var files = TinyApp.files()
            files["e2e/test_own.py"] = "import pytest\n@pytest.mark.skip\ndef test_later(): pass\n"
            let result = try await run(sandbox, files)
            #expect(result.errors.map(\.code) == ["TESTS_DID_NOT_RUN"])
        }
    }

    @Test("console errors, broken links and server errors are found and fail the stage")
    func plantedErrors() async throws {
        try await Sandbox.with { sandbox in
            let body = """
                <h1>Broken</h1><a href="/nowhere">dead link</a><input id="unlabelled">
                <button onclick="throw new Error('planted exception')">Press</button>
                <script>console.error("planted console error")</script>
                """
            let result = try await run(sandbox, TinyApp.files(body: body))
            #expect(result.status == .failure)
            let codes = result.errors.map(\.code)
            #expect(codes.contains("PAGE_ERRORS") && codes.contains("E2E_TESTS_FAILED"), "\(codes)")
            let findings = result.output["findings"]?.arrayValue ?? []
            func found(_ kind: String, _ text: String) -> Bool {
                findings.contains {
                    $0["kind"]?.stringValue == kind && $0["message"]?.stringValue?.contains(text) == true
                }
            }
            #expect(found("console_error", "planted console error"))
            #expect(found("http_error", "/nowhere: status 404"))
            #expect(found("accessibility", "no label: #unlabelled"))
            let failures = result.output["tests"]?["failures"]?.arrayValue ?? []
            #expect(
                failures.contains { $0["message"]?.stringValue?.contains("planted exception") == true }, "\(failures)")
            #expect(result.artifacts.contains { $0.name.hasSuffix(".trace.zip") })
            #expect(try await isStopped(result, in: sandbox))
        }
    }

    @Test("a dead button is found, with a picture of it; buttons that do something are none")
    func deadButton() async throws {
        try await Sandbox.with { sandbox in
            let body = """
                <h1>Buttons</h1><form><button>Send</button></form>
                <button id="listens">Count</button><p id="count">0</p>
                <div id="around"><button id="heard">Heard further up</button></div>
                <button id="dead">Pay now</button>
                <script>
                let count = 0;
                document.getElementById("listens").onclick = () => { document.getElementById("count").textContent = ++count; };
                document.getElementById("around").addEventListener("click", () => { document.title = "Heard"; });
                </script>
                """
            let result = try await run(sandbox, TinyApp.files(body: body))
            let findings = (result.output["findings"]?.arrayValue ?? []).filter { $0["kind"] == "dead_button" }
            #expect(findings.count == 1, "\(result.output)")
            #expect(findings.first?["message"]?.stringValue?.contains("\"Pay now\" (#dead)") == true)
            #expect(findings.first?["severity"] == "error" && findings.first?["page"] == "/")
            #expect(result.errors.map(\.code).contains("PAGE_ERRORS"))
            #expect(result.artifacts.contains { $0.name == "01-index-dead-button-1.png" })
        }
    }

    @Test("a server error behind a button fails the stage, and is told with its address")
    func serverError() async throws {
        try await Sandbox.with { sandbox in
            let body = """
                <h1>Save</h1><button id="save">Save</button>
                <script>document.getElementById("save").onclick = () => fetch("/api/broken", { method: "POST" });</script>
                """
            var files = TinyApp.files(body: body)
            files["server.js"] = files["server.js"]??.replacingOccurrences(
                of: "send(404,",
                with: "if (url.pathname === '/api/broken') return send(500, 'text/plain', 'oops'); send(404,")
            let result = try await run(sandbox, files)
            #expect(result.errors.map(\.code).contains("E2E_TESTS_FAILED"), "\(result.output)")
            #expect(result.errors.contains { $0.message.contains("/api/broken: status 500") }, "\(result.errors)")
        }
    }

    @Test("a test that passes when it is run again is flaky: not passed, not failed, and told")
    func flaky() async throws {
        try await Sandbox.with { sandbox in
            var files = TinyApp.files()
            files["e2e/test_own.py"] = """
                from pathlib import Path

                def test_sometimes():
                    mark = Path("was-here")
                    first = not mark.exists()
                    mark.touch()
                    assert not first, "planted"

                def test_always():
                    pass

                """
            let result = try await run(sandbox, files)
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["summary"] == "1 of 2 browser tests passed, 1 flaky, 2 pages")
            #expect(result.output["flaky"]?[0]?["name"]?.stringValue?.contains("test_sometimes") == true)
            #expect(result.warnings.contains { $0.contains("test_sometimes is flaky") && $0.contains("planted") })
        }
    }

    @Test("what looks different from the last accepted pictures is told, or fails the stage if that is asked for")
    func changed() async throws {
        try await Sandbox.with { sandbox in
            #expect(try await run(sandbox, TinyApp.files()).status == .success)
            let dark = "<style>body { background: #123; color: #234 }</style>" + TinyApp.calculator
            let strict = try await run(sandbox, TinyApp.files(body: dark), payload: ["screenshots": "compare"])
            #expect(strict.errors.map(\.code) == ["PAGE_ERRORS"])
            #expect(strict.errors.first?.message.contains("differ from what was accepted last") == true)
            #expect(strict.artifacts.contains { $0.name == "01-index-desktop-difference.png" })
            var again = TinyApp.files(body: dark)
            again["again.txt"] = "a commit of its own"
            let told = try await run(sandbox, again)
            #expect(told.status == .success, "\(told.errors)")
            #expect(told.warnings.contains { $0.contains("changed on /") }, "\(told.warnings)")
            // Dark text on dark ground is seen, too.
            #expect(told.warnings.contains { $0.contains("contrast 1.") }, "\(told.warnings)")
            again["again.txt"] = "and another"
            let same = try await run(sandbox, again, payload: ["screenshots": "compare"])
            #expect(same.status == .success, "\(same.errors)")
        }
    }

    @Test("an app that ends at once fails with its last words")
    func appEnds() async throws {
        try await Sandbox.with { sandbox in
            let files = TinyApp.files(start: "console.error('no database today'); process.exit(3);")
            let result = try await run(sandbox, files)
            #expect(result.errors.map(\.code) == ["APP_NOT_STARTED"])
            #expect(result.errors.first?.message.contains("no database today") == true)
        }
    }

    @Test("an app that never becomes healthy fails within its limit, with its last words, and is stopped")
    func neverHealthy() async throws {
        try await Sandbox.with { sandbox in
            let result = try await run(
                sandbox, TinyApp.files(healthy: "false"), payload: ["health_timeout_seconds": 2])
            #expect(result.errors.map(\.code) == ["APP_NOT_HEALTHY"])
            #expect(result.errors.first?.message.contains("/health answered 503") == true)
            #expect(result.errors.first?.message.contains("listening on") == true)
        }
    }

    @Test("without Playwright the stage fails and names the command that installs it")
    func toolMissing() async throws {
        try await Sandbox.with { sandbox in
            let fake = sandbox.path + "/python"
            try sandbox.write("#!/bin/sh\nexit 1\n", to: fake)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: fake)
            let repository = sandbox.path + "/project.git"
            let commit = try await sandbox.commit(TinyApp.files(), to: "work", in: repository)
            let result = try await sandbox.run(
                sandbox.task("e2e_testing", repository: repository, commit: commit),
                type: "e2e", actions: [E2ETestingAction()], environment: ["BATON_PYTHON": fake])
            #expect(result.status == .failure)
            #expect(result.errors.map(\.code) == ["TOOL_MISSING"])
            #expect(result.errors.first?.message.contains("pip install pytest playwright") == true)
        }
    }

    /// Whether the app that the artifact app.log tells of no longer answers.
    private func isStopped(_ result: TaskResult, in sandbox: Sandbox) async throws -> Bool {
        let log = try #require(sandbox.artifact("app.log", of: result))
        let line = String(decoding: log, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("listening on ") }
        let port = try #require(line?.split(separator: " ").last)
        return try await sandbox.get("http://127.0.0.1:\(port)/health") == nil
    }
}

extension JSONObject {
    fileprivate func merging(_ other: JSONObject) -> JSONObject {
        var result = self
        for (key, value) in other { result[key] = value }
        return result
    }
}

/// A Python with pytest and Playwright: that of `BATON_PYTHON` if it has them, otherwise a virtual environment that is
/// made once for a test run, from PyPI.
actor PythonForTests {
    private static let shared = PythonForTests()
    private var making: Task<String, any Error>?

    static func path() async throws -> String { try await shared.path() }

    private func path() async throws -> String {
        let making = self.making ?? Task { try await Self.make() }
        self.making = making
        return try await making.value
    }

    private static func make() async throws -> String {
        let given = ProcessInfo.processInfo.environment["BATON_PYTHON"]
        return try await Sandbox.with { sandbox in
            let check = "import pytest, playwright"
            if let given, try await sandbox.run(given, ["-c", check]).succeeded { return given }
            let place = FileManager.default.temporaryDirectory.path + "/baton-test-venv-\(geteuid())"
            let python = place + "/bin/python"
            if FileManager.default.isExecutableFile(atPath: python),
                try await sandbox.run(python, ["-c", check]).succeeded
            {
                return python
            }
            let made = try await sandbox.run("python3", ["-m", "venv", "--clear", place])
            guard made.succeeded else { throw Sandbox.Failure(description: made.errorText + made.text) }
            let installed = try await sandbox.run(
                python,
                [
                    "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pytest==9.2.0",
                    "playwright==1.65.2",
                ],
                environment: ["HOME": ProcessInfo.processInfo.environment["HOME"] ?? sandbox.path])
            guard installed.succeeded else { throw Sandbox.Failure(description: installed.errorText) }
            return python
        }
    }
}
