internal import AgentProtocol
public import AgentRuntime

/// How a project is installed, checked, tested and started: as its manifest says, or, of a repository without one, as
/// its files say.
public struct FoundProject: Sendable, Hashable {
    /// What the project says, or could have said.
    public var manifest: ProjectManifest
    /// What was found in a repository without a manifest; nil of one that has it.
    public var detection: ProjectDetection?

    /// Whether the project has no manifest of its own, and what is known of it are guesses.
    public var isDetected: Bool { detection != nil }

    /// Looks at the project in an attempt's workspace, and logs what a guess stands on.
    ///
    /// - Parameter context: the attempt.
    /// - Throws: ``AgentRuntime/ActionFailure`` `MANIFEST_MISSING` where there is no manifest and the files tell nothing
    ///   either; `INVALID_MANIFEST`.
    public static func look(_ context: ActionContext) async throws -> FoundProject {
        do throws(ManifestError) {
            return FoundProject(manifest: try .load(from: context.workspace))
        } catch {
            guard error.code == .missing else { throw ActionFailure(error) }
            let files = try await TrackedFiles.list(with: context).paths
            let name = context.envelope.workflowContext.workflowName
            guard let found = ProjectDetection(directory: context.workspace, name: name, files: files) else {
                throw ActionFailure(error)
            }
            context.logger.info(
                "there is no \(ProjectManifest.fileName); the project is taken for one of "
                    + "\(found.manifest.stack): \(found.reasons.joined(separator: ", "))")
            return FoundProject(manifest: found.manifest, detection: found)
        }
    }
}
