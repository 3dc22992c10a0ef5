import AgentRuntime
import JSONTools
import ProjectTools

/// The repository that the work is published in: somebody's own, or the workflow's.
struct TargetRepository: Sendable {
    /// Where the work is pushed to, and what a person should know about it.
    struct Destination: Sendable, Hashable {
        /// The branch that is pushed.
        var branch: String
        /// Its head now; nil when there is none.
        var head: String?
        /// Whether a work tree is moved along with the branch.
        var movesWorktree: Bool
        /// Why this isn't the target branch; nil when it is.
        var reason: String?
    }

    let git: GitClient
    /// What git is told: a path, a URL, or `origin`.
    let location: String
    /// The path if it lies on this machine and isn't the workflow's own.
    let localPath: String?

    /// Head of a branch; nil when there is no such branch.
    ///
    /// - Throws: ``ActionFailure`` `TARGET_UNREACHABLE`, worth another try.
    func head(of branch: String) async throws -> String? {
        let output = try await git.run(["ls-remote", "--", location, "refs/heads/\(branch)"])
        guard output.succeeded else {
            throw ActionFailure(
                code: "TARGET_UNREACHABLE",
                message: "git could not read \(GitName.redacted(location)):\n"
                    + GitName.redacted(output.lastLines(), about: location),
                retryable: true
            )
        }
        // git matches the end of names; only the whole name counts.
        for line in output.text.split(whereSeparator: \.isNewline) {
            let fields = line.split(whereSeparator: \.isWhitespace)
            if fields.count == 2, fields[1] == "refs/heads/\(branch)" { return String(fields[0]) }
        }
        return nil
    }

    /// Fetches a commit so that it can be merged.
    func fetch(_ branch: String) async throws {
        let output = try await git.run(["fetch", "--quiet", "--no-tags", "--", location, "refs/heads/\(branch)"])
        guard output.succeeded else {
            throw ActionFailure(
                code: "TARGET_UNREACHABLE",
                message: "git could not fetch \(branch) from \(GitName.redacted(location)):\n"
                    + GitName.redacted(output.lastLines(), about: location),
                retryable: true
            )
        }
    }

    /// Decides where a merge into `branch` goes.
    ///
    /// A branch that is checked out somewhere is not pushed to, as that would leave its work tree behind; the work then
    /// goes to `baton/<workflow>`. Unless the person allows it and the tree is clean: then both move.
    ///
    /// - Parameters:
    ///   - branch: the target branch.
    ///   - head: its head.
    ///   - merged: what is to be published.
    ///   - workflow: name of the workflow.
    ///   - task: id of the task, for a name that is free.
    func destination(
        for branch: String,
        head: String?,
        merged: String,
        workflow: String,
        task: String,
        updatesWorktree: Bool
    ) async throws -> Destination {
        guard let localPath, let worktree = try await worktree(of: branch, in: localPath) else {
            return Destination(branch: branch, head: head, movesWorktree: false, reason: nil)
        }
        var reason = "\(branch) is checked out in \(worktree.path)"
        if updatesWorktree {
            if !worktree.isMain {
                reason += ", which is a linked work tree"
            } else if try await hasFilters(worktree.path) {
                reason += ", whose settings run programs on its files (filter.*)"
            } else if try await isClean(worktree.path) {
                return Destination(branch: branch, head: head, movesWorktree: true, reason: nil)
            } else {
                reason += ", which has changes that are not committed"
            }
        }
        let wanted = "baton/" + Self.branchPart(workflow)
        for name in [wanted, "\(wanted)-\(task.prefix(13))"] {
            guard let existing = try await self.head(of: name) else {
                return Destination(branch: name, head: nil, movesWorktree: false, reason: reason)
            }
            try await fetch(name)
            if try await git.answer(["merge-base", "--is-ancestor", existing, merged]) {
                return Destination(branch: name, head: existing, movesWorktree: false, reason: reason)
            }
        }
        throw ActionFailure(
            code: "BRANCH_TAKEN",
            message:
                "\(reason), and \(wanted) exists with other work on it. Delete or rename that branch, or check out another one."
        )
    }

    /// A work tree of a repository.
    struct Worktree: Sendable, Hashable {
        var path: String
        var branch: String?
        /// Whether it is the repository's own and not one added by `git worktree`.
        var isMain: Bool
    }

    /// Reads `git worktree list --porcelain`; bare entries are left out.
    static func worktrees(inList text: String) -> [Worktree] {
        var trees: [Worktree] = []
        for (index, block) in text.split(separator: "\n\n").enumerated() {
            let lines = block.split(separator: "\n")
            guard let path = lines.first(where: { $0.hasPrefix("worktree ") })?.dropFirst(9), !lines.contains("bare")
            else {
                continue
            }
            let branch = lines.first { $0.hasPrefix("branch refs/heads/") }.map { String($0.dropFirst(18)) }
            trees.append(Worktree(path: String(path), branch: branch, isMain: index == 0))
        }
        return trees
    }

    /// A workflow's name as part of a branch name: what git wouldn't take becomes a dash.
    static func branchPart(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            let isPlain =
                scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_")
            if isPlain { result.unicodeScalars.append(scalar) } else if !result.hasSuffix("-") { result += "-" }
        }
        result = String(result.prefix(80)).trimming("-")
        return result.isEmpty ? "work" : result
    }

    private func worktree(of branch: String, in path: String) async throws -> Worktree? {
        let output = try await look(at: path, ["worktree", "list", "--porcelain"])
        guard output.succeeded else {
            throw ActionFailure(
                code: "TARGET_UNREACHABLE", message: "\(path) is no git repository:\n" + output.lastLines())
        }
        return Self.worktrees(inList: output.text).first { $0.branch == branch }
    }

    private func isClean(_ path: String) async throws -> Bool {
        // What a submodule's own settings say is none of ours to run either.
        let output = try await look(at: path, ["status", "--porcelain=v1", "--ignore-submodules=dirty"])
        return output.succeeded && output.standardOutput.isEmpty
    }

    /// Whether the repository's settings name programs that git would hand the files of the work tree to.
    private func hasFilters(_ path: String) async throws -> Bool {
        try await look(at: path, ["config", "--get-regexp", #"^filter\."#]).exitCode != 1
    }

    /// Runs git in somebody's repository, where its settings are theirs: nothing that they name is run.
    private func look(at path: String, _ arguments: [String]) async throws -> ToolOutput {
        try await git.run(["-C", path] + Self.withoutPrograms + ["--no-optional-locks"] + arguments)
    }

    /// Options of git that take from a repository's settings what runs a program where it is only looked at.
    static let withoutPrograms = [
        "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.alternateRefsCommand=true",
    ]
}

extension String {
    fileprivate func trimming(_ character: Character) -> String {
        var part = self[...]
        while part.first == character { part.removeFirst() }
        while part.last == character { part.removeLast() }
        return String(part)
    }
}
