import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// Brings the work and the head of the target branch together in the workspace. Publishes nothing.
struct Merger: Sendable {
    let git: GitClient
    let request: IntegrationRequest
    let message: MergeMessage
    let workflowName: String
    /// What people answered, by the question's id.
    var answers: [String: String] = [:]

    /// Conflicts that people have to decide.
    struct Undecided: Error {
        var questions: [Question]
        var report: ConflictReport
    }

    /// What came of it.
    struct Merged: Sendable, Hashable {
        var commit: String
        /// Whether the target branch has it already: an earlier try of this very task was cut off after its push.
        var isPublished: Bool
        /// Head of the target branch before; nil when there was none.
        var formerHead: String?
    }

    /// - Parameters:
    ///   - source: the work.
    ///   - target: head of the target branch, fetched already; nil when there is no such branch.
    /// - Returns: The merged commit, checked out.
    /// - Throws: ``ActionFailure`` `MERGE_CONFLICT` with files and hunks, `NOT_FAST_FORWARD`, `NO_COMMON_HISTORY`;
    ///   ``Undecided`` when people have to say whose lines win.
    func merge(_ source: String, into target: String?) async throws -> Merged {
        guard let target else {
            let commit = request.strategy == .squash ? try await squashed(source) : source
            try await git.line(["checkout", "--quiet", "--detach", commit])
            return Merged(commit: commit, isPublished: false, formerHead: nil)
        }
        if let published = try await published(source, in: target) {
            try await git.line(["checkout", "--quiet", "--detach", published.commit])
            return published
        }
        let base = try await git.run(["merge-base", target, source])
        guard base.succeeded else {
            throw ActionFailure(
                code: "NO_COMMON_HISTORY",
                message:
                    "\(request.targetBranch) and the work have no commit in common, so there is nothing to merge by. "
                    + "Is the repository the one that the work began with?"
            )
        }
        switch request.strategy {
        case .merge: try await mergeCommit(source, target)
        case .squash: try await squashCommit(source, target)
        case .rebase: try await rebase(source, target)
        case .fastForward: try await fastForward(source, target)
        }
        return Merged(commit: try await git.line(["rev-parse", "HEAD"]), isPublished: false, formerHead: target)
    }

    /// The commit by which the target branch has the work already, if it has.
    private func published(_ source: String, in target: String) async throws -> Merged? {
        let own = try await git.line(message.search(in: target))
        if !own.isEmpty {
            let parent = try await git.run(["rev-parse", "--verify", "--quiet", own + "^1"])
            let former = parent.text.split(whereSeparator: \.isNewline).first.map(String.init)
            return Merged(commit: own, isPublished: true, formerHead: former)
        }
        guard try await git.answer(["merge-base", "--is-ancestor", source, target]) else { return nil }
        return Merged(commit: source, isPublished: true, formerHead: nil)
    }

    private func mergeCommit(_ source: String, _ target: String) async throws {
        try await git.line(["checkout", "--quiet", "--detach", target])
        let subject = "Merge \(workflowName) into \(request.targetBranch)"
        let text = message.text(subject: subject)
        let arguments = ["merge", "--no-ff", "--no-verify"] + preference() + ["-m", text, source]
        if try await conclude(arguments, abort: ["merge", "--abort"]) {
            // Decided by people: git has kept in mind that this is a merge.
            try await git.line(["commit", "--quiet", "--no-verify", "-F", "-"], input: Array(text.utf8))
        }
    }

    private func squashCommit(_ source: String, _ target: String) async throws {
        try await git.line(["checkout", "--quiet", "--detach", target])
        try await conclude(
            ["merge", "--squash"] + preference() + [source], abort: ["reset", "--hard", "--quiet", target])
        // Work that changes nothing any more still gets its commit, so that it is found again.
        try await git.line(
            ["commit", "--quiet", "--no-verify", "--allow-empty", "-m", message.text(subject: workflowName)])
    }

    private func rebase(_ source: String, _ target: String) async throws {
        try await git.line(["checkout", "--quiet", "--detach", source])
        try await conclude(["rebase"] + preference() + [target], abort: ["rebase", "--abort"])
        let head = try await git.line(["rev-parse", "HEAD"])
        // All of it was there already: an empty commit says so and bears the trailers.
        let isEmpty = head == target
        let old = try await git.run(["log", "-n", "1", "--format=%B", head]).text
        let text = isEmpty ? message.text(subject: workflowName) : message.appended(to: old)
        try await git.line(
            ["commit", "--quiet", "--no-verify", "--allow-empty", "-F", "-"] + (isEmpty ? [] : ["--amend"]),
            input: Array(text.utf8))
    }

    private func fastForward(_ source: String, _ target: String) async throws {
        guard try await git.answer(["merge-base", "--is-ancestor", target, source]) else {
            throw ActionFailure(
                code: "NOT_FAST_FORWARD",
                message: "\(request.targetBranch) has commits that the work was not built on. "
                    + "Use the strategy merge, squash or rebase, or build the work anew on top of it.",
                detail: ["target_head": .string(target), "source": .string(source)]
            )
        }
        try await git.line(["checkout", "--quiet", "--detach", source])
    }

    /// The whole work as a first commit.
    private func squashed(_ source: String) async throws -> String {
        try await git.line(
            ["commit-tree", source + "^{tree}", "-F", "-"], input: Array(message.text(subject: workflowName).utf8))
    }

    private func preference() -> [String] {
        switch request.conflicts {
        case .fail, .union, .manual: []
        case .ours: ["-X", "ours"]
        case .theirs: ["-X", "theirs"]
        }
    }

    /// Runs a merging command; what it leaves unmerged becomes the failure.
    ///
    /// - Returns: whether people's answers settled what git could not; the result is in the index then.
    @discardableResult
    private func conclude(_ arguments: [String], abort: [String]) async throws -> Bool {
        if request.conflicts == .union {
            try SmallFile.makeDirectories(git.directory + "/.git/info")
            try SmallFile.replace(git.directory + "/.git/info/attributes", with: Array("* merge=union\n".utf8))
        }
        let output = try await git.run(arguments)
        if output.succeeded { return false }
        let report = try await conflicts()
        if request.conflicts == .manual, !report.files.isEmpty {
            let decision = ManualDecision(git: git, answers: answers, targetBranch: request.targetBranch)
            let questions = try await decision.settle(report.files.map { ($0.path, $0.kind) })
            if questions.isEmpty { return true }
            _ = try await git.run(abort)
            throw Undecided(questions: questions, report: report)
        }
        _ = try await git.run(abort)
        guard !report.files.isEmpty else { throw GitClient.failure(arguments, output) }
        throw ActionFailure(
            code: "MERGE_CONFLICT",
            message: "The work and \(request.targetBranch) changed the same places: \(report.summary). "
                + "Merge them by hand, or say whose lines win (conflicts: ours, theirs, union or manual).",
            detail: ["files": report.json, "target_branch": .string(request.targetBranch)]
        )
    }

    private func conflicts() async throws -> ConflictReport {
        let status = try await git.run(["status", "--porcelain=v1", "-z", "--untracked-files=no"])
        var files: [ConflictReport.File] = []
        for (path, kind) in ConflictReport.unmerged(inStatus: status.text) {
            var hunks: [ConflictReport.Hunk] = []
            if files.count < ConflictReport.maxFiles, let file = try? Workspace(root: git.directory).resolve(path),
                let bytes = SmallFile.read(file, maxBytes: 1 << 20)
            {
                hunks = ConflictReport.hunks(in: String(decoding: bytes, as: UTF8.self))
            }
            files.append(.init(path: path, kind: kind, hunks: hunks))
        }
        return ConflictReport(files: files)
    }
}
