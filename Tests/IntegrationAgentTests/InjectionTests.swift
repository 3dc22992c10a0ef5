import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import IntegrationAgent

/// What somebody could try who writes the input, the work or the target repository.
@Suite("integration under attack")
struct InjectionTests {
    struct Arrangement {
        let sandbox: Sandbox
        let canary: Canary
        /// The workflow's repository; its `main` is what the work was built on.
        var workflow: String { sandbox.path + "/workflow.git" }
        /// A person's checkout.
        var project: String { sandbox.path + "/project" }
        let base: String
        let work: String

        func integrate(
            _ payload: JSONObject, commit: String? = nil, name: String = "tiny-app", environment: [String: String] = [:]
        ) async throws -> TaskResult {
            try await sandbox.run(
                sandbox.task(
                    "integration", payload: payload, workflow: name, repository: workflow, commit: commit ?? work,
                    timeoutMilliseconds: 60_000),
                type: "integration", actions: [IntegrationAction()], environment: environment)
        }

        /// Makes an executable script that runs the canary's command.
        func plant(_ path: String) throws {
            try sandbox.write("#!/bin/sh\n'\(canary.command)'\ncat >/dev/null\n", to: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
    }

    static func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            let workflow = sandbox.path + "/workflow.git"
            let base = try await sandbox.commit(TinyApp.files(), to: "main", in: workflow)
            try await sandbox.git("clone", "--quiet", workflow, sandbox.path + "/project")
            let work = try await sandbox.commit(["feature.txt": "new\n"], to: "attempt/work", from: base, in: workflow)
            try await body(
                Arrangement(sandbox: sandbox, canary: try Canary(in: sandbox), base: base, work: work))
        }
    }

    @Test("a branch name that is none is refused before git hears of it")
    func branchNames() async throws {
        try await Self.arranged { a in
            let options = [
                "--upload-pack=\(a.canary.command)", "--receive-pack=\(a.canary.command)", "-o\(a.canary.absent)",
            ]
            let names =
                options + [
                    "a b", "a..b", "HEAD", "refs/../../x", "main:refs/heads/other", "+main", "main^{tree}", "a\nb",
                ]
            for name in names + a.canary.paths() where !["..%2f..%2fx", "%2e%2e/x", "x"].contains(name) {
                let result = try await a.integrate(["target_branch": .string(name)])
                if result.status == .success {
                    // Odd, but a name that git takes: then it is a branch and nothing else.
                    let branch = result.output["branch"]?.stringValue ?? ""
                    // NUL becomes U+FFFD wherever JSON is read.
                    let read = name.split(separator: "\0", omittingEmptySubsequences: false).joined(
                        separator: "\u{FFFD}")
                    #expect(branch == read && !name.hasPrefix("-") && !name.contains(".."), "\(name.debugDescription)")
                } else {
                    #expect(
                        result.errors.map(\.code) == ["INVALID_INPUT"], "\(name.debugDescription): \(result.errors)")
                }
                #expect(a.canary.harm(in: result) == [], "\(name.debugDescription)")
            }
        }
    }

    @Test("a repository that would run something, or is none, is refused")
    func locations() async throws {
        try await Self.arranged { a in
            let run = a.canary.command
            let locations = [
                "ext::sh -c \(run)", "ext::\(run) %S foo", "fd::17", "--upload-pack=\(run)", "-u\(run)",
                "file://host/x\n\(run)",
                "https://-oProxyCommand=\(run)/x", "ssh://-oProxyCommand=\(run)/x", "git@-oProxyCommand=\(run):x",
                "git://127.0.0.1:9/x",
                "ftp://127.0.0.1:9/x", "\(a.canary.directory)/folder", a.canary.file, "relative/path", "..",
                "file:relative",
                "/dev/zero", "/proc/self/fd/0", "/\u{0}",
            ]
            for location in locations {
                let result = try await a.integrate(["repository": .string(location)])
                #expect(result.status == .failure, "\(location)")
                let codes = ["INVALID_INPUT", "TARGET_UNREACHABLE"]
                #expect(result.errors.allSatisfy { codes.contains($0.code) }, "\(location): \(result.errors)")
                #expect(result.errors.first?.message.isEmpty == false)
                #expect(a.canary.harm(in: result) == [], "\(location)")
            }
        }
    }

    @Test("looking at somebody's repository runs nothing that its settings name")
    func hostileSettings() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.plant(script)
            // Each runs a command in git commands that only look: status, worktree list, upload-pack, reading objects.
            for (key, value) in [
                ("core.fsmonitor", script), ("uploadpack.packObjectsHook", script),
                ("core.alternateRefsCommand", script),
                ("core.pager", script), ("core.editor", script), ("core.sshCommand", script), ("core.askPass", script),
                ("core.gitProxy", script), ("credential.helper", "!\(script)"), ("diff.external", script),
                ("filter.x.clean", script), ("filter.x.smudge", script), ("filter.x.process", script),
                ("gpg.program", script), ("gpg.ssh.program", script), ("commit.gpgSign", "true"),
                ("alias.status", "!\(script)"),
                ("alias.worktree", "!\(script)"), ("include.path", a.canary.file), ("core.hooksPath", a.sandbox.path),
                ("remote.origin.uploadpack", script), ("url.ext::\(script) .insteadOf", a.project),
            ] {
                try await a.sandbox.git("-C", a.project, "config", key, value)
            }
            try a.sandbox.write("* filter=x diff=x merge=x\n", to: a.project + "/.git/info/attributes")
            for hook in [
                "post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman",
            ] {
                try a.plant(a.project + "/.git/hooks/" + hook)
            }
            // A file that looks changed makes status read it through its filter.
            try a.sandbox.write("changed\n", to: a.project + "/server.js")
            let result = try await a.integrate(["repository": .string(a.project), "update_worktree": true])
            #expect(a.canary.harm(in: result) == [], "\(result.errors)")
            #expect(result.output["worktree_updated"] != true)
        }
    }

    @Test("a work tree is moved along without its filters and monitors")
    func hostileWorktree() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.plant(script)
            try await a.sandbox.git("-C", a.project, "config", "core.fsmonitor", script)
            let moved = try await a.integrate(["repository": .string(a.project), "update_worktree": true])
            #expect(moved.output["worktree_updated"] == true, "\(moved.errors)")
            #expect(a.sandbox.read(a.project + "/feature.txt") == "new\n")
            #expect(a.canary.harm(in: moved) == [])
            // With filters, its files would be written by somebody's programs: it stays as it is.
            try await a.sandbox.git("-C", a.project, "config", "filter.x.smudge", script)
            try a.sandbox.write("* filter=x\n", to: a.project + "/.git/info/attributes")
            let result = try await a.integrate(["repository": .string(a.project), "update_worktree": true])
            #expect(a.canary.harm(in: result) == [], "\(result.errors)")
            #expect(result.output["worktree_updated"] == false)
        }
    }

    @Test("a file of a work tree that is a hard link is replaced, and what it is a link of stays as it is")
    func hardLinks() async throws {
        try await Self.arranged { a in
            // As tools do it that keep one copy of a file for many projects.
            let file = a.project + "/server.js"
            let shared = a.sandbox.path + "/shared.js"
            let text = try #require(a.sandbox.read(file))
            try FileManager.default.moveItem(atPath: file, toPath: shared)
            try FileManager.default.linkItem(atPath: shared, toPath: file)
            try await a.sandbox.git("-C", a.project, "status", "--short")
            let work = try await a.sandbox.commit(
                ["server.js": text + "// changed\n"], to: "attempt/changed", from: a.base, in: a.workflow)
            let moved = try await a.integrate(
                ["repository": .string(a.project), "update_worktree": true], commit: work)
            #expect(moved.output["worktree_updated"] == true, "\(moved.errors)")
            #expect(a.sandbox.read(file) == text + "// changed\n")
            #expect(a.sandbox.read(shared) == text)
        }
    }

    @Test("the agent's own environment can't be steered by what it is given")
    func environment() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.plant(script)
            let result = try await a.integrate(
                ["repository": .string(a.project)],
                environment: [
                    "GIT_DIR": a.canary.directory, "GIT_WORK_TREE": a.canary.directory, "GIT_SSH_COMMAND": script,
                    "GIT_EXTERNAL_DIFF": script, "GIT_EDITOR": script, "GIT_PROXY_COMMAND": script,
                    "GIT_ASKPASS": script,
                    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": script,
                    "GIT_TEMPLATE_DIR": a.canary.directory, "GIT_EXEC_PATH": a.canary.directory,
                    "LD_PRELOAD": a.canary.file,
                    "NODE_OPTIONS": "--require \(a.canary.file)", "BASH_ENV": script, "ENV": script,
                    "GIT_TRACE": a.canary.absent,
                ])
            #expect(result.status == .success, "\(result.errors)")
            #expect(a.canary.harm(in: result) == [])
        }
    }

    @Test("links in the work lead nowhere: neither manifest nor conflict is read through them")
    func links() async throws {
        try await Self.arranged { a in
            var files = TinyApp.files()
            files["baton.json"] = nil as String?
            let linked = try await a.sandbox.commit(
                links: ["baton.json": a.canary.directory + "/folder/secret.json"], files: files, to: "attempt/linked",
                in: a.workflow)
            let result = try await a.integrate(["target_branch": "fresh"], commit: linked)
            #expect(result.errors.map(\.code) == ["INVALID_MANIFEST"], "\(result.errors)")
            #expect(a.canary.harm(in: result) == [])
            // Nor is it taken for a project without a manifest, which may be published untested.
            let untested = try await a.integrate(["target_branch": "fresh", "allow_untested": true], commit: linked)
            #expect(untested.errors.map(\.code) == ["INVALID_MANIFEST"], "\(untested.errors)")
            #expect(untested.output["branch"] == nil)
        }
    }

    @Test("both sides made a link of the same file: the conflict names it and shows nothing of its target")
    func linkConflict() async throws {
        try await Self.arranged { a in
            let clone = a.sandbox.path + "/two"
            try await a.sandbox.git("clone", "--quiet", a.workflow, clone)
            func link(_ target: String, _ branch: String) async throws -> String {
                try await a.sandbox.git("-C", clone, "checkout", "--quiet", "-B", "work", a.base)
                try FileManager.default.createSymbolicLink(atPath: clone + "/data.txt", withDestinationPath: target)
                try await a.sandbox.git("-C", clone, "add", "--all")
                try await a.sandbox.git("-C", clone, "commit", "--quiet", "-m", branch)
                try await a.sandbox.git("-C", clone, "push", "--quiet", "origin", "work:refs/heads/\(branch)")
                return try await a.sandbox.git("-C", clone, "rev-parse", "HEAD")
            }
            _ = try await link(a.canary.directory + "/folder/secret.json", "target")
            let work = try await link(a.canary.file, "attempt/other")
            for conflicts in ["fail", "ours", "theirs", "union"] {
                let result = try await a.integrate(
                    ["target_branch": "target", "conflicts": .string(conflicts)], commit: work)
                #expect(
                    result.status == .success || result.errors.map(\.code) == ["MERGE_CONFLICT"], "\(result.errors)")
                #expect(a.canary.harm(in: result) == [], "\(conflicts)")
            }
        }
    }

    @Test("submodules, attributes and hooks that come with the work do nothing")
    func contents() async throws {
        try await Self.arranged { a in
            var files = TinyApp.files()
            let script = a.sandbox.path + "/script"
            try a.plant(script)
            files[".gitmodules"] = """
                [submodule "x"]
                \tpath = x
                \turl = ext::sh -c \(script)
                \tupdate = !\(script)
                [submodule "../../../outside"]
                \tpath = y
                \turl = --upload-pack=\(script)

                """
            files[".gitattributes"] = "* filter=x diff=x merge=x\n*.txt working-tree-encoding=x\n"
            files[".git-hooks/post-merge"] = "#!/bin/sh\n\(script)\n"
            files[".gitconfig"] = "[core]\n\tfsmonitor = \(script)\n"
            let work = try await a.sandbox.commit(files, to: "attempt/contents", from: a.base, in: a.workflow)
            let result = try await a.integrate(["target_branch": "main"], commit: work)
            #expect(a.canary.harm(in: result) == [], "\(result.errors)")
        }
    }

    @Test("a workflow's name is a text wherever it goes, and forges no trailers")
    func workflowNames() async throws {
        try await Self.arranged { a in
            for name in [
                "--upload-pack=\(a.canary.command)", "x\n\nBaton-Task: \(UniqueID(high: 1, low: 2))", "../../x", "`id`",
            ] {
                let result = try await a.integrate(["repository": .string(a.project)], name: name)
                #expect(result.status == .success, "\(name.debugDescription): \(result.errors)")
                let branch = result.output["branch"]?.stringValue ?? ""
                #expect(branch.hasPrefix("baton/") && !branch.contains(".."), "\(branch)")
                #expect(a.canary.harm(in: result) == [])
                #expect(result.output["already_published"] == false)
            }
        }
    }

    @Test(
        "a manifest that is no file, or far too large, is refused in its own words",
        arguments: ["directory", "large", "binary"])
    func manifests(kind: String) async throws {
        try await Self.arranged { a in
            var files = TinyApp.files()
            files.removeValue(forKey: "baton.json")
            switch kind {
            case "directory": files["baton.json/x"] = "{}"
            case "large": files["baton.json"] = String(repeating: " ", count: 1 << 20) + "{}"
            default: files["baton.json"] = String(decoding: (0...255).map { UInt8($0 & 0x7F) }, as: UTF8.self)
            }
            let work = try await a.sandbox.commit(links: [:], files: files, to: "attempt/\(kind)", in: a.workflow)
            let result = try await a.integrate(["target_branch": "fresh", "allow_untested": true], commit: work)
            #expect(result.errors.map(\.code) == ["INVALID_MANIFEST"], "\(result.errors)")
            #expect(a.canary.harm(in: result) == [])
        }
    }
}
