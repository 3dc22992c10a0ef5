internal import AgentRuntime
internal import Glibc
public import JSONTools

/// A lock that one process holds on a path, and which ends with that process however it ends: flock(2).
public final class FileLock: Sendable {
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
    ///   - code: code of the failure when that was not long enough.
    ///   - onWait: told who has the lock, each time that it is somebody else than before.
    /// - Throws: ``ActionFailure`` with that code naming the holder, worth another try; `CancellationError`.
    public static func take(
        _ path: String, holder: JSONObject, waitSeconds: Double, code: String = "DEPLOYMENT_LOCKED",
        onWait: ((String) -> Void)? = nil
    ) async throws -> FileLock {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ActionFailure(
                code: "LOCK_FAILED", message: "\(FileError("open the lock", path))", retryable: true)
        }
        let holderFile = path + ".json"
        let deadline = ContinuousClock.now + .seconds(waitSeconds)
        var known: [UInt8]?
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let holder = SmallFile.read(holderFile, maxBytes: 64 << 10)
            if ContinuousClock.now >= deadline {
                close(descriptor)
                throw taken(path, code: code, by: holder)
            }
            if let onWait, let holder, holder != known {
                known = holder
                onWait(describe(holder))
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
    public func release() {
        unlink(holderFile)
        close(descriptor)
    }

    private static func taken(_ path: String, code: String, by holder: [UInt8]?) -> ActionFailure {
        ActionFailure(
            code: code,
            message: "Somebody else has the lock \(path): \(holder.map(describe) ?? "holder unknown").",
            retryable: true,
            detail: ["holder": holder.flatMap { try? JSONValue(parsing: $0) } ?? .null]
        )
    }

    private static func describe(_ holder: [UInt8]) -> String {
        guard let object = (try? JSONValue(parsing: holder))?.objectValue else { return "holder unknown" }
        return object.map { "\($0.key) \($0.value.stringValue ?? $0.value.description)" }.joined(separator: ", ")
    }
}
