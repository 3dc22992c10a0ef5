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
    /// Takes secrets out of texts; what isn't text and holds one is refused.
    let redactor: Redactor
    private let references = Collected()

    init(store: ArtifactStore, roots: [String], redactor: Redactor = .none) {
        self.store = store
        self.roots = roots
        self.redactor = redactor
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
        try checkRoom(for: name)
        guard let real = FileSystem.realPath(path), FileSystem.isRegularFile(real) else {
            throw Self.failure(name, "there is no regular file at \(path)")
        }
        let isInside = roots.contains { root in
            FileSystem.realPath(root).map { real.hasPrefix($0 + "/") } ?? false
        }
        guard isInside else { throw Self.failure(name, "\(path) leads out of the attempt's own directories") }
        var clean = RedactingStream(redactor)
        let stored: ArtifactStore.Entry
        do throws(FileSystem.Failure) {
            stored = try store.add(file: real, through: &clean)
        } catch {
            throw Self.failure(name, "\(error)", retryable: error.isPassing)
        }
        // What was stored is redacted, too, but nothing that its type promises.
        guard Self.isText(type) || clean.count == 0 else { throw Self.holdsSecret(name) }
        try note(stored, name, type, label)
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
        try checkRoom(for: name)
        guard Self.isText(type) || !redactor.finds(in: bytes) else { throw Self.holdsSecret(name) }
        let stored: ArtifactStore.Entry
        do throws(FileSystem.Failure) {
            stored = try store.add(redactor.redact(bytes))
        } catch {
            throw Self.failure(name, "\(error)", retryable: error.isPassing)
        }
        try note(stored, name, type, label)
    }

    /// What was kept so far, in order.
    var kept: [ArtifactReference] { references.all }

    private func note(_ entry: ArtifactStore.Entry, _ name: String, _ type: String, _ label: String?) throws {
        let reference = ArtifactReference(
            name: redactor.redact(name), type: redactor.redact(type), sizeBytes: entry.size, sha256: entry.sha256,
            label: label.map { redactor.redact($0) })
        guard references.add(reference, atMost: Self.maxCount) else { throw Self.tooMany(name) }
    }

    /// Before anything is stored.
    private func checkRoom(for name: String) throws {
        guard references.all.count < Self.maxCount else { throw Self.tooMany(name) }
    }

    private static func tooMany(_ name: String) -> ActionFailure {
        failure(name, "an attempt keeps at most \(maxCount) artifacts")
    }

    private static func holdsSecret(_ name: String) -> ActionFailure {
        failure(name, "it holds a secret, which can be taken out of text only; keep it out of the file")
    }

    /// Whether secrets can be taken out of a file of this media type without breaking it.
    static func isText(_ type: String) -> Bool {
        let kind = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        let texts = ["json", "xml", "javascript", "x-ndjson", "yaml", "x-yaml", "toml", "sql", "x-sh", "graphql"]
        return kind.hasPrefix("text/") || kind.hasSuffix("+json") || kind.hasSuffix("+xml") || kind.hasSuffix("+yaml")
            || texts.contains { kind == "application/" + $0 }
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

        /// Whether there was room for it.
        func add(_ reference: ArtifactReference, atMost limit: Int) -> Bool {
            references.withLock { references in
                guard references.count < limit else { return false }
                references.append(reference)
                return true
            }
        }
    }
}
