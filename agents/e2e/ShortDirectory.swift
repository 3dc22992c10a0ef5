import AgentRuntime
import FoundationEssentials
import Glibc

/// A temporary directory with a short path: Chromium keeps a socket there, and a socket's path has at most 107 bytes,
/// which the directory of an attempt may well exceed.
struct ShortDirectory: Sendable {
    let path: String

    /// - Throws: ``ActionFailure`` `NO_TEMPORARY_DIRECTORY`.
    init() throws {
        var template = Array("/tmp/baton-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ActionFailure(
                code: "NO_TEMPORARY_DIRECTORY",
                message: "There can be no directory in /tmp: \(String(cString: strerror(errno))).",
                retryable: true
            )
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Deletes the directory with all that is in it; links are not followed. What can't be deleted is left to the system.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
