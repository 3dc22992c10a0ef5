public import AgentRuntime

/// The regular files that a project's repository tracks.
public struct TrackedFiles: Sendable, Hashable {
    /// Most files; more are left out.
    public static let maxFiles = 20_000

    /// Relative to the project, in git's order.
    public var paths: [String]
    /// Whether some were left out.
    public var isCut: Bool

    /// The files of the project in an attempt's workspace.
    ///
    /// - Parameter context: the attempt.
    /// - Throws: ``AgentRuntime/ActionFailure`` when git can't list them.
    public static func list(with context: ActionContext) async throws -> TrackedFiles {
        let output = try await context.tools.runChecked(
            ToolCommand("git", ["ls-files", "--stage", "-z"], in: context.workspace, logsOutput: false))
        return TrackedFiles(listing: output.standardOutput, isTruncated: output.truncated)
    }

    /// - Parameters:
    ///   - listing: what `git ls-files --stage -z` prints: mode, object, stage, tab, path, NUL.
    ///   - isTruncated: whether its end is missing.
    public init(listing: [UInt8], isTruncated: Bool = false) {
        paths = []
        isCut = isTruncated
        for entry in listing.split(separator: 0) {
            // Links lead elsewhere, and submodules are somebody else's.
            guard entry.starts(with: "100".utf8), let tab = entry.firstIndex(of: 0x09) else { continue }
            guard paths.count < Self.maxFiles else {
                isCut = true
                break
            }
            if let path = String(validating: entry[(tab + 1)...], as: UTF8.self) { paths.append(path) }
        }
    }
}
