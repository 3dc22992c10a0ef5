import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import E2EAgent

/// Repositories without a manifest.
@Suite("e2e_testing of given repositories", .serialized)
struct GivenAppTests {
    private func run(_ sandbox: Sandbox, _ files: [String: String?]) async throws -> (TaskResult, commit: String) {
        let commit = try await sandbox.commit(files, to: "work", in: sandbox.path + "/project.git")
        let result = try await sandbox.run(
            sandbox.task(
                "e2e_testing", payload: ["press_buttons": false], repository: sandbox.path + "/project.git",
                commit: commit, timeoutMilliseconds: 300_000),
            type: "e2e", actions: [E2ETestingAction()], environment: ["BATON_PYTHON": try await PythonForTests.path()])
        return (result, commit)
    }

    @Test("an app is started as its sources say and tested; the tests are shown, and not put into its repository")
    func app() async throws {
        try await Sandbox.with { sandbox in
            var files = TinyApp.files()
            files["baton.json"] = nil as String?
            files = files.filter { $0.value != nil }
            files["package.json"] = #"{"name": "given", "scripts": {"start": "node server.js"}}"#
            let (result, commit) = try await run(sandbox, files)
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["pages"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["/", "/about"])
            #expect(result.output["tests"]?["failed"] == 0 && result.output["tests"]?["passed"] != 0)
            #expect(result.commit == commit)
            #expect(sandbox.artifact("test_pages.py", of: result) != nil)
        }
    }

    @Test("an app that answers programs only, without a first page, is healthy when it answers at all")
    func interface() async throws {
        try await Sandbox.with { sandbox in
            let server = """
                require("node:http").createServer((request, response) => {
                  response.writeHead(request.url === "/api/items" ? 200 : 404, { "content-type": "application/json" });
                  response.end("[]");
                }).listen(process.env.PORT);

                """
            let (result, _) = try await run(sandbox, ["package.json": #"{"name": "given"}"#, "index.js": server])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["pages"]?.arrayValue == [])
            #expect(result.output["tests"]?["passed"] == 1)
        }
    }

    @Test("a library, and a repository that nobody knows the language of, are skipped, and that is said")
    func nothingToStart() async throws {
        try await Sandbox.with { sandbox in
            let library = ["package.json": #"{"name": "given", "main": "lib.js"}"#, "lib.js": "exports.one = 1;\n"]
            let (skipped, commit) = try await run(sandbox, library)
            #expect(skipped.status == .success)
            #expect(skipped.commit == commit)
            #expect(skipped.output["skipped"]?.stringValue?.contains("as a library has none") == true)
            #expect(skipped.warnings.contains { $0.hasPrefix("browser tests were skipped: ") })
            let words = try await sandbox.commit(["words.txt": "x\n"], to: "words", in: sandbox.path + "/words.git")
            let unknown = try await sandbox.run(
                sandbox.task("e2e_testing", repository: sandbox.path + "/words.git", commit: words),
                type: "e2e", actions: [E2ETestingAction()])
            #expect(unknown.output["skipped"]?.stringValue?.hasPrefix("no baton.json") == true, "\(unknown.errors)")
        }
    }

    @Test("a server that crashes fails, however it was found")
    func crashes() async throws {
        try await Sandbox.with { sandbox in
            let files = [
                "package.json": #"{"scripts": {"start": "node server.js"}}"#,
                "server.js": "throw new Error('planted before ' + process.env.PORT);\n",
            ]
            let (result, _) = try await run(sandbox, files)
            #expect(result.errors.map(\.code) == ["APP_NOT_STARTED"])
            #expect(result.errors.first?.message.contains("planted before") == true)
        }
    }
}
