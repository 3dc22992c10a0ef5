import AgentProtocol
import Glibc
import JSONTools
import Synchronization
import Testing

@testable import AgentRuntime

@Suite("Paths stay inside the workspace")
struct WorkspaceTests {
    @Test("What is inside resolves, what isn't is refused")
    func resolve() async throws {
        try await TemporaryDirectory.with { directory in
            try directory.write("x", to: "work/src/file.txt")
            try directory.write("secret", to: "outside.txt")
            let root = directory.path + "/work"
            symlink("src", root + "/inner")
            symlink("../outside.txt", root + "/leak")
            symlink("/etc", root + "/etc")
            symlink("nowhere", root + "/dangling")
            let workspace = try Workspace(root: root)
            #expect(try workspace.resolve("src/file.txt") == workspace.root + "/src/file.txt")
            #expect(try workspace.resolve("inner/file.txt") == workspace.root + "/src/file.txt")
            #expect(try workspace.resolve("./new/deep/file") == workspace.root + "/new/deep/file")
            #expect(try workspace.resolve("src/../src//file.txt") == workspace.root + "/src/file.txt")
            #expect(try workspace.resolve(workspace.root + "/src") == workspace.root + "/src")
            #expect(try workspace.resolve("") == workspace.root)
            #expect(try workspace.resolve(".gitignore") == workspace.root + "/.gitignore")
            let outside = [
                "..", "../outside.txt", "src/../../outside.txt", "/etc/passwd", "leak", "etc/passwd", "dangling",
                "dangling/x", "missing/../../outside.txt", "../work-other", ".git/config", ".git", "a\0b",
                "/../etc/passwd",
            ]
            for path in outside {
                #expect(throws: ActionFailure.self, "\(path)") { try workspace.resolve(path) }
            }
        }
    }

    @Test(
        "file: URLs become paths, others nothing",
        arguments: [
            ("file:/a/b.git", "/a/b.git"), ("file:///a/b", "/a/b"), ("file://localhost/a", "/a"),
            ("file:/a%20b%2f", "/a b/"),
            ("http://x/a", nil), ("file:a", nil), ("file://host/a", nil), ("/a", nil), ("file:/a%2", nil),
            ("file:/%00", nil),
            ("file:/%ff", nil), ("", nil),
        ])
    func fileURLs(url: String, path: String?) {
        #expect(GitWorkspace.path(ofFileURL: url) == path)
    }
}

@Suite("The clone and the one commit")
struct GitWorkspaceTests {
    private let writer = ClosureAction("write", workspace: .write) { context in
        let text = context.input["text"]?.stringValue ?? "text"
        try FileSystem.write(Array(text.utf8), to: context.workspace + "/file.txt")
        try FileSystem.write(Array("ignored\n".utf8), to: context.workspace + "/.gitignore")
        try FileSystem.write([1], to: context.workspace + "/ignored")
        // Whatever an action does with git itself has no say in what is committed.
        try await context.tools.runChecked(ToolCommand("git", ["commit", "--quiet", "--allow-empty", "-m", "Its own"]))
        return ActionOutcome(commitMessage: "Write \(text)")
    }

    private func git(_ directory: TemporaryDirectory, _ arguments: [String]) async throws -> String {
        let output = Mutex("")
        _ = try await directory.trial(
            ClosureAction { context in
                let result = try await context.tools.runChecked(
                    ToolCommand("git", ["--git-dir", directory.path + "/w.git"] + arguments))
                output.withLock { $0 = result.text }
                return ActionOutcome()
            })
        return output.withLock { $0 }
    }

    @Test("From nothing, a write stage makes the repository and one commit without parent")
    func firstCommit() async throws {
        try await TemporaryDirectory.with { directory in
            let url = "file:" + directory.path + "/w.git"
            let result = try await directory.trial(["workspace": ["mode": "write", "url": .string(url)]], writer)
            #expect(result.errors == [])
            let commit = try #require(result.commit)
            let reference = "refs/heads/attempt/\(result.taskID)/1/\(result.dispatchID)"
            #expect(try await git(directory, ["rev-parse", reference]) == commit + "\n")
            let log = try await git(directory, ["log", "--format=%an <%ae> %cn|%P|%s", commit])
            #expect(log == "Baton <baton@localhost> Baton||Write text\n")
            #expect(try await git(directory, ["ls-tree", "-r", "--name-only", commit]) == ".gitignore\nfile.txt\n")
            #expect(FileSystem.names(in: directory.path + "/data/work") == [], "nothing is left of the attempt")
        }
    }

    @Test("Installed packages and caches stay out of a commit, but not those that the repository keeps itself")
    func leftovers() async throws {
        try await TemporaryDirectory.with { directory in
            let url = "file:" + directory.path + "/w.git"
            let installer = ClosureAction("install", workspace: .write) { context in
                for path in context.input["write"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
                    let file = context.workspace + "/" + path
                    try FileSystem.makeDirectories(FileSystem.parentDirectory(of: file))
                    try FileSystem.write(Array("!/node_modules/\n".utf8), to: file)
                }
                return ActionOutcome(commitMessage: "Install")
            }
            func commit(_ paths: [String], on former: String?) async throws -> String {
                var workspace: JSONObject = ["mode": "write", "url": .string(url)]
                workspace["commit"] = former.map { .string($0) }
                let result = try await directory.trial(
                    [
                        "workspace": .object(workspace),
                        "payload": ["write": .array(paths.map { .string($0) })],
                    ], installer)
                return try #require(result.commit, "\(result.errors)")
            }
            func files(_ commit: String) async throws -> String {
                try await git(directory, ["ls-tree", "-r", "--name-only", commit])
            }
            let none = try await commit(
                ["a.js", "node_modules/b/b.js", "web/node_modules/c.js", "lib/__pycache__/d.pyc", ".venv/e"], on: nil)
            #expect(try await files(none) == "a.js\n")
            let kept = try await commit([".gitignore", "node_modules/b/b.js", "web/node_modules/c.js"], on: none)
            #expect(try await files(kept) == ".gitignore\na.js\nnode_modules/b/b.js\n")
        }
    }

    @Test("On top of an input commit there is exactly one more; without a change the input commit is the result")
    func nextCommit() async throws {
        try await TemporaryDirectory.with { directory in
            let url = "file:" + directory.path + "/w.git"
            let first = try await directory.trial(["workspace": ["mode": "write", "url": .string(url)]], writer)
            let commit = try #require(first.commit)
            let workspace: JSONValue = ["mode": "write", "url": .string(url), "commit": .string(commit)]
            let second = try await directory.trial(["workspace": workspace, "payload": ["text": "more"]], writer)
            let log = try await git(directory, ["log", "--format=%P %s", "-1", try #require(second.commit)])
            #expect(log == "\(commit) Write more\n")
            let same = try await directory.trial(["workspace": workspace], writer)
            #expect(same.commit == commit)
            let references = try await git(directory, ["for-each-ref", "--format=%(refname)"])
            #expect(!references.contains("\(same.dispatchID)"), "nothing changed, nothing is pushed")
        }
    }

    @Test("A read stage sees the files and leaves nothing; the same work done again is the same commit")
    func readStage() async throws {
        try await TemporaryDirectory.with { directory in
            let url = "file:" + directory.path + "/w.git"
            let created: JSONValue = ["created_at": "2026-01-02T03:04:05.678Z"]
            let task: JSONObject = ["workspace": ["mode": "write", "url": .string(url)], "metadata": created]
            let first = try await directory.trial(task, writer)
            let again = try await directory.trial(task, writer)
            #expect(first.commit == again.commit)
            let commit = try #require(first.commit)
            let reader = ClosureAction("look", workspace: .read) { context in
                let text = try FileSystem.read(context.workspace + "/file.txt")
                let branch = try await context.tools.runChecked(
                    ToolCommand("git", ["status", "--branch", "--porcelain"]))
                try FileSystem.write([1], to: context.workspace + "/more")
                return ActionOutcome(
                    output: ["text": .string(String(decoding: text, as: UTF8.self)), "git": .string(branch.text)],
                    commitMessage: "Not wanted")
            }
            let workspace: JSONValue = ["mode": "read", "url": .string(url), "commit": .string(commit)]
            let result = try await directory.trial(["workspace": workspace], reader)
            #expect(result.output["text"] == "text")
            let status = try #require(result.output["git"]?.stringValue)
            #expect(status.hasPrefix("## main") && status.split(separator: "\n").count == 1, "\(status)")
            #expect(result.commit == nil)
        }
    }

    @Test("A workspace that isn't there, a commit that isn't there and a stage too narrow are clear failures")
    func failures() async throws {
        try await TemporaryDirectory.with { directory in
            let nowhere: JSONValue = [
                "mode": "write", "url": .string("file:" + directory.path + "/none.git"),
                "commit": .string(String(repeating: "a", count: 40)),
            ]
            let missing = try await directory.trial(["workspace": nowhere], writer)
            #expect(missing.errors.map(\.code) == ["WORKSPACE_MISSING"])
            let url = JSONValue.string("file:" + directory.path + "/w.git")
            _ = try await directory.trial(["workspace": ["mode": "write", "url": url]], writer)
            let lost: JSONValue = ["mode": "write", "url": url, "commit": .string(String(repeating: "a", count: 40))]
            let noCommit = try await directory.trial(["workspace": lost], writer)
            #expect(noCommit.errors.map(\.code) == ["WORKSPACE_FAILED"])
            let narrow = try await directory.trial(["workspace": ["mode": "read", "url": url]], writer)
            #expect(narrow.errors.map(\.code) == ["WORKSPACE_TOO_NARROW"])
            let remote = try await directory.trial(["workspace": ["mode": "write", "url": "https://x/y.git"]], writer)
            #expect(remote.errors.map(\.code) == ["WORKSPACE_UNSUPPORTED"])
        }
    }
}
