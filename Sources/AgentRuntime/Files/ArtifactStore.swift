import Glibc
import JSONTools

/// Files by the hash of their content: `<directory>/<aa>/<sha256>`, as all parts of Baton read them.
///
/// A file is written under a temporary name, synced and renamed, so that a name always stands for whole content; who
/// stores what is there already changes nothing.
struct ArtifactStore: Sendable {
    /// A larger file is refused.
    static let maxBytes = 512 << 20

    let directory: String

    /// What was stored.
    struct Entry: Sendable, Hashable {
        /// Lower-case hex.
        var sha256: String
        var size: Int
    }

    func path(of sha256: String) -> String { "\(directory)/\(sha256.prefix(2))/\(sha256)" }

    func add(_ bytes: [UInt8]) throws(FileSystem.Failure) -> Entry {
        let sha256 = SHA256Digest.hex(of: bytes)
        let path = path(of: sha256)
        if !isStored(path, size: bytes.count) {
            try FileSystem.makeDirectories(FileSystem.parentDirectory(of: path))
            try FileSystem.write(bytes, to: path, permissions: 0o444, durable: true)
        }
        return Entry(sha256: sha256, size: bytes.count)
    }

    /// Whether a file is there already. Its time is set to now: what is being stored again must not be removed as old.
    private func isStored(_ path: String, size: Int) -> Bool {
        guard FileSystem.size(of: path) == size else { return false }
        return utimensat(AT_FDCWD, path, nil, 0) == 0 || errno != ENOENT
    }

    /// Copies a file in, in one pass and bounded memory.
    ///
    /// - Parameters:
    ///   - file: The path.
    ///   - clean: Takes secrets out on the way.
    func add(file: String, through clean: inout RedactingStream) throws(FileSystem.Failure) -> Entry {
        let source = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard source >= 0 else { throw FileSystem.Failure(operation: "read", path: file, code: errno) }
        defer { close(source) }
        try FileSystem.makeDirectories(directory)
        let temporary = "\(directory)/incoming-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let target = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444)
        guard target >= 0 else { throw FileSystem.Failure(operation: "write", path: temporary, code: errno) }
        do throws(FileSystem.Failure) {
            defer { close(target) }
            let entry = try copy(from: source, named: file, to: target, named: temporary, through: &clean)
            let path = path(of: entry.sha256)
            if isStored(path, size: entry.size) {
                unlink(temporary)
                return entry
            }
            guard fsync(target) == 0 else {
                throw FileSystem.Failure(operation: "sync", path: temporary, code: errno)
            }
            try FileSystem.makeDirectories(FileSystem.parentDirectory(of: path))
            guard rename(temporary, path) == 0 else {
                throw FileSystem.Failure(operation: "rename the temporary file to", path: path, code: errno)
            }
            FileSystem.syncDirectory(FileSystem.parentDirectory(of: path))
            return entry
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private func copy(
        from source: Int32, named sourcePath: String, to target: Int32, named targetPath: String,
        through clean: inout RedactingStream
    ) throws(FileSystem.Failure) -> Entry {
        var digest = SHA256Digest()
        var size = 0
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var isAtEnd = false
        while !isAtEnd {
            let count = chunk.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileSystem.Failure(operation: "read", path: sourcePath, code: errno) }
            isAtEnd = count == 0
            let bytes = isAtEnd ? clean.finish() : chunk.withUnsafeBytes { clean.feed(.init(rebasing: $0[..<count])) }
            size += bytes.count
            guard size <= Self.maxBytes else {
                throw FileSystem.Failure(operation: "keep", path: sourcePath, code: EFBIG)
            }
            digest.update(bytes)
            try FileSystem.writeAll(bytes, to: target, path: targetPath)
        }
        return Entry(sha256: digest.finalize(), size: size)
    }
}
