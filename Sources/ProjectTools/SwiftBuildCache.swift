internal import Glibc
internal import JSONTools

/// A directory that SwiftPM builds in, shared by the stages and attempts that build the same dependencies.
///
/// Each stage has a fresh clone, and without this each would compile all dependencies anew. There are several
/// directories for the same dependencies, and whoever uses one has it for itself: what lies in it after a build is of
/// that very build. The directory is free again when the value that holds it is gone, however its process ends:
/// flock(2).
public final class SwiftBuildCache: Sendable {
    /// The variable by which SwiftPM is told where to build.
    public static let variable = "SWIFTPM_BUILD_DIR"
    /// Most directories for the same dependencies.
    static let maxDirectories = 8

    /// Absolute path.
    public let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Takes the first directory that nobody uses.
    ///
    /// - Parameters:
    ///   - project: absolute path of the project.
    ///   - parent: absolute path of the directory that the caches lie in.
    /// - Returns: nil when the project is none of Swift's, or when all directories are taken: it then builds in its own.
    public static func take(for project: String, in parent: String) throws(FileError) -> SwiftBuildCache? {
        guard let key = key(of: project) else { return nil }
        for number in 1...maxDirectories {
            let path = "\(parent)/\(key)-\(number)"
            try SmallFile.makeDirectories(path)
            let descriptor = open(path + "/.baton-lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw FileError("open the lock of", path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                return SwiftBuildCache(path: path, descriptor: descriptor)
            }
            close(descriptor)
        }
        return nil
    }

    /// The same for projects with the same locked dependencies; without a lock file, with the same package description.
    static func key(of project: String) -> String? {
        guard let package = SmallFile.read(project + "/Package.swift", maxBytes: 1 << 20) else { return nil }
        guard let lock = SmallFile.read(project + "/Package.resolved", maxBytes: 4 << 20) else {
            return String(SHA256Digest.hex(of: package).prefix(16))
        }
        // The hash of the package description in it tells projects apart that differ in nothing but their name.
        let lines = lock.split(separator: UInt8(ascii: "\n")).filter { line in
            !line.drop { $0 == 0x20 }.starts(with: #""originHash""#.utf8)
        }
        return String(SHA256Digest.hex(of: Array(lines.joined(separator: [0x0A]))).prefix(16))
    }
}
