import FoundationEssentials
import Glibc

/// The token that lies in the data directory: whoever may read that may do everything.
enum AdminToken {
    /// Name of the file in the data directory.
    static let fileName = "admin-token"
    /// A shorter text in the file is a mistake.
    static let minBytes = 32

    /// Reads the token, or makes one if there is none yet. Several orchestrators may do so at once: they get the same.
    ///
    /// - Throws: ``APIStartError`` if the file can't be read or written, or holds no token.
    static func readOrMake(in dataDirectory: String) throws(APIStartError) -> String {
        let path = dataDirectory + "/" + fileName
        if let token = try read(path) { return token }
        let token = random()
        let draft = path + ".\(getpid()).\(UInt32.random(in: .min ... .max))"
        try write(token, to: draft)
        defer { unlink(draft) }
        // A link is made at once or not at all, and never replaces what another orchestrator has made meanwhile.
        if link(draft, path) == 0 { return token }
        let code = errno
        guard code == EEXIST, let theirs = try read(path) else {
            throw .adminToken("\(path) can't be made: \(reason(code))")
        }
        return theirs
    }

    private static func read(_ path: String) throws(APIStartError) -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .adminToken("\(path) can't be read: \(reason(errno))")
        }
        let token = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
        guard (minBytes...TokenRegistry.maxSecretBytes).contains(token.utf8.count) else {
            throw .adminToken(
                "\(path) holds \(token.utf8.count) characters; expected a token of at least \(minBytes). "
                    + "Delete the file to get a new one")
        }
        return token
    }

    private static func write(_ token: String, to path: String) throws(APIStartError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .adminToken("\(path) can't be made: \(reason(errno))") }
        defer { close(descriptor) }
        let bytes = Array((token + "\n").utf8)
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(descriptor) == 0 else {
            throw .adminToken("\(path) can't be written: \(reason(errno))")
        }
    }

    /// 32 random bytes in base64url without padding.
    private static func random() -> String {
        Base64URL.random(bytes: 32)
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
