import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// A lock that one process holds on a path, and which ends with that process however it ends: flock(2).
final class FileLock: Sendable {
    private let descriptor: Int32
    private let holderFile: String

    private init(descriptor: Int32, holderFile: String) {
        self.descriptor = descriptor
        self.holderFile = holderFile
    }

    /// Takes the lock, waiting for it if need be.
    ///
    /// - Parameters:
    ///   - path: the lock's file, made if it isn't there.
    ///   - holder: who takes it, for those who find it taken; written beside it.
    ///   - waitSeconds: how long to wait.
    /// - Throws: ``ActionFailure`` `DEPLOYMENT_LOCKED` naming the holder, worth another try; `CancellationError`.
    static func take(_ path: String, holder: JSONObject, waitSeconds: Double) async throws -> FileLock {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ActionFailure(
                code: "DEPLOYMENT_FAILED", message: "\(FileError("open the lock", path))", retryable: true)
        }
        let holderFile = path + ".json"
        let deadline = ContinuousClock.now + .seconds(waitSeconds)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if ContinuousClock.now >= deadline {
                close(descriptor)
                throw taken(path, by: SmallFile.read(holderFile, maxBytes: 64 << 10))
            }
            do {
                try await Task.sleep(for: .milliseconds(50))
            } catch {
                close(descriptor)
                throw error
            }
        }
        do {
            try SmallFile.replace(holderFile, with: JSONValue.object(holder).encoded())
        } catch {
            close(descriptor)
            throw error
        }
        return FileLock(descriptor: descriptor, holderFile: holderFile)
    }

    /// Gives the lock back; so does the end of the process.
    func release() {
        unlink(holderFile)
        close(descriptor)
    }

    private static func taken(_ path: String, by holder: [UInt8]?) -> ActionFailure {
        let json = holder.flatMap { try? JSONValue(parsing: $0) }
        let who = json?.objectValue.map { object in
            object.map { "\($0.key) \($0.value.stringValue ?? $0.value.description)" }.joined(separator: ", ")
        }
        return ActionFailure(
            code: "DEPLOYMENT_LOCKED",
            message: "Another deployment has the lock \(path): \(who ?? "holder unknown").",
            retryable: true,
            detail: ["holder": json ?? .null]
        )
    }
}
