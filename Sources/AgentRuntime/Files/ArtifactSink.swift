import AgentProtocol
import Glibc
import JSONTools
import Synchronization

/// Keeps reports, screenshots and logs of an attempt as artifacts of the workflow.
public struct ArtifactSink: Sendable {
    /// More artifacts of one attempt are refused.
    static let maxCount = 200

    let store: ArtifactStore
    /// Files may be taken from below these directories only, whatever links lead to.
    let roots: [String]
    private let references = Collected()

    init(store: ArtifactStore, roots: [String]) {
        self.store = store
        self.roots = roots
    }

    /// Keeps a file.
    ///
    /// - Parameters:
    ///   - path: Absolute path of a regular file in the workspace, the scratch directory or a cache directory, at most 512 MiB.
    ///   - name: What people see and download it as.
    ///   - type: Its media type.
    ///   - label: What it shows, for people.
    /// - Throws: ``ActionFailure`` `ARTIFACT_NOT_STORED` with the reason.
    public func add(file path: String, name: String, type: String, label: String? = nil) throws {
        guard let real = FileSystem.realPath(path), FileSystem.isRegularFile(real) else {
            throw Self.failure(name, "there is no regular file at \(path)")
        }
        let isInside = roots.contains { root in
            FileSystem.realPath(root).map { real.hasPrefix($0 + "/") } ?? false
        }
        guard isInside else { throw Self.failure(name, "\(path) leads out of the attempt's own directories") }
        try keep(name, type, label) { () throws(FileSystem.Failure) in try store.add(file: real) }
    }

    /// Keeps bytes that the action made.
    ///
    /// - Parameters:
    ///   - bytes: The content.
    ///   - name: What people see and download it as.
    ///   - type: Its media type.
    ///   - label: What it shows, for people.
    /// - Throws: ``ActionFailure`` `ARTIFACT_NOT_STORED` with the reason.
    public func add(bytes: [UInt8], name: String, type: String, label: String? = nil) throws {
        try keep(name, type, label) { () throws(FileSystem.Failure) in try store.add(bytes) }
    }

    /// What was kept so far, in order.
    var kept: [ArtifactReference] { references.all }

    private func keep(
        _ name: String,
        _ type: String,
        _ label: String?,
        _ store: () throws(FileSystem.Failure) -> ArtifactStore.Entry
    ) throws {
        guard references.all.count < Self.maxCount else {
            throw Self.failure(name, "an attempt keeps at most \(Self.maxCount) artifacts")
        }
        do {
            let entry = try store()
            references.add(
                ArtifactReference(
                    name: name, type: type, sizeBytes: entry.size, sha256: entry.sha256, label: label))
        } catch {
            throw Self.failure(name, "\(error)", retryable: error.isPassing)
        }
    }

    private static func failure(_ name: String, _ reason: String, retryable: Bool = false) -> ActionFailure {
        ActionFailure(
            code: "ARTIFACT_NOT_STORED",
            message: "The artifact \(name.debugDescription) was not stored: \(reason).",
            retryable: retryable
        )
    }

    private final class Collected: Sendable {
        private let references = Mutex<[ArtifactReference]>([])

        var all: [ArtifactReference] { references.withLock { $0 } }

        func add(_ reference: ArtifactReference) { references.withLock { $0.append(reference) } }
    }
}
