import Glibc

/// Settings that stand in files: `BATON_X_FILE` names a file whose content is the value of `BATON_X`.
///
/// The rule holds for every setting of every program, so that passwords and tokens need stand neither in an environment
/// nor in a command line. Newlines at the end of the file don't count.
public enum SettingFiles {
    /// A larger file is refused, in bytes.
    public static let maxBytes = 64 << 10
    private static let prefix = "BATON_"
    private static let suffix = "_FILE"

    /// The settings of an environment, with those that stand in files read from there.
    ///
    /// - Parameter environment: Name to value; an empty value counts as not set.
    /// - Returns: The environment with `BATON_X` in place of `BATON_X_FILE`, and what is wrong: a file that can't be read,
    ///   is too large or empty, or holds a NUL; a setting that is given both ways. No fault holds a value.
    public static func resolve(_ environment: [String: String]) -> (environment: [String: String], faults: [String]) {
        var result = environment
        var faults: [String] = []
        for (name, path) in environment.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { continue }
            let setting = String(name.dropLast(suffix.utf8.count))
            guard setting.utf8.count > prefix.utf8.count else { continue }
            result[name] = nil
            guard !path.isEmpty else { continue }
            guard environment[setting, default: ""].isEmpty else {
                faults.append("\(setting) and \(name) are both set; unset one of them")
                continue
            }
            do {
                result[setting] = try read(path)
            } catch {
                faults.append("\(name) names \(path), which \(error.reason)")
            }
        }
        return (result, faults)
    }

    /// Why a file can't be the value of a setting; a sentence that begins with a verb.
    public struct Unusable: Error, Sendable, Hashable {
        /// Such as `can't be read: No such file or directory`.
        public let reason: String
    }

    /// The value that a file holds, without newlines at its end.
    ///
    /// - Parameter path: Of a regular file, or of a link to one.
    /// - Throws: Why it can't be used; never what it holds.
    public static func read(_ path: String) throws(Unusable) -> String {
        // Not blocking: a pipe that nobody writes to must not hold up a start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Unusable(reason: "is no regular file") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure(errno)
            }
            bytes += chunk[..<count]
            guard bytes.count <= maxBytes else { throw Unusable(reason: "is larger than \(maxBytes >> 10) KiB") }
        }
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw Unusable(reason: "is empty") }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw Unusable(reason: "is no UTF-8 text")
        }
        return text
    }

    private static func failure(_ code: Int32) -> Unusable {
        Unusable(reason: "can't be read: \(String(cString: strerror(code)))")
    }
}
