import Glibc
import JSONTools
import RedisDriver
import Synchronization

/// The secrets of an agent: those that tasks may name, and its own. Their values never travel; nothing that leaves the
/// agent holds them.
///
/// A secret that tasks may name is a file of that name in `BATON_SECRETS_DIR`, read anew for each attempt, or else the
/// variable `BATON_SECRET_<NAME>`, with the name in capitals and `_` for `-` and `.`.
final class SecretStore: Sendable {
    /// More files are not looked at.
    static let maxFiles = 256
    /// A larger value is refused, in bytes.
    static let maxValueBytes = 16 << 10
    /// So many values that were read are remembered, so that an attempt that still has a former one can't tell it.
    static let maxKnown = 1024

    private let directory: String?
    private let variables: [String: String]
    private let known: Mutex<Known>

    /// What was ever read, and the redactor made of it.
    private struct Known {
        /// Those that were there from the start; never forgotten.
        var fixed: [Secret]
        var read: [Secret] = []
        var redactor: Redactor

        init(_ fixed: [Secret]) {
            self.fixed = fixed
            redactor = Redactor(fixed.map { (name: $0.name, value: $0.value) })
        }

        struct Secret: Hashable {
            var name: String
            var value: String
        }

        mutating func add(_ new: [Secret]) {
            let fresh = new.filter { !read.contains($0) && !fixed.contains($0) }
            guard !fresh.isEmpty else { return }
            read = (read + fresh).suffix(SecretStore.maxKnown)
            redactor = Redactor((fixed + read).map { (name: $0.name, value: $0.value) })
        }
    }

    /// - Parameters:
    ///   - directory: `BATON_SECRETS_DIR`; nil for none.
    ///   - environment: Of the agent, with `BATON_SECRET_…`.
    ///   - own: Names and values that tasks may not name, such as the password of Redis.
    init(directory: String?, environment: [String: String], own: [(name: String, value: String)]) {
        self.directory = directory
        let prefix = "BATON_SECRET_"
        variables = Dictionary(
            uniqueKeysWithValues: environment.filter { $0.key.hasPrefix(prefix) && !$0.value.isEmpty }
                .map { (String($0.key.dropFirst(prefix.utf8.count)), $0.value) })
        let fixed = own + variables.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        known = Mutex(Known(fixed.map { Known.Secret(name: $0.name, value: $0.value) }))
        refresh()
    }

    /// The secrets that an agent's settings name.
    convenience init(_ configuration: AgentConfiguration) {
        var own: [(name: String, value: String)] = []
        if let password = configuration.redisPassword
            ?? (try? RedisConfiguration(url: configuration.redisURL))?.password
        {
            own.append((name: "BATON_REDIS_PASSWORD", value: password))
        }
        // Not meant for agents, but whoever starts one may have it in the environment.
        if let token = configuration.environment["BATON_TOKEN"] { own.append((name: "BATON_TOKEN", value: token)) }
        self.init(directory: configuration.secretsDirectory, environment: configuration.environment, own: own)
    }

    /// Takes out all secrets of this agent, as last read.
    var redactor: Redactor { known.withLock { $0.redactor } }

    /// Reads the directory again. What was read before is remembered, so that attempts that still have it can't tell it.
    func refresh() {
        guard let directory else { return }
        let names = FileSystem.names(in: directory).filter(SecretReference.isName).sorted().prefix(Self.maxFiles)
        // What can't be read can't be told either; a task that names it learns why.
        let found = names.compactMap { name in
            (try? SettingFiles.read(directory + "/" + name)).map { Known.Secret(name: name, value: $0) }
        }
        known.withLock { $0.add(found) }
    }

    /// The value of a secret that a task names.
    ///
    /// - Throws: ``ActionFailure`` `SECRET_UNKNOWN`, or `SECRET_UNUSABLE` with the reason.
    func value(of name: String) throws(ActionFailure) -> String {
        guard SecretReference.isName(name) else {
            throw ActionFailure(
                code: "SECRET_UNKNOWN",
                message:
                    "\(name.debugDescription) can't be the name of a secret: a letter, then letters, digits, '_', '-' "
                    + "and '.', at most 64.")
        }
        let variable = String(name.uppercased().map { $0 == "-" || $0 == "." ? "_" : $0 })
        let value: String
        if let directory, FileSystem.exists(directory + "/" + name) {
            do {
                value = try SettingFiles.read(directory + "/" + name)
            } catch {
                throw unusable(name, "its file in BATON_SECRETS_DIR \(error.reason)")
            }
        } else if let found = variables[variable] {
            value = found
        } else {
            let place = directory.map { "no file \(name) in \($0)" } ?? "BATON_SECRETS_DIR is not set"
            throw ActionFailure(
                code: "SECRET_UNKNOWN",
                message: "This agent has no secret \(name): \(place), and BATON_SECRET_\(variable) is not set.")
        }
        let count = value.utf8.count
        guard count >= Redactor.minimumBytes else {
            throw unusable(
                name, "it has less than \(Redactor.minimumBytes) bytes, too few to be kept out of logs and results")
        }
        guard count <= Self.maxValueBytes else {
            throw unusable(name, "it has more than \(Self.maxValueBytes >> 10) KiB")
        }
        // It may have changed since the directory was read.
        known.withLock { $0.add([Known.Secret(name: name, value: value)]) }
        return value
    }

    private func unusable(_ name: String, _ reason: String) -> ActionFailure {
        ActionFailure(code: "SECRET_UNUSABLE", message: "The secret \(name) can't be used: \(reason).")
    }
}
