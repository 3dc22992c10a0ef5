import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// The browser tests in a project: whether there are any, and how ours get in.
struct ProjectTests: Sendable {
    private let context: ActionContext

    init(context: ActionContext) { self.context = context }

    /// Whether the project has tests of its own in `e2e`, which are then run as they are.
    ///
    /// - Throws: ``ActionFailure`` `PATH_OUTSIDE_WORKSPACE` when `e2e` is a link that leads away.
    func exist() throws -> Bool {
        SmallFile.names(in: try context.resolve("e2e")).contains { name in
            name.hasSuffix(".py") && (name.hasPrefix("test_") || name.hasSuffix("_test.py"))
        }
    }

    /// The commit that the workspace stands on.
    func head() async throws -> String { try await git(["rev-parse", "HEAD"]) }

    /// Writes tests into the workspace, with `conftest.py` if there is none.
    ///
    /// - Returns: What was written.
    func write(_ files: [TestGenerator.File]) throws -> [TestGenerator.File] {
        var files = files
        let conftest = "e2e/conftest.py"
        if SmallFile.read(try context.resolve(conftest)) == nil {
            guard let bytes = SmallFile.read(context.shareDirectory + "/e2e/conftest.py") else {
                throw ActionFailure(
                    code: "SHARE_MISSING",
                    message:
                        "There is no e2e/conftest.py in \(context.shareDirectory); does BATON_SHARE_DIR lead to Baton's share directory?"
                )
            }
            files.append(.init(path: conftest, text: String(decoding: bytes, as: UTF8.self)))
        }
        for file in files {
            let path = try context.resolve(file.path)
            try SmallFile.makeDirectories(context.workspace + "/e2e")
            try SmallFile.replace(path, with: Array(file.text.utf8))
        }
        return files
    }

    /// Commits tests that were written, and nothing else: what the install command or the app left behind is no part of
    /// the work.
    ///
    /// - Returns: The commit.
    func commit(_ files: [TestGenerator.File], manifest: ProjectManifest) async throws -> String {
        // The date of the task, so that the same work done again is the same commit.
        let date = "@\(context.envelope.createdAt.milliseconds / 1000) +0000"
        try await git(["add", "--force", "--"] + files.map(\.path))
        try await git(
            ["commit", "--quiet", "--no-verify", "-m", "Browser tests for \(manifest.name)"],
            environment: ["GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date]
        )
        return try await head()
    }

    @discardableResult
    private func git(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        let command = ToolCommand(
            "git", ["-C", context.workspace] + arguments, environment: environment, logsOutput: false)
        let text = try await context.tools.runChecked(command).text
        return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
}
