import FoundationEssentials
import Glibc
import HTTPTypes
import WorkflowDefinitions

/// The folder of the data directory with people's own definitions.
struct DefinitionFolder {
    private let path: String

    init(_ path: String) {
        self.path = path
    }

    /// Runs `body` while nobody else keeps a definition in this folder, neither here nor in another process: the file and
    /// the record are to agree on which one is the newest.
    ///
    /// - Throws: 503 if it takes too long, or the folder can't be written; what `body` throws.
    func alone<Value>(_ body: () async throws -> Value) async throws -> Value {
        let descriptor = open("\(path)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.unwritable("\(path)/.lock") }
        defer { close(descriptor) }
        let end = ContinuousClock.now + .seconds(20)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, .now < end else {
                throw Problem.unavailable("other definitions are being kept")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await body()
    }

    /// Writes a definition where the next start finds it: over the file that holds the one of that name, or into a new
    /// one.
    ///
    /// - Parameter name: a definition's name, which can't lead out of the folder.
    /// - Returns: what puts the folder back as it was.
    /// - Throws: 409 if the one of that name is in a JSON file; 503 if the folder can't be written.
    func keep(_ text: String, of name: String) throws(Problem) -> @Sendable () throws(Problem) -> Void {
        let present = DefinitionCatalog.load(directories: [path]).entries[name]?.path
        if let present, present.hasSuffix(".json") {
            throw Problem(
                status: .conflict, kind: "conflict", title: "The definition is kept elsewhere",
                detail: "\(name) is in \(present); remove that file, then it can be kept as YAML")
        }
        let file = present ?? "\(path)/\(name).yaml"
        let old = FileManager.default.contents(atPath: file).map { Array($0) }
        try Self.write(Array(text.utf8), to: file)
        return { () throws(Problem) in
            if let old {
                try Self.write(old, to: file)
            } else if unlink(file) != 0 {
                throw Self.unwritable(file)
            }
        }
    }

    /// Replaces a file, so that anybody who reads finds the old or the new one, whole.
    private static func write(_ bytes: [UInt8], to path: String) throws(Problem) {
        let draft = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max)).draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw unwritable(path) }
        defer { unlink(draft) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw unwritable(path) }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0, rename(draft, path) == 0 else { throw unwritable(path) }
    }

    private static func unwritable(_ path: String) -> Problem {
        .unavailable("\(path) can't be written: \(String(cString: strerror(errno)))")
    }
}
