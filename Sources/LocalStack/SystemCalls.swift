import Foundation
import Glibc

/// The text of an `errno` value.
func errorText(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

/// The bytes of a file of /proc or of the data directory; nil if it is gone or may not be read.
///
/// Reads until the end instead of trusting the size, which is 0 for everything in /proc.
func fileBytes(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return count == 0 ? bytes : nil }
        bytes.append(contentsOf: chunk[..<count])
    }
}

/// Writes a file through a temporary one and a rename, so that a reader sees the old or the new content, never a half.
///
/// - Parameter mode: permission bits, set before the content is written.
func writeAtomically(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(StackError) {
    let temporary = "\(path).\(getpid()).tmp"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw StackError(.badFile, "cannot write \(path): \(errorText(errno))") }
    var offset = 0
    while offset < bytes.count {
        let count = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
            let number = errno
            close(descriptor)
            unlink(temporary)
            throw StackError(.badFile, "cannot write \(path): \(errorText(number))")
        }
        offset += count
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
        throw StackError(.badFile, "cannot replace \(path): \(errorText(errno))")
    }
}

/// Makes a directory (and those above it) unless it is there.
func makeDirectory(_ path: String, mode: Int = 0o700) throws(StackError) {
    do {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: mode]
        )
    } catch {
        throw StackError(.badFile, "cannot create the directory \(path): \(error.localizedDescription)")
    }
}

/// `path` as an absolute path without `.` and `..`, and without following symbolic links.
func absolutePath(_ path: String) -> String {
    URL(fileURLWithPath: path).standardized.path
}

/// 128 random bits as 32 hex digits.
func randomSecret() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
        let text = String(generator.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
}
