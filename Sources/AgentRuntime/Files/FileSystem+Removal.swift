import Glibc

extension FileSystem {
    /// Deletes a directory with all that is in it, never following a symbolic link.
    ///
    /// A directory that something still writes to (a tool that is being killed) can be busy or not empty for a moment:
    /// it is tried up to `attempts` times, 50 ms apart. What isn't there is fine.
    ///
    /// - Returns: Whether nothing is left at `path`.
    @discardableResult
    static func removeTree(_ path: String, attempts: Int = 20) -> Bool {
        for attempt in 1...max(1, attempts) {
            if removeOnce(path) { return true }
            if attempt < attempts { usleep(50_000) }
        }
        return false
    }

    private static func removeOnce(_ path: String) -> Bool {
        if unlink(path) == 0 || errno == ENOENT { return true }
        guard errno == EISDIR || errno == EPERM else { return false }
        removeContents(of: path)
        return rmdir(path) == 0 || errno == ENOENT
    }

    private static func removeContents(of path: String) {
        var names = FileSystem.names(in: path)
        if names.isEmpty {
            // A tool may have taken our right to look into its own directory; go's module cache does.
            chmod(path, 0o700)
            names = FileSystem.names(in: path)
        }
        for name in names {
            let child = path + "/" + name
            if unlink(child) == 0 { continue }
            if errno == EACCES || errno == EPERM {
                chmod(path, 0o700)
                if unlink(child) == 0 { continue }
            }
            if errno == EISDIR || errno == EPERM {
                removeContents(of: child)
                rmdir(child)
            }
        }
    }
}
