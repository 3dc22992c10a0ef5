import Glibc

/// A directory that nothing named from outside may leave: the clone of an attempt.
public struct Workspace: Sendable, Hashable {
    /// Absolute path, without symbolic links.
    public let root: String

    /// The directory at `root`, which has to exist.
    ///
    /// - Throws: ``ActionFailure`` `WORKSPACE_MISSING` when there is no directory.
    public init(root: String) throws {
        guard FileSystem.isDirectory(root), let real = FileSystem.realPath(root) else {
            throw ActionFailure(
                code: "WORKSPACE_MISSING",
                message: "There is no workspace directory at \(root.isEmpty ? "(no path)" : root).",
                retryable: true
            )
        }
        self.root = real
    }

    /// The absolute path of something named from outside, if it lies in the workspace.
    ///
    /// `..` and symbolic links are followed as far as the path exists; what doesn't exist yet may be created there.
    /// The workspace's own `.git` is outside for this purpose.
    ///
    /// - Parameter relative: A path from a template, a payload, a report. An absolute one must lie in the workspace.
    /// - Returns: An absolute path without symbolic links in the part that exists.
    /// - Throws: ``ActionFailure`` `PATH_OUTSIDE_WORKSPACE`.
    public func resolve(_ relative: String) throws -> String {
        guard !relative.utf8.contains(0) else { throw Self.outside(relative, reason: "it holds a NUL byte") }
        let wanted = relative.hasPrefix("/") ? relative : root + "/" + relative
        var resolved = ""
        var missing = false
        for component in wanted.split(separator: "/") where component != "." {
            if component == ".." {
                guard !missing else {
                    throw Self.outside(relative, reason: "it goes up from a directory that isn't there")
                }
                resolved = FileSystem.parentDirectory(of: resolved.isEmpty ? "/" : resolved)
                if resolved == "/" { resolved = "" }
                continue
            }
            resolved += "/" + component
            if missing { continue }
            var status = stat()
            guard lstat(resolved, &status) == 0 else {
                missing = true
                continue
            }
            if status.st_mode & S_IFMT == S_IFLNK {
                // A link whose target isn't there could be made to point anywhere later.
                guard let real = FileSystem.realPath(resolved) else {
                    throw Self.outside(relative, reason: "\(component) is a symbolic link to nothing")
                }
                resolved = real
            }
        }
        if resolved.isEmpty { resolved = "/" }
        guard resolved == root || resolved.hasPrefix(root + "/") else {
            throw Self.outside(relative, reason: "it leads to \(resolved)")
        }
        guard resolved != root + "/.git", !resolved.hasPrefix(root + "/.git/") else {
            throw Self.outside(relative, reason: "the repository's own files are not to be touched")
        }
        return resolved
    }

    private static func outside(_ path: String, reason: String) -> ActionFailure {
        ActionFailure(
            code: "PATH_OUTSIDE_WORKSPACE",
            message: "The path \(path.debugDescription) is not inside the workspace: \(reason)."
        )
    }
}
