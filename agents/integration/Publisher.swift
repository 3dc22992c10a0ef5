import AgentRuntime
import JSONTools
import ProjectTools

/// Pushes a merged commit, and keeps the branch's former head.
struct Publisher: Sendable {
    let git: GitClient
    let target: TargetRepository

    /// The reference under which a branch's head from before the last push is kept.
    static func previousReference(of branch: String) -> String { "refs/baton/previous/\(branch)" }

    /// Moves the branch to a commit, if its head is still what the commit was built on.
    ///
    /// The branch itself is never forced: git refuses what doesn't build on its head. Branch and former head change
    /// together or not at all.
    ///
    /// - Parameters:
    ///   - commit: what the branch is to become.
    ///   - destination: the branch, with the head that is expected.
    /// - Throws: ``ActionFailure`` `TARGET_MOVED` (worth another try) or `PUSH_REFUSED` with the other side's words.
    func publish(_ commit: String, to destination: TargetRepository.Destination) async throws {
        try await check(destination)
        var arguments = ["push", "--quiet", "--atomic"]
        if target.localPath != nil {
            // Its hooks are run, as by any push: by them its owner has a say. What watches or extends it is not.
            var options = "-c core.fsmonitor=false -c core.alternateRefsCommand=true"
            if destination.movesWorktree { options += " -c receive.denyCurrentBranch=updateInstead" }
            arguments.append("--receive-pack=git \(options) receive-pack")
        }
        arguments += ["--", target.location, "\(commit):refs/heads/\(destination.branch)"]
        if let former = destination.head {
            // Only this record of our own may go back; branches never do.
            arguments.append("+\(former):\(Self.previousReference(of: destination.branch))")
        }
        let output = try await git.run(arguments)
        if output.succeeded { return }
        try await check(destination)
        let words = GitName.redacted(output.lastLines(), about: target.location)
        throw ActionFailure(
            code: "PUSH_REFUSED",
            message: "\(GitName.redacted(target.location)) did not take \(destination.branch):\n\(words)",
            detail: ["branch": .string(destination.branch), "last_lines": .string(words)]
        )
    }

    private func check(_ destination: TargetRepository.Destination) async throws {
        let now = try await target.head(of: destination.branch)
        guard now != destination.head else { return }
        throw ActionFailure(
            code: "TARGET_MOVED",
            message:
                "\(destination.branch) moved from \(Self.short(destination.head)) to \(Self.short(now)) while the merge "
                + "was tested; it has to be merged and tested again.",
            retryable: true,
            detail: [
                "expected": destination.head.map { .string($0) } ?? .null, "found": now.map { .string($0) } ?? .null,
            ]
        )
    }

    private static func short(_ commit: String?) -> String { commit.map { String($0.prefix(12)) } ?? "nothing" }
}
