import Glibc
import JSONTools

/// The files of workflows in the data directory, as far as removing them goes.
public struct WorkflowFiles: Sendable {
    /// A stored file that was touched since is kept: an agent is about to name it again.
    static let freshSeconds = 86_400

    private let dataDirectory: String

    /// - Parameter dataDirectory: absolute path of what all processes share.
    public init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }

    /// Removes the repositories of workflows and stored files. What isn't there is fine.
    ///
    /// - Returns: paths that could not be removed.
    public func remove(_ leftovers: PostgresRetention.Leftovers) -> [String] {
        var failed: [String] = []
        for id in leftovers.workflows {
            let path = "\(dataDirectory)/workspaces/\(id).git"
            if !Self.removeTree(path) { failed.append(path) }
        }
        for hash in leftovers.artifacts where Self.isHash(hash) {
            let path = "\(dataDirectory)/artifacts/\(hash.prefix(2))/\(hash)"
            if !Self.removeUnlessFresh(path) { failed.append(path) }
        }
        return failed
    }

    /// Names of files come from agents: nothing but a hash becomes a path.
    private static func isHash(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Removes a stored file unless an agent has touched it lately, which it does whenever it stores the same content.
    ///
    /// It is moved aside before it is looked at: who comes later doesn't find it and stores it anew.
    private static func removeUnlessFresh(_ path: String) -> Bool {
        let aside = path + ".removing"
        guard rename(path, aside) == 0 else { return errno == ENOENT }
        var status = stat()
        if stat(aside, &status) == 0, status.st_mtim.tv_sec > time(nil) - freshSeconds {
            // Not over a file that was stored meanwhile.
            if link(aside, path) != 0, errno != EEXIST { return rename(aside, path) == 0 }
        }
        return unlink(aside) == 0
    }

    /// Removes a directory with all that is in it, never following a symbolic link.
    private static func removeTree(_ path: String) -> Bool {
        if unlink(path) == 0 || errno == ENOENT { return true }
        guard errno == EISDIR || errno == EPERM else { return false }
        if let directory = opendir(path) {
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { _ = removeTree(path + "/" + name) }
            }
        }
        return rmdir(path) == 0 || errno == ENOENT
    }
}
