import Glibc
import Synchronization

/// The directories of one attempt; each is made when it is first asked for.
final class AttemptFiles: Sendable {
    let dataDirectory: String
    let shareDirectory: String
    /// The attempt's own directory, deleted afterwards.
    let root: String

    private let madeScratch = Mutex(false)
    private let madeForTools = OnceThrowing()

    init(dataDirectory: String, shareDirectory: String, root: String) {
        self.dataDirectory = dataDirectory
        self.shareDirectory = shareDirectory
        self.root = root
    }

    /// Where the clone is made.
    var workspace: String { root + "/workspace" }

    /// Path of the scratch directory, without making it.
    var scratchPath: String { root + "/scratch" }

    /// Home and temporary directory of the tools, beside the scratch directory so that this one is empty.
    var toolsPath: String { root + "/tools" }

    func scratch() -> String {
        madeScratch.withLock { isMade in
            // What can't be made shows in the first use of the path, with the system's own reason.
            if !isMade { isMade = (try? FileSystem.makeDirectories(scratchPath, permissions: 0o700)) != nil }
        }
        return scratchPath
    }

    func makeForTools() throws(FileSystem.Failure) {
        try madeForTools.run { () throws(FileSystem.Failure) in
            try FileSystem.makeDirectories(toolsPath + "/home", permissions: 0o700)
            try FileSystem.makeDirectories(toolsPath + "/tmp", permissions: 0o700)
            try FileSystem.makeDirectories(scratchPath, permissions: 0o700)
        }
    }

    func cacheDirectory(_ name: String) throws -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        guard isPlain, !name.isEmpty, !name.hasPrefix("."), name.utf8.count <= 100 else {
            throw ActionFailure(
                code: "CACHE_UNAVAILABLE",
                message: "\(name.debugDescription) can't name a cache; use letters, digits, '.', '_' and '-'."
            )
        }
        let path = dataDirectory + "/cache/" + name
        do throws(FileSystem.Failure) {
            try FileSystem.makeDirectories(path)
        } catch {
            throw ActionFailure(code: "CACHE_UNAVAILABLE", message: "\(error)", retryable: error.isPassing)
        }
        return path
    }

    /// Deletes all of it.
    func remove() {
        if FileSystem.exists(root) { FileSystem.removeTree(root) }
    }
}
