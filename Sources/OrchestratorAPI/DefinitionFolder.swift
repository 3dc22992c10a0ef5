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

    /// Writes a definition where the next start finds it: over the file that holds the one of that name, or into a new
    /// one.
    ///
    /// - Parameter name: a definition's name, which can't lead out of the folder.
    /// - Throws: 409 if the one of that name is in a JSON file; 503 if the folder can't be written.
    func keep(_ text: String, of name: String) throws(Problem) {
        let present = DefinitionCatalog.load(directories: [path]).entries[name]?.path
        if let present, present.hasSuffix(".json") {
            throw Problem(
                status: .conflict, kind: "conflict", title: "The definition is kept elsewhere",
                detail: "\(name) is in \(present); remove that file, then it can be kept as YAML")
        }
        try Self.write(Array(text.utf8), to: present ?? "\(path)/\(name).yaml")
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
