import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import IntegrationAgent

/// Somebody's own repository with a work tree.
@Suite("integration into a path repository")
struct PathRepositoryTests {
    /// A person's checkout of `main`, and work that was built on it in the workflow's repository.
    func arranged(
        _ body: (_ sandbox: Sandbox, _ project: String, _ integrate: (JSONObject) async throws -> TaskResult)
            async throws -> Void
    ) async throws {
        try await Sandbox.with { sandbox in
            let workflow = sandbox.path + "/workflow.git"
            let project = sandbox.path + "/project"
            let base = try await sandbox.commit(TinyApp.files(), to: "main", in: workflow)
            try await sandbox.git("clone", "--quiet", workflow, project)
            let work = try await sandbox.commit(["feature.txt": "new\n"], to: "attempt/work", from: base, in: workflow)
            var random = SystemRandomNumberGenerator()
            let task = UniqueID.v7(at: .now(), using: &random)
            try await body(sandbox, project) { payload in
                var payload = payload
                payload["repository"] = .string(project)
                return try await sandbox.run(
                    sandbox.task("integration", payload: payload, repository: workflow, commit: work, taskID: task),
                    type: "integration", actions: [IntegrationAction()])
            }
        }
    }

    @Test("a branch that is checked out is left alone; the work goes to a branch of its own, and says so")
    func checkedOut() async throws {
        try await arranged { sandbox, project, integrate in
            let before = try await sandbox.git("-C", project, "rev-parse", "main")
            let result = try await integrate([:])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["branch"] == "baton/tiny-app")
            #expect(result.output["summary"] == "pushed to baton/tiny-app, 2 tests")
            #expect(result.warnings.first?.contains("main is checked out in") == true)
            #expect(try await sandbox.git("-C", project, "rev-parse", "main") == before)
            #expect(try await sandbox.git("-C", project, "show", "baton/tiny-app:feature.txt") == "new")
            #expect(try await sandbox.git("-C", project, "status", "--porcelain") == "")
            // Once more, as a repetition would: the same merge, nothing new.
            let again = try await integrate([:])
            #expect(again.output["branch"] == "baton/tiny-app")
        }
    }

    @Test("a branch that is not checked out is pushed to")
    func notCheckedOut() async throws {
        try await arranged { sandbox, project, integrate in
            try await sandbox.git("-C", project, "checkout", "--quiet", "-b", "elsewhere")
            let result = try await integrate([:])
            #expect(result.output["summary"] == "merged into main, 2 tests", "\(result.errors)")
            #expect(try await sandbox.git("-C", project, "show", "main:feature.txt") == "new")
            #expect(result.output["former_head"]?.stringValue != nil)
        }
    }

    @Test("with update_worktree a clean tree moves along")
    func updatesCleanTree() async throws {
        try await arranged { sandbox, project, integrate in
            let result = try await integrate(["update_worktree": true])
            #expect(result.output["summary"] == "merged into main, 2 tests", "\(result.errors)")
            #expect(result.output["worktree_updated"] == true)
            #expect(sandbox.read(project + "/feature.txt") == "new\n")
            #expect(try await sandbox.git("-C", project, "status", "--porcelain") == "")
        }
    }

    @Test("with update_worktree a tree with changes is left alone")
    func leavesChangedTree() async throws {
        try await arranged { sandbox, project, integrate in
            try sandbox.write("my own unsaved work\n", to: project + "/server.js")
            let result = try await integrate(["update_worktree": true])
            #expect(result.output["branch"] == "baton/tiny-app", "\(result.errors)")
            #expect(result.output["worktree_updated"] == false)
            #expect(sandbox.read(project + "/server.js") == "my own unsaved work\n")
            #expect(!sandbox.exists(project + "/feature.txt"))
        }
    }

    @Test("a branch of another workflow under the same name is not overwritten")
    func branchTaken() async throws {
        try await arranged { sandbox, project, integrate in
            try await sandbox.git("-C", project, "checkout", "--quiet", "-b", "baton/tiny-app")
            try await sandbox.git("-C", project, "commit", "--quiet", "--allow-empty", "-m", "precious")
            let precious = try await sandbox.git("-C", project, "rev-parse", "HEAD")
            try await sandbox.git("-C", project, "checkout", "--quiet", "main")
            let result = try await integrate([:])
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["branch"]?.stringValue?.hasPrefix("baton/tiny-app-") == true)
            #expect(try await sandbox.git("-C", project, "rev-parse", "baton/tiny-app") == precious)
        }
    }

    @Test("a hook that refuses is reported in its own words, and its branch stays")
    func refusedByHook() async throws {
        try await arranged { sandbox, project, integrate in
            try await sandbox.git("-C", project, "checkout", "--quiet", "-b", "elsewhere")
            let before = try await sandbox.git("-C", project, "rev-parse", "main")
            let hook = project + "/.git/hooks/pre-receive"
            try sandbox.write("#!/bin/sh\necho 'frozen for the holidays'\nexit 1\n", to: hook)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
            let result = try await integrate([:])
            #expect(result.errors.map(\.code) == ["PUSH_REFUSED"])
            #expect(result.errors.first?.message.contains("frozen for the holidays") == true)
            #expect(try await sandbox.git("-C", project, "rev-parse", "main") == before)
        }
    }

    @Test("a path that is no repository is an error that says so")
    func noRepository() async throws {
        try await Sandbox.with { sandbox in
            let workflow = sandbox.path + "/workflow.git"
            let work = try await sandbox.commit(TinyApp.files(), to: "attempt/work", in: workflow)
            let result = try await sandbox.run(
                sandbox.task(
                    "integration", payload: ["repository": .string(sandbox.path + "/nowhere")], repository: workflow,
                    commit: work),
                type: "integration", actions: [IntegrationAction()])
            #expect(result.errors.map(\.code) == ["TARGET_UNREACHABLE"])
        }
    }
}
