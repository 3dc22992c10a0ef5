import FaultKit
import Foundation
import JSONTools
import LocalStack
import Testing

extension SideBySideTests {
    @Suite("A repository elsewhere")
    struct RemoteRepositoryTests {
        @Test("over HTTP: a branch is fetched, tested and merged, and the merge is pushed")
        func http() async throws {
            let shared = try TestStack.shared()
            let data = shared.stack.configuration.dataDirectory
            let server = GitServer(directory: data + "/remote", port: try #require(LoopbackPort.free()))
            try await makeRepository(server.directory + "/app.git", from: data + "/remote-work")
            let python = try #require(Programs.find("python3"))
            try await shared.stack.add(
                server.specification(python: python, ready: "app.git", for: shared.stack))
            let id = try await shared.client.create(
                "remote-change", "over-http",
                ["repository": .string(server.url(of: "app.git")), "branch": "wish"])
            try await shared.complete([id], within: .seconds(30))
            let file = try await git(["--git-dir", server.directory + "/app.git", "show", "main:file.txt"])
            #expect(file == "one\ntwo\n")
            let parents = try await git([
                "--git-dir", server.directory + "/app.git", "log", "-1", "--format=%P", "main",
            ])
            #expect(parents.split(separator: " ").count == 2, "the merge itself is there")
            try await shared.stack.stop("git-server")
        }

        /// A bare repository with a branch `main` and one beside it, `wish`, which changes a file.
        private func makeRepository(_ path: String, from work: String) async throws {
            _ = try await git(["init", "--quiet", "--bare", "--initial-branch=main", path])
            _ = try await git(["init", "--quiet", "--initial-branch=main", work])
            let manifest: JSONValue = [
                "version": 1, "name": "tiny-app", "stack": "node-web", "health": "/health",
                "commands": ["test": [["grep", "-q", "two", "file.txt"]], "start": [["sleep", "60"]]],
            ]
            try Data(manifest.encoded()).write(to: URL(fileURLWithPath: work + "/baton.json"))
            for (branch, text) in [("main", "one\n"), ("wish", "one\ntwo\n")] {
                _ = try await git(["-C", work, "checkout", "--quiet", "-B", branch])
                try Data(text.utf8).write(to: URL(fileURLWithPath: work + "/file.txt"))
                _ = try await git(["-C", work, "add", "--all"])
                _ = try await git(
                    [
                        "-C", work, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m",
                        branch,
                    ])
                _ = try await git(["-C", work, "push", "--quiet", path, branch])
            }
        }

        private func git(_ arguments: [String]) async throws -> String {
            let outcome = try await ShortCommand("git", arguments).run()
            try #require(outcome.succeeded, "git \(arguments): \(outcome.errors)")
            return outcome.output
        }
    }
}
