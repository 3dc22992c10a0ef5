import Glibc

/// The file operations that the runtime needs, by system calls: no Foundation in an agent that only waits.
enum FileSystem {
    /// A system call that failed.
    struct Failure: Error, Sendable, CustomStringConvertible {
        /// What was tried, as in "create the directory".
        let operation: String
        let path: String
        /// `errno` after the call.
        let code: Int32

        var description: String { "cannot \(operation) \(path): \(String(cString: strerror(code)))" }

        /// Whether another attempt may go well: a full disk may be emptied, a busy file released.
        var isPassing: Bool { [ENOSPC, EDQUOT, EMFILE, ENFILE, EBUSY, EIO, ENOMEM].contains(code) }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isDirectory(_ path: String) -> Bool { mode(of: path).map { $0 & S_IFMT == S_IFDIR } ?? false }

    static func isRegularFile(_ path: String) -> Bool { mode(of: path).map { $0 & S_IFMT == S_IFREG } ?? false }

    /// Whether this process may execute the regular file at `path`.
    static func isExecutable(_ path: String) -> Bool { isRegularFile(path) && access(path, X_OK) == 0 }

    /// Makes a directory and its parents; one that is there already is fine.
    static func makeDirectories(_ path: String, permissions: mode_t = 0o755) throws(Failure) {
        if mkdir(path, permissions) == 0 { return }
        switch errno {
        case EEXIST where isDirectory(path):
            return
        case ENOENT:
            let parent = parentDirectory(of: path)
            guard parent != path else {
                throw Failure(operation: "create the directory", path: path, code: ENOENT)
            }
            try makeDirectories(parent, permissions: permissions)
            if mkdir(path, permissions) != 0, errno != EEXIST {
                throw Failure(operation: "create the directory", path: path, code: errno)
            }
        case let code:
            throw Failure(operation: "create the directory", path: path, code: code)
        }
    }

    /// Names in a directory, without `.` and `..`, in no order; none when it can't be read.
    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Everything in a file.
    ///
    /// - Parameter maxBytes: A longer file is an error (`EFBIG`).
    static func read(_ path: String, maxBytes: Int = 64 << 20) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(operation: "read", path: path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Failure(operation: "read", path: path, code: errno)
            }
            bytes.append(contentsOf: chunk.prefix(count))
            guard bytes.count <= maxBytes else { throw Failure(operation: "read", path: path, code: EFBIG) }
        }
    }

    /// Writes a file by a temporary file beside it and a rename, so that no reader ever sees half of it.
    ///
    /// - Parameter durable: Whether the bytes are on the disk when this returns (`fsync`).
    static func write(
        _ bytes: [UInt8],
        to path: String,
        permissions: mode_t = 0o644,
        durable: Bool = false
    ) throws(Failure) {
        let temporary = path + ".tmp-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw Failure(operation: "write", path: path, code: errno) }
        do throws(Failure) {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path: path)
            if durable, fsync(descriptor) != 0 { throw Failure(operation: "sync", path: path, code: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw Failure(operation: "rename the temporary file to", path: path, code: code)
        }
        if durable { syncDirectory(parentDirectory(of: path)) }
    }

    /// Writes all bytes to an open descriptor.
    static func writeAll(_ bytes: some Collection<UInt8>, to descriptor: Int32, path: String) throws(Failure) {
        let code: Int32 =
            bytes.withContiguousStorageIfAvailable { buffer in
                var rest = UnsafeRawBufferPointer(buffer)
                while !rest.isEmpty {
                    let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                    if count < 0 {
                        if errno == EINTR { continue }
                        return errno
                    }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                }
                return 0
            } ?? EINVAL
        if code != 0 { throw Failure(operation: "write", path: path, code: code) }
    }

    /// Makes a rename in `path` durable, as far as the file system can; a refusal is no error.
    static func syncDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Sets a file's modification time to now and creates it if need be.
    static func touch(_ path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(operation: "touch", path: path, code: errno) }
        defer { close(descriptor) }
        guard futimens(descriptor, nil) == 0 else { throw Failure(operation: "touch", path: path, code: errno) }
    }

    /// Seconds since the file was modified, by the wall clock; nil when there is none.
    static func age(of path: String) -> Double? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec - status.st_mtim.tv_sec) + Double(now.tv_nsec - status.st_mtim.tv_nsec) / 1e9
    }

    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// The path without symbolic links, `.` and `..`; nil when it doesn't exist.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// An absolute form of `path` without touching the disk but for the current directory.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let end = buffer.firstIndex(of: 0) ?? buffer.count
        let current = String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.isEmpty || path == "." ? current : current + "/" + path
    }

    static func parentDirectory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func lastComponent(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }
}
