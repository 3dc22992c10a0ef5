import Foundation
import Glibc

/// Finds programs and data files.
public enum Programs {
    /// The environment of this process.
    public static var callerEnvironment: [String: String] { ProcessInfo.processInfo.environment }

    /// The absolute path of a program: itself if it is one, otherwise the first match in the directories of `PATH`.
    public static func find(_ name: String, path: String? = callerEnvironment["PATH"]) -> String? {
        if name.contains("/") { return isExecutable(name) ? absolutePath(name) : nil }
        let directories = (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(String.init)
        return directories.map { "\($0)/\(name)" }.first(where: isExecutable)
    }

    /// The directory of the programs of Debian's newest PostgreSQL, otherwise the one on `PATH` that has `initdb`.
    public static func postgresDirectory() -> String? {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        let candidates = versions.sorted(by: >).map { "\(root)/\($0)/bin" }
        let isComplete = { (directory: String) in
            ["initdb", "postgres", "psql"].allSatisfy { isExecutable("\(directory)/\($0)") }
        }
        if let found = candidates.first(where: isComplete) { return found }
        guard let initdb = find("initdb") else { return nil }
        let directory = String(initdb.dropLast("/initdb".count))
        return isComplete(directory) ? directory : nil
    }

    /// Where Baton's executables are: `BATON_BIN_DIR`, otherwise beside the running executable.
    public static func binDirectory(environment: [String: String] = callerEnvironment) -> String {
        if let given = environment["BATON_BIN_DIR"], !given.isEmpty { return absolutePath(given) }
        return absolutePath(runningExecutable + "/..")
    }

    /// Where definitions, templates and static files are: `BATON_SHARE_DIR`, otherwise `share` beside the executables
    /// or in a directory above them that is a checkout; nil if there is none.
    public static func shareDirectory(
        binDirectory: String,
        environment: [String: String] = callerEnvironment
    ) -> String? {
        if let given = environment["BATON_SHARE_DIR"], !given.isEmpty { return absolutePath(given) }
        var directory = binDirectory
        while directory != "/" && !directory.isEmpty {
            for candidate in ["\(directory)/share/baton", "\(directory)/share"]
            where FileManager.default.fileExists(atPath: candidate + "/definitions") { return candidate }
            directory = absolutePath(directory + "/..")
        }
        return nil
    }

    /// The file that this process runs, with symbolic links followed.
    public static var runningExecutable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
