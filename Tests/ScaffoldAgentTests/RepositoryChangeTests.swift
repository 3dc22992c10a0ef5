import AgentProtocol
import AgentRuntime
import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

/// Changes to a repository that exists, with real git.
@Suite("a change to a repository")
struct RepositoryChangeTests {
    struct Arrangement {
        let trial: ScaffoldTrial
        let sandbox: Sandbox
        let origin: String
        let base: String

        func change(_ input: JSONObject, type: String = "bugfix") async throws -> TaskResult {
            var input = input
            if input["repository"] == nil { input["repository"] = .string(origin) }
            return try await trial.run("initialization", name: "fix the sum", input: input, type: type)
        }

        func show(_ object: String) async throws -> String {
            try await sandbox.git("-C", trial.repository, "show", object)
        }

        func parents(_ commit: String?) async throws -> String {
            try await sandbox.git("-C", trial.repository, "rev-list", "--parents", "-n1", commit ?? "none")
        }
    }

    func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            let origin = sandbox.path + "/origin.git"
            try await sandbox.commit(["sum.js": "old\n", "other.js": "1\n2\n3\n4\n5\n6\n7\n"], to: "main", in: origin)
            let base = try await sandbox.commit(["sum.js": "wrong\n"], to: "main", in: origin)
            let arrangement = Arrangement(
                trial: ScaffoldTrial(sandbox: sandbox), sandbox: sandbox, origin: origin, base: base)
            try await body(arrangement)
        }
    }

    static let patch = "--- a/sum.js\n+++ b/sum.js\n@@ -1 +1 @@\n-wrong\n+right\n"

    @Test("a patch becomes one commit on top of the target branch, whose history comes along")
    func patch() async throws {
        try await arranged { a in
            let result = try await a.change(["patch": .string(Self.patch)])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["summary"] == "patch: 1 file changed on top of main")
            #expect(result.output["base_commit"] == .string(a.base))
            #expect(result.output["insertions"] == 1 && result.output["deletions"] == 1)
            #expect(try await a.parents(result.commit) == "\(result.commit ?? "") \(a.base)")
            #expect(try await a.show("\(result.commit ?? ""):sum.js") == "right")
            let history = try await a.sandbox.git("-C", a.trial.repository, "rev-list", result.commit ?? "")
            #expect(history.split(separator: "\n").count == 3)

            // The stages that follow start from it.
            let next = try await a.trial.run("scaffolding", payload: ["plan": nil], commit: result.commit)
            #expect(next.commit == result.commit)
        }
    }

    @Test("a patch may have several files without lines of git between them, or wrong counts of lines")
    func plainPatch() async throws {
        try await arranged { a in
            let other = "--- a/other.js\n+++ b/other.js\n@@ -1,2 +1,2 @@\n-1\n+one\n 2\n"
            let both = try await a.change(["patch": .string(Self.patch + other)])
            #expect(both.status == .success, "\(both.errors)")
            #expect(both.output["files_changed"] == 2)
            #expect(try await a.show("\(both.commit ?? ""):other.js").hasPrefix("one\n2\n"))

            let miscounted = "--- a/other.js\n+++ b/other.js\n@@ -1,9 +1,7 @@\n-1\n+one\n 2\n"
            let result = try await a.change(["patch": .string(miscounted)])
            #expect(result.status == .success, "\(result.errors)")
        }
    }

    @Test("a branch is merged onto a target that has moved on, and keeps what both did")
    func branch() async throws {
        try await arranged { a in
            let work = "refs/remotes/origin/main"
            try await a.sandbox.commit(["other.js": "1\n2\n3\n4\n5\n6\nseven\n"], to: "work", from: work, in: a.origin)
            let moved = try await a.sandbox.commit(["other.js": "one\n2\n3\n4\n5\n6\n7\n"], to: "main", in: a.origin)
            let result = try await a.change(["branch": "work", "target_branch": "main"], type: "feature")
            #expect(result.status == .success, "\(result.errors)")
            #expect(try await a.parents(result.commit) == "\(result.commit ?? "") \(moved)")
            let lines = try await a.show("\(result.commit ?? ""):other.js").split(separator: "\n")
            #expect(lines.first == "one" && lines.last == "seven")

            try await a.sandbox.commit(["sum.js": "theirs\n"], to: "work", in: a.origin)
            try await a.sandbox.commit(["sum.js": "ours\n"], to: "main", in: a.origin)
            let conflict = try await a.change(["branch": "work"])
            #expect(conflict.errors.map(\.code) == ["MERGE_CONFLICT"])
            #expect(conflict.errors.first?.detail["files"] == ["sum.js"])
        }
    }

    @Test("a service's repository without a change is taken as it stands, history and all")
    func unchanged() async throws {
        try await arranged { a in
            let result = try await a.change([:], type: "service")
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.commit == a.base)
            #expect(result.output["summary"] == "main as it is, 2 commits")
            #expect(result.output["mode"] == "import" && result.output["target_branch"] == "main")
            #expect(result.output["plan"] == JSONValue.null)
            #expect(try await a.show("\(a.base):sum.js") == "wrong")
            let next = try await a.trial.run("scaffolding", payload: ["plan": nil], commit: result.commit)
            #expect(next.status == .success && next.commit == a.base, "\(next.errors)")

            let changed = try await a.change(["patch": .string(Self.patch)], type: "service")
            #expect(try await a.parents(changed.commit) == "\(changed.commit ?? "") \(a.base)")
        }
    }

    @Test("the repository may be named by a file URL")
    func fileURL() async throws {
        try await arranged { a in
            let result = try await a.change(["repository": .string("file://" + a.origin), "patch": .string(Self.patch)])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["base_commit"] == .string(a.base))
        }
    }

    @Test("nothing to apply is a failure")
    func nothing() async throws {
        try await arranged { a in
            #expect(try await a.change(["patch": " \n"]).errors.map(\.code) == ["NOTHING_TO_DO"])
            try await a.sandbox.git("-C", a.origin, "branch", "same", "main")
            #expect(try await a.change(["branch": "same"]).errors.map(\.code) == ["NOTHING_TO_DO"])
        }
    }

    @Test("what can't be applied or found says why")
    func failures() async throws {
        try await arranged { a in
            let other = Self.patch.split(separator: "wrong").joined(separator: "else")
            let patch = try await a.change(["patch": .string(other)])
            #expect(patch.errors.map(\.code) == ["PATCH_DOES_NOT_APPLY"])
            #expect(patch.errors.first?.message.contains("sum.js") == true)
            #expect(try await a.change(["patch": "hello"]).errors.map(\.code) == ["INVALID_INPUT"])
            let outside = "--- a/../x\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n"
            #expect(try await a.change(["patch": .string(outside)]).status == .failure)

            let branch = try await a.change(["branch": "mian"])
            #expect(branch.errors.map(\.code) == ["BRANCH_MISSING"])
            #expect(branch.errors.first?.message.contains("did you mean main?") == true)
            let missing = try await a.change(["repository": .string(a.sandbox.path + "/nowhere"), "patch": "x"])
            #expect(missing.errors.map(\.code) == ["REPOSITORY_UNREACHABLE"])
            #expect(missing.errors.first?.retryable == true)
        }
    }

    static let wrong: [(JSONObject, String)] = [
        (["patch": "x"], "needs the repository"), ([:], "needs the repository"),
        (["repository": "/r"], "no change"), (["repository": "/r", "patch": "x", "branch": "y"], "both"),
        (["repository": "relative", "patch": "x"], "absolute path"),
        (["repository": "ext::sh -c id", "patch": "x"], "absolute path"),
        (["repository": "--upload-pack=id", "patch": "x"], "absolute path"),
        (["repository": "https://u:secret@h/\n", "patch": "x"], "…@h"),
        (["repository": "/r", "branch": "--all"], "name of a branch"),
        (["repository": "/r", "branch": "a..b"], "name of a branch"),
        (["repository": "/r", "branch": "a", "target_branch": "x y"], "name of a branch"),
        (["repository": 7], "a text"),
    ]

    @Test("other combinations are invalid input", arguments: wrong)
    func invalid(input: JSONObject, message: String) {
        let workflow = WorkflowContext(
            workflowType: "feature", workflowName: "x", currentStage: "initialization", input: .object(input))
        let failure = #expect(throws: ActionFailure.self) {
            try ChangeRequest(workflow, payload: [:], isRequired: true)
        }
        #expect(failure?.code == "INVALID_INPUT")
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
        #expect(failure?.message.contains("secret") == false)
    }

    @Test("an app's input without a repository is no change")
    func none() throws {
        let workflow = WorkflowContext(
            workflowType: "app", workflowName: "x", currentStage: "initialization", input: ["stack": "node-web"])
        #expect(try ChangeRequest(workflow, payload: ["branch": nil], isRequired: false) == nil)
        let given = try ChangeRequest(workflow, payload: ["repository": "/r"], isRequired: false)
        #expect(given?.source == ChangeRequest.Source.none)
    }

    @Test("git's numbers")
    func numbers() {
        let found = RepositoryChange.numbers(in: " 2 files changed, 1 insertion(+), 12 deletions(-)")
        #expect(found == ["file": 2, "insertion": 1, "deletion": 12])
        #expect(RepositoryChange.numbers(in: "").isEmpty)
    }
}
