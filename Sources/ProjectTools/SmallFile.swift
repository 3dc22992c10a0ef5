import Glibc

/// Whole files of bounded size, read and replaced in one go, and what they lie in.
public enum SmallFile {
    /// The bytes of a regular file.
    ///
    /// - Parameters:
    ///   - path: Absolute path.
    ///   - maxBytes: Largest file that is read, in bytes.
    /// - Returns: nil when there is no such file, it is no regular file, can't be read, or is larger.
    public static func read(_ path: String, maxBytes: Int = 16 << 20) -> [UInt8]? {
        // Without O_NONBLOCK, opening a named pipe that nobody writes to would never return.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxBytes else {
            return nil
        }
        return read(descriptor, maxBytes: maxBytes)
    }

    /// Whether anything has this path: a file, a directory, a link even to nothing.
    ///
    /// - Parameter path: Absolute path.
    public static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The last bytes of a file as text, from the start of a line on; empty when it can't be read.
    ///
    /// - Parameters:
    ///   - path: Absolute path.
    ///   - lines: How many lines at most.
    ///   - maxBytes: How many bytes at most.
    public static func tail(_ path: String, lines: Int, maxBytes: Int = 16 << 10) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        let start = max(0, end - maxBytes)
        guard end >= 0, lseek(descriptor, start, SEEK_SET) >= 0, let bytes = read(descriptor, maxBytes: maxBytes) else {
            return []
        }
        var found = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        if start > 0, found.count > 1 { found.removeFirst() }
        return Array(found.suffix(lines))
    }

    /// Replaces a file by a temporary one beside it and a rename, so that no reader ever sees half of it; the bytes are
    /// on the disk when this returns.
    ///
    /// - Throws: ``FileError`` with what was tried and the system's reason.
    public static func replace(_ path: String, with bytes: [UInt8], permissions: UInt32 = 0o644) throws(FileError) {
        let temporary = "\(path).tmp-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw FileError("write", path) }
        var failure: FileError?
        var rest = bytes[...]
        while failure == nil, !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = FileError("write", path) }
        }
        if failure == nil, fsync(descriptor) != 0 { failure = FileError("sync", path) }
        close(descriptor)
        if failure == nil, rename(temporary, path) != 0 { failure = FileError("replace", path) }
        if let failure {
            unlink(temporary)
            throw failure
        }
    }

    /// Makes a directory and its parents; one that is there already is fine.
    ///
    /// - Throws: ``FileError``.
    public static func makeDirectories(_ path: String) throws(FileError) {
        var status = stat()
        if mkdir(path, 0o755) == 0 || (stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR) { return }
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw FileError("create the directory", path)
        }
        try makeDirectories(String(path[..<slash]))
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw FileError("create the directory", path) }
    }

    /// Names in a directory in order, without those that begin with a dot; none when it can't be read.
    public static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func read(_ descriptor: Int32, maxBytes: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maxBytes {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            bytes.append(contentsOf: chunk.prefix(count))
        }
        return nil
    }
}

/// A file operation that failed.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried, as in "write".
    public var attempted: String
    /// The file or directory.
    public var path: String
    /// The system's reason (`errno`).
    public var code: Int32

    /// Takes the reason from `errno`.
    public init(_ attempted: String, _ path: String) {
        self.attempted = attempted
        self.path = path
        code = errno
    }

    /// What was tried and why it failed.
    public var description: String { "cannot \(attempted) \(path): \(String(cString: strerror(code)))" }
}
