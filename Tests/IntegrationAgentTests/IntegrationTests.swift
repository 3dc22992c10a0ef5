import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import IntegrationAgent

/// Real git, real test suites.
@Suite("integration")
struct IntegrationTests {
    /// A workflow's repository with work in it, as the stage before leaves it.
    struct Arrangement {
        let sandbox: Sandbox
        var repository: String { sandbox.path + "/workflow.git" }

        func work(_ files: [String: String?], from start: String? = nil) async throws -> String {
            try await sandbox.commit(files, to: "attempt/work", from: start, in: repository, message: "the work")
        }

        func main(_ files: [String: String?], in repository: String? = nil) async throws -> String {
            try await sandbox.commit(files, to: "main", in: repository ?? self.repository, message: "on main")
        }

        func integrate(
            _ commit: String, _ payload: JSONObject = [:], taskID: UniqueID? = nil
        ) async throws -> TaskResult {
            try await sandbox.run(
                sandbox.task("integration", payload: payload, repository: repository, commit: commit, taskID: taskID),
                type: "integration", actions: [IntegrationAction()])
        }

        func head(_ branch: String = "refs/heads/main", in repository: String? = nil) async throws -> String? {
            let output = try await sandbox.run(
                "git", ["-C", repository ?? self.repository, "rev-parse", "--verify", "--quiet", branch])
            return output.succeeded ? output.text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
        }

        func show(_ object: String, in repository: String? = nil) async throws -> String {
            try await sandbox.git("-C", repository ?? self.repository, "show", object)
        }

        func parents(_ commit: String) async throws -> Int {
            try await sandbox.git("-C", repository, "show", "--no-patch", "--format=%P", commit)
                .split(separator: " ").count
        }
    }

    func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { try await body(Arrangement(sandbox: $0)) }
    }

    @Test("a new app becomes the target branch as it is, tested before")
    func newBranch() async throws {
        try await arranged { a in
            let work = try await a.work(TinyApp.files())
            let result = try await a.integrate(work)
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["summary"] == "published as main, 2 tests")
            #expect(result.output["former_head"] == JSONValue.null)
            #expect(result.commit == work)
            #expect(try await a.head() == work)
        }
    }

    @Test("a branch that went on is merged, both sides kept, the former head kept")
    func realMerge() async throws {
        try await arranged { a in
            let base = try await a.main(TinyApp.files())
            let work = try await a.work(["feature.txt": "new\n"], from: base)
            let former = try await a.main(["other.txt": "meanwhile\n"])
            let result = try await a.integrate(work)
            #expect(result.output["summary"] == "merged into main, 2 tests", "\(result.errors)")
            #expect(result.output["former_head"] == .string(former))
            let head = try #require(try await a.head())
            #expect(result.commit == head)
            #expect(try await a.parents(head) == 2)
            #expect(try await a.show("main:feature.txt") == "new")
            #expect(try await a.show("main:other.txt") == "meanwhile")
            #expect(try await a.head("refs/baton/previous/main") == former)
        }
    }

    @Test(
        "each strategy gives the history that it promises",
        arguments: [("squash", 1, "tiny-app"), ("rebase", 1, "the work"), ("fast-forward", 1, "the work")]
    )
    func strategies(strategy: String, parents: Int, subject: String) async throws {
        try await arranged { a in
            let base = try await a.main(TinyApp.files())
            _ = try await a.work(["feature.txt": "new\n"], from: base)
            let work = try await a.work(["feature2.txt": "new\n"])
            if strategy != "fast-forward" { _ = try await a.main(["other.txt": "meanwhile\n"]) }
            let result = try await a.integrate(work, ["strategy": .string(strategy)])
            #expect(result.status == .success, "\(result.errors)")
            let head = try #require(try await a.head())
            #expect(try await a.parents(head) == parents)
            #expect(try await a.sandbox.git("-C", a.repository, "log", "-1", "--format=%s", head) == subject)
            #expect(try await a.show("main:feature.txt") == "new")
            #expect(try await a.show("main:feature2.txt") == "new")
        }
    }

    @Test("fast-forward is refused when the target has commits of its own")
    func notFastForward() async throws {
        try await arranged { a in
            let base = try await a.main(TinyApp.files())
            let work = try await a.work(["feature.txt": "new\n"], from: base)
            let former = try await a.main(["other.txt": "meanwhile\n"])
            let result = try await a.integrate(work, ["strategy": "fast-forward"])
            #expect(result.errors.map(\.code) == ["NOT_FAST_FORWARD"])
            #expect(try await a.head() == former)
        }
    }

    @Test(
        "a conflict fails with its files and hunks, and nothing is published", arguments: ["merge", "squash", "rebase"])
    func conflict(strategy: String) async throws {
        try await arranged { a in
            var files = TinyApp.files()
            files["text.txt"] = "one\ntwo\nthree\n"
            let base = try await a.main(files)
            let work = try await a.work(["text.txt": "one\nTWO of the work\nthree\n"], from: base)
            let former = try await a.main(["text.txt": "one\nTWO of main\nthree\n"])
            let result = try await a.integrate(work, ["strategy": .string(strategy)])
            #expect(result.status == .failure)
            let fault = try #require(result.errors.first)
            #expect(fault.code == "MERGE_CONFLICT" && !fault.retryable)
            let file = fault.detail["files"]?[0]
            #expect(file?["path"] == "text.txt")
            #expect(file?["hunks"]?[0]?["line"] == 2)
            #expect(file?["hunks"]?[0]?["ours"] == "TWO of main")
            #expect(file?["hunks"]?[0]?["theirs"] == "TWO of the work")
            #expect(try await a.head() == former)
        }
    }

    @Test(
        "conflicts are settled as the input says",
        arguments: [
            ("merge", "ours", "one\nTWO of main\nthree"), ("merge", "theirs", "one\nTWO of the work\nthree"),
            ("merge", "union", "one\nTWO of main\nTWO of the work\nthree"),
            ("rebase", "ours", "one\nTWO of main\nthree"), ("rebase", "theirs", "one\nTWO of the work\nthree"),
            ("squash", "theirs", "one\nTWO of the work\nthree"),
        ]
    )
    func settled(strategy: String, conflicts: String, text: String) async throws {
        try await arranged { a in
            var files = TinyApp.files()
            files["text.txt"] = "one\ntwo\nthree\n"
            let base = try await a.main(files)
            let work = try await a.work(["text.txt": "one\nTWO of the work\nthree\n"], from: base)
            _ = try await a.main(["text.txt": "one\nTWO of main\nthree\n"])
            let result = try await a.integrate(
                work, ["strategy": .string(strategy), "conflicts": .string(conflicts)])
            #expect(result.status == .success, "\(result.errors)")
            #expect(try await a.show("main:text.txt") == text)
        }
    }

    @Test("a merge that breaks the suite is not published")
    func testsFail() async throws {
        try await arranged { a in
            // Either side passes alone: the test wants a.txt and b.txt to be never there together.
            let test = """
                const test = require("node:test");
                const assert = require("node:assert");
                const fs = require("node:fs");
                test("not both", () => assert.ok(!(fs.existsSync("a.txt") && fs.existsSync("b.txt"))));

                """
            let base = try await a.main(TinyApp.files(test: test))
            let work = try await a.work(["a.txt": "a"], from: base)
            let former = try await a.main(["b.txt": "b"])
            let result = try await a.integrate(work)
            #expect(result.errors.map(\.code) == ["TESTS_FAILED_AFTER_MERGE"])
            #expect(result.errors.first?.detail["tests"]?["failed"] == 1)
            #expect(try await a.head() == former)
        }
    }

    @Test("a target that moves while the merge is tested: nothing is published, and the next attempt merges both")
    func targetMoves() async throws {
        try await arranged { a in
            // The suite itself moves the target, once: that is certainly between merge and push.
            let moved = a.sandbox.path + "/moved"
            let test = """
                const { execFileSync } = require("node:child_process");
                const fs = require("node:fs");
                const git = (...args) => execFileSync("git", ["-C", "\(a.repository)", ...args]).toString().trim();
                require("node:test")("moves the target", () => {
                  if (fs.existsSync("\(moved)")) return;
                  fs.writeFileSync("\(moved)", "");
                  const commit = git("commit-tree", "main^{tree}", "-p", "main", "-m", "somebody else's");
                  git("update-ref", "refs/heads/main", commit);
                });

                """
            let base = try await a.main(TinyApp.files(test: test))
            let work = try await a.work(["feature.txt": "new\n"], from: base)
            let first = try await a.integrate(work)
            let fault = try #require(first.errors.first)
            #expect(fault.code == "TARGET_MOVED" && fault.retryable)
            let others = try #require(try await a.head())
            #expect(others != base)
            let second = try await a.integrate(work)
            #expect(second.status == .success, "\(second.errors)")
            #expect(second.output["former_head"] == .string(others))
            #expect(try await a.show("main:feature.txt") == "new")
        }
    }

    @Test(
        "a repetition of a task that has published finds its merge and publishes nothing",
        arguments: ["merge", "squash", "rebase"])
    func repetition(strategy: String) async throws {
        try await arranged { a in
            let base = try await a.main(TinyApp.files())
            let work = try await a.work(["feature.txt": "new\n"], from: base)
            _ = try await a.main(["other.txt": "meanwhile\n"])
            var random = SystemRandomNumberGenerator()
            let task = UniqueID.v7(at: .now(), using: &random)
            let first = try await a.integrate(work, ["strategy": .string(strategy)], taskID: task)
            #expect(first.status == .success, "\(first.errors)")
            let later = try await a.main(["later.txt": "after\n"])
            let second = try await a.integrate(work, ["strategy": .string(strategy)], taskID: task)
            #expect(second.status == .success, "\(second.errors)")
            #expect(second.output["already_published"] == true)
            #expect(second.output["merged_commit"] == first.output["merged_commit"])
            #expect(second.output["former_head"] == first.output["former_head"])
            #expect(try await a.head() == later)
        }
    }

    @Test("a project without test command is published only on request")
    func untested() async throws {
        try await arranged { a in
            let files = TinyApp.files(test: nil, manifest: ["commands": [:]])
            let work = try await a.work(files.filter { $0.value != nil })
            #expect(try await a.integrate(work).errors.map(\.code) == ["NO_TEST_COMMAND"])
            #expect(try await a.head() == nil)
            let result = try await a.integrate(work, ["allow_untested": true])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["tests"] == JSONValue.null)
            #expect(result.warnings.count == 1)
        }
    }

    @Test("a repository without manifest is tested as its files say; one without tests is merged, and that is said")
    func withoutManifest() async throws {
        try await arranged { a in
            let bad = TinyApp.passingTest.replacing("1 + 1, 2", with: "1 + 1, 3")
            let red = try await a.work(["package.json": #"{"name": "given"}"#, "tests/app.test.js": bad])
            let failed = try await a.integrate(red)
            #expect(failed.errors.map(\.code) == ["TESTS_FAILED_AFTER_MERGE"])
            #expect(
                failed.errors.first?.message.contains("1 of 2 tests passed; first: adds") == true, "\(failed.errors)")
            #expect(try await a.head() == nil)
            let green = try await a.work(["tests/app.test.js": TinyApp.passingTest])
            let result = try await a.integrate(green)
            #expect(result.output["summary"] == "published as main, 2 tests", "\(result.errors)")
            let untested = try await a.work(["tests/app.test.js": nil, "index.js": "exports.one = 1;\n"])
            let merged = try await a.integrate(untested)
            #expect(merged.status == .success, "\(merged.errors)")
            #expect(merged.warnings == ["published untested, as no tests were found in the repository"])
        }
    }

    @Test("a target branch that git would take for an option is refused before anything is done")
    func hostileBranch() async throws {
        try await arranged { a in
            let work = try await a.work(TinyApp.files())
            let result = try await a.integrate(work, ["target_branch": "--upload-pack=x"])
            #expect(result.errors.map(\.code) == ["INVALID_INPUT"])
        }
    }
}
