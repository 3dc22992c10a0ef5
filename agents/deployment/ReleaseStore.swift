import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Makes releases from the workspace and deletes those that nobody needs any more.
struct ReleaseStore: Sendable {
    let directory: DeploymentDirectory
    let context: ActionContext

    /// A complete release of the commit that the workspace stands on: its files, with everything installed.
    ///
    /// A release that is there already is taken as it is; one that was left unfinished is made anew. It is installed
    /// where it will run, as installed files may name their own path.
    ///
    /// - Throws: ``ActionFailure``, `INSTALL_FAILED` among others, and ``ManifestError``'s.
    func prepare() async throws -> Release {
        let release = Release(commit: try await commit(), in: directory.releases)
        if directory.release(release.id, commit: release.commit) != nil { return release }
        try await writeFiles(of: release)
        let manifest = try loadManifest(of: release)
        let runner = ProjectRunner(context: context, manifest: manifest, directory: release.path)
        try await runner.runChecked("install", failureCode: "INSTALL_FAILED")
        try await runner.runChecked("build", failureCode: "BUILD_FAILED")
        try SmallFile.replace(release.readyMark, with: Array("\(release.commit)\n".utf8))
        return release
    }

    /// A release of nothing but the files of the commit: what else it needs is made in an image.
    func checkOut() async throws -> Release {
        let release = Release(commit: try await commit(), in: directory.releases)
        if directory.release(release.id, commit: release.commit) != nil { return release }
        try await writeFiles(of: release)
        try SmallFile.replace(release.readyMark, with: Array("\(release.commit)\n".utf8))
        return release
    }

    /// The commit that the workspace stands on.
    func commit() async throws -> String {
        try await context.tools.runChecked(
            ToolCommand("git", ["-C", context.workspace, "rev-parse", "HEAD"], logsOutput: false)
        ).text.filter { !$0.isNewline }
    }

    private func writeFiles(of release: Release) async throws {
        try await remove(release.id)
        try SmallFile.makeDirectories(release.path)
        try await context.tools.runChecked(
            ToolCommand(
                "git", ["-C", context.workspace, "checkout-index", "--all", "--force", "--prefix=\(release.path)/"],
                logsOutput: false))
    }

    /// The manifest of a release.
    func loadManifest(of release: Release) throws -> ProjectManifest {
        do {
            return try ProjectManifest.load(from: release.path)
        } catch {
            throw ActionFailure(error)
        }
    }

    /// Marks a release as the newest.
    func touch(_ release: Release) { utimes(release.readyMark, nil) }

    /// Deletes releases that are neither kept nor among the newest. What can't be deleted is a warning, no failure.
    func prune(keeping kept: Set<String>) async {
        for id in directory.superseded(keeping: kept) {
            do {
                try await remove(id)
            } catch {
                context.logger.warning("The old release \(id) could not be deleted: \(error)")
            }
        }
    }

    private func remove(_ id: String) async throws {
        guard Release.isID(id) else { preconditionFailure("\(id) is no release") }
        unlink("\(directory.releases)/\(id).ready")
        try await context.tools.runChecked(
            ToolCommand("rm", ["-rf", "--", "\(directory.releases)/\(id)"], in: directory.path, logsOutput: false))
    }
}
