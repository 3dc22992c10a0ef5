import AgentProtocol
import JSONTools

/// The clone that an attempt works in, and the one commit that it may leave behind.
///
/// The repository of a workflow is bare and lies in the data directory that all parts share. A clone borrows its objects
/// (`--shared`): it costs a few milliseconds however large the history is, and nothing is ever deleted from there while
/// the workflow lives.
struct GitWorkspace: Sendable {
    /// Where the clone is made.
    let root: String
    /// The bare repository.
    let repository: String
    /// The commit that the attempt starts from; nil for an empty beginning.
    let inputCommit: String?

    /// - Throws: ``ActionFailure`` `WORKSPACE_UNSUPPORTED` for another URL than `file:`, `INVALID_ENVELOPE` for a commit
    ///   that is none.
    init(_ reference: WorkspaceReference, root: String) throws {
        guard let url = reference.url, let path = Self.path(ofFileURL: url) else {
            throw ActionFailure(
                code: "WORKSPACE_UNSUPPORTED",
                message:
                    "The workspace URL \((reference.url ?? "null").debugDescription) is not a file: URL with an absolute path."
            )
        }
        if let commit = reference.commit {
            guard [40, 64].contains(commit.utf8.count), commit.utf8.allSatisfy(Self.isHexDigit) else {
                throw ActionFailure(
                    code: "INVALID_ENVELOPE",
                    message:
                        "workspace.commit is \(commit.debugDescription); expected 40 or 64 hexadecimal digits or null."
                )
            }
        }
        self.root = root
        repository = path
        inputCommit = reference.commit
    }

    /// Makes the clone and checks the input commit out on a branch `main`.
    func prepare(with tools: Toolbox) async throws {
        if inputCommit == nil {
            try await createRepositoryIfMissing(with: tools)
            try await git(["init", "--quiet", "--initial-branch=main", root], with: tools)
            try await git(["-C", root, "remote", "add", "origin", repository], with: tools)
            try await git(["-C", root, "config", "core.hooksPath", "/dev/null"], with: tools)
            return
        }
        guard FileSystem.isDirectory(repository) else {
            throw ActionFailure(
                code: "WORKSPACE_MISSING",
                message:
                    "The workflow's repository \(repository) is not there; do all parts use the same data directory?",
                retryable: true
            )
        }
        try await git(
            [
                "clone", "--quiet", "--shared", "--no-checkout", "--no-tags",
                "--config", "core.hooksPath=/dev/null", repository, root,
            ],
            with: tools)
        if let inputCommit {
            try await git(["-C", root, "checkout", "--quiet", "-B", "main", "--no-track", inputCommit], with: tools)
        }
    }

    /// What tools leave in a workspace and nobody means to commit, where the repository doesn't ignore it itself: installed
    /// packages, caches, build folders.
    static let leftovers = ["node_modules/", ".venv/", "__pycache__/", ".pytest_cache/", ".build/"]

    /// Makes one commit of everything in the workspace that git doesn't ignore, on top of the input commit, and pushes it.
    ///
    /// ``leftovers`` stay out of it, too, unless they are in the input commit or the repository's own `.gitignore` says
    /// otherwise.
    ///
    /// By plumbing commands: whatever the action did to HEAD, the index or the settings has no say in it. Its date is the
    /// envelope's, so that the same work done again is the same commit.
    ///
    /// - Returns: The new commit; the input commit when nothing was changed.
    func commit(
        _ message: String, at date: Timestamp, pushingTo reference: String, with tools: Toolbox
    ) async throws -> String? {
        let index = ["GIT_INDEX_FILE": root + "/.git/baton-index"]
        if let inputCommit {
            try await git(["-C", root, "read-tree", inputCommit], environment: index, with: tools)
        }
        try excludeLeftovers()
        try await git(["-C", root, "add", "--all", "--", "."], environment: index, with: tools)
        let tree = try await git(["-C", root, "write-tree"], environment: index, with: tools)
        var arguments = ["-C", root, "commit-tree", tree, "-F", "-"]
        if let inputCommit {
            let former = try await git(["-C", root, "rev-parse", inputCommit + "^{tree}"], with: tools)
            if former == tree { return inputCommit }
            arguments += ["-p", inputCommit]
        } else {
            let entries = try await git(["-C", root, "ls-tree", tree], with: tools)
            if entries.isEmpty { return nil }
        }
        let seconds = date.milliseconds / 1000
        let dates = ["GIT_AUTHOR_DATE": "@\(seconds) +0000", "GIT_COMMITTER_DATE": "@\(seconds) +0000"]
        let text = message.isEmpty ? "Work of this stage" : message
        let commit = try await git(arguments, environment: dates, input: Array((text + "\n").utf8), with: tools)
        try await push(commit, to: reference, with: tools)
        return commit
    }

    /// Pushes a commit that the action made itself.
    func push(_ commit: String, to reference: String, with tools: Toolbox) async throws {
        try await git(["-C", root, "push", "--quiet", repository, "\(commit):\(reference)"], with: tools)
    }

    /// The reference that an attempt's commit is pushed to.
    static func reference(of reference: TaskReference) -> String {
        "refs/heads/attempt/\(reference.taskID)/\(reference.attempt)/\(reference.dispatchID)"
    }

    /// The path of a `file:` URL; nil for other URLs, relative paths and broken escapes.
    static func path(ofFileURL url: String) -> String? {
        guard url.hasPrefix("file:") else { return nil }
        var rest = url.dropFirst(5)
        if rest.hasPrefix("//localhost/") {
            rest = rest.dropFirst(11)
        } else if rest.hasPrefix("///") {
            rest = rest.dropFirst(2)
        }
        guard rest.hasPrefix("/"), !rest.hasPrefix("//") else { return nil }
        var bytes: [UInt8] = []
        var source = rest.utf8.makeIterator()
        while let byte = source.next() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = source.next(), let low = source.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), value != 0
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// By the clone's own list, which comes after every `.gitignore`.
    private func excludeLeftovers() throws {
        do throws(FileSystem.Failure) {
            try FileSystem.makeDirectories(root + "/.git/info")
            let lines = Self.leftovers.map { $0 + "\n" }.joined()
            try FileSystem.write(Array(lines.utf8), to: root + "/.git/info/exclude")
        } catch {
            throw ActionFailure(code: "WORKSPACE_FAILED", message: "\(error)", retryable: error.isPassing)
        }
    }

    private func createRepositoryIfMissing(with tools: Toolbox) async throws {
        guard !FileSystem.isRegularFile(repository + "/HEAD") else { return }
        do {
            try FileSystem.makeDirectories(FileSystem.parentDirectory(of: repository))
        } catch {
            throw ActionFailure(code: "WORKSPACE_FAILED", message: "\(error)", retryable: error.isPassing)
        }
        try await git(["init", "--quiet", "--bare", "--initial-branch=main", repository], with: tools)
    }

    @discardableResult
    private func git(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: [UInt8]? = nil,
        with tools: Toolbox
    ) async throws -> String {
        var command = ToolCommand(
            "git", arguments, in: "/", environment: environment, logsOutput: false, standardInput: input)
        command.maxOutputBytes = 1 << 20
        do {
            let output = try await tools.runChecked(command)
            return output.text.split(separator: "\n", omittingEmptySubsequences: true).last.map(String.init) ?? ""
        } catch let failure as ActionFailure where failure.code == "TOOL_FAILED" {
            throw ActionFailure(
                code: "WORKSPACE_FAILED", message: failure.message, retryable: true, detail: failure.detail)
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}
