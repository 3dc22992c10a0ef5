import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import IntegrationAgent

/// Conflicts that people decide, the queue of a target branch, and the way back.
@Suite("conflicts and the merge queue")
struct ConflictTests {
    typealias Arrangement = IntegrationTests.Arrangement

    func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { try await body(Arrangement(sandbox: $0)) }
    }

    func integrate(
        _ a: Arrangement, _ commit: String, _ payload: JSONObject, answers: [String: String] = [:],
        action: String = "integration", workflow: String = "tiny-app"
    ) async throws -> TaskResult {
        var task = a.sandbox.task(
            action, payload: payload, workflow: workflow, repository: a.repository, commit: commit)
        task["answers"] = .array(answers.map { ["id": .string($0.key), "value": .string($0.value)] })
        return try await a.sandbox.run(
            task, type: "integration", actions: [IntegrationAction(), RollbackAction()])
    }

    @Test(
        "manual asks people about each place, and merges as they say", arguments: ["merge", "squash"])
    func manual(strategy: String) async throws {
        try await arranged { a in
            let lines = (1...20).map { "line \($0)" }
            func text(_ first: String, _ last: String) -> String {
                ([first] + lines + [last]).joined(separator: "\n") + "\n"
            }
            var files = TinyApp.files()
            files["text.txt"] = text("a", "z")
            files["gone.txt"] = "here\n"
            let base = try await a.main(files)
            let work = try await a.work(["text.txt": text("a work", "z work"), "gone.txt": "changed\n"], from: base)
            let former = try await a.main(["text.txt": text("a main", "z main"), "gone.txt": nil])

            let payload: JSONObject = ["conflicts": "manual", "strategy": .string(strategy)]
            let asked = try await integrate(a, work, payload)
            #expect(asked.status == .needsInput, "\(asked.errors)")
            #expect(asked.questions.count == 3 && asked.questions.allSatisfy { $0.options.contains("ours") })
            #expect(asked.questions.contains { $0.text.contains("a work") && $0.text.contains("a main") })
            #expect(try await a.head() == former)

            // An answer to some of the questions asks for the others.
            let first = try #require(asked.questions.first { $0.text.contains("a work") })
            let last = try #require(asked.questions.first { $0.text.contains("z work") })
            let file = try #require(asked.questions.first { $0.text.contains("gone.txt") })
            let more = try await integrate(a, work, payload, answers: [first.id: "theirs"])
            #expect(Set(more.questions.map(\.id)) == [last.id, file.id])

            let answers = [first.id: "theirs", last.id: "both", file.id: "ours"]
            let done = try await integrate(a, work, payload, answers: answers)
            #expect(done.status == .success, "\(done.errors)")
            let expected = (["a work"] + lines + ["z main", "z work"]).joined(separator: "\n")
            #expect(try await a.show("main:text.txt") == expected)
            #expect(try await a.head("main:gone.txt") == nil)
            #expect(try await a.parents(try #require(try await a.head())) == (strategy == "merge" ? 2 : 1))
        }
    }

    @Test("manual and rebase don't go together, and that is said")
    func manualRebase() throws {
        #expect(throws: (any Error).self) {
            try IntegrationRequest(["conflicts": "manual", "strategy": "rebase"])
        }
    }

    @Test("two workflows that change the same lines at the same time both end right, and main is never red")
    func twoAtOnce() async throws {
        try await arranged { a in
            var files = TinyApp.files()
            files["text.txt"] = "one\ntwo\nthree\n"
            // The suite wants the file to be whole.
            files["tests/text.test.js"] = """
                const test = require("node:test"), assert = require("node:assert"), fs = require("node:fs");
                test("whole", () => {
                  const text = fs.readFileSync("text.txt", "utf8");
                  assert.ok(text.startsWith("one\\n") && text.endsWith("three\\n") && !text.includes("<<<<"));
                });

                """
            let base = try await a.main(files)
            let first = try await a.sandbox.commit(
                ["text.txt": "one\nTWO of the first\nthree\n"], to: "attempt/1", from: base, in: a.repository)
            let second = try await a.sandbox.commit(
                ["text.txt": "one\nTWO of the second\nthree\n"], to: "attempt/2", from: base, in: a.repository)
            async let one = integrate(a, first, ["conflicts": "union"], workflow: "first")
            async let two = integrate(a, second, ["conflicts": "union"], workflow: "second")
            let results = try await [one, two]
            #expect(results.allSatisfy { $0.status == .success && $0.errors.isEmpty }, "\(results.map(\.errors))")
            let text = try await a.show("main:text.txt")
            #expect(text.contains("TWO of the first") && text.contains("TWO of the second"))
            // One was merged on top of the other: the queue let the second begin when the first had published.
            let history = try await a.sandbox.git(
                "-C", a.repository, "log", "--first-parent", "--format=%H", "main"
            ).split(separator: "\n")
            #expect(history.count == 3, "\(history)")
            for commit in history {
                let folder = a.sandbox.path + "/at-\(commit)"
                try await a.sandbox.git("clone", "--quiet", a.repository, folder)
                try await a.sandbox.git("-C", folder, "checkout", "--quiet", "--detach", String(commit))
                let suite = try await a.sandbox.run("sh", ["-c", "cd \(folder) && node --test tests/"])
                #expect(suite.succeeded, "main was red at \(commit): \(suite.text)")
            }
        }
    }

    @Test("of two that only together break the suite the second is refused, and main stays green")
    func onlyTogether() async throws {
        try await arranged { a in
            let test = """
                const test = require("node:test"), assert = require("node:assert"), fs = require("node:fs");
                test("not both", () => assert.ok(!(fs.existsSync("a.txt") && fs.existsSync("b.txt"))));

                """
            let base = try await a.main(TinyApp.files(test: test))
            let first = try await a.sandbox.commit(["a.txt": "a"], to: "attempt/1", from: base, in: a.repository)
            let second = try await a.sandbox.commit(["b.txt": "b"], to: "attempt/2", from: base, in: a.repository)
            async let one = integrate(a, first, [:], workflow: "first")
            async let two = integrate(a, second, [:], workflow: "second")
            let results = try await [one, two]
            #expect(results.count { $0.status == .success } == 1)
            #expect(results.flatMap(\.errors).map(\.code) == ["TESTS_FAILED_AFTER_MERGE"])
            #expect((try await a.head("main:a.txt") == nil) != (try await a.head("main:b.txt") == nil))
        }
    }

    @Test("a rollback makes the files what they were before, by a commit on top")
    func rollback() async throws {
        try await arranged { a in
            let base = try await a.main(TinyApp.files())
            let none = try await integrate(a, base, [:], action: "rollback")
            #expect(none.errors.map(\.code) == ["NOTHING_TO_ROLL_BACK"])
            let work = try await a.work(["feature.txt": "new\n"], from: base)
            #expect(try await a.integrate(work).status == .success)
            let merged = try #require(try await a.head())
            let back = try await integrate(a, merged, [:], action: "rollback")
            #expect(back.status == .success, "\(back.errors)")
            let head = try #require(try await a.head())
            #expect(back.commit == head && back.output["rolled_back"] == .string(merged))
            #expect(try await a.head("main^{tree}") == (try await a.head(base + "^{tree}")))
            #expect(try await a.head("main^") == merged)
        }
    }

    @Test("marks of conflicts are read, and what is no mark stays as it is")
    func marks() {
        let text = "a\n<<<<<<< HEAD\nours\n||||||| base\nold\n=======\ntheirs\n>>>>>>> work\nb\n<<<<<<< not closed\n"
        let found = ConflictText(text)
        #expect(found.hunks == [.init(line: 2, ours: ["ours"], theirs: ["theirs"])])
        #expect(found.settled { _ in .both } == "a\nours\ntheirs\nb\n<<<<<<< not closed\n")
        #expect(ConflictText("plain\n").settled { _ in .ours } == "plain\n")
    }
}
