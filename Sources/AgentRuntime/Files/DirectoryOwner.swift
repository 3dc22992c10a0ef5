import Glibc
import Synchronization

/// Who works in a directory, for those who clear up after the dead: a file `owner` that its process holds a lock on.
///
/// The lock ends with the process, however that happens, and is seen from other containers that share the directory; a
/// process id means nothing there. See flock(2).
final class DirectoryOwner: Sendable {
    /// For how long a directory may be without a sign of its owner, in seconds: an agent that is starting makes it first.
    static let startSeconds = 60.0

    private let descriptor = Mutex<Int32>(-1)

    deinit {
        descriptor.withLock { if $0 >= 0 { close($0) } }
    }

    /// Marks a directory as this process's own until the process ends, or this object.
    func claim(_ directory: String, as mark: ProcessMark) throws(FileSystem.Failure) {
        let path = directory + "/owner"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw FileSystem.Failure(operation: "write", path: path, code: errno) }
        // A sweep may hold it for a moment. Where there are no locks, the mark has to do.
        while flock(opened, LOCK_EX) != 0, errno == EINTR {}
        let previous = descriptor.withLock { held in
            defer { held = opened }
            return held
        }
        if previous >= 0 { close(previous) }
        let namespace = ProcessTable.namespace(of: "self") ?? ""
        try FileSystem.writeAll(Array("\(mark)\n\(namespace)\n".utf8), to: opened, path: path)
    }

    /// Whether somebody works in a directory, or is about to.
    static func isOwned(_ directory: String) -> Bool {
        let path = directory + "/owner"
        let isYoung = (FileSystem.age(of: path) ?? FileSystem.age(of: directory) ?? 0) < startSeconds
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { return isYoung }
        defer { close(opened) }
        if flock(opened, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK { return true }
        guard let bytes = try? FileSystem.read(path, maxBytes: 256) else { return isYoung }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard let mark = lines.first.flatMap({ ProcessMark($0) }) else { return isYoung }
        if lines.count > 1, let own = ProcessTable.namespace(of: "self"), own != lines[1] { return isYoung }
        return mark.isAlive
    }
}
