import Glibc
import JSONTools
import Logging

/// What an agent is told by its environment.
struct AgentConfiguration: Sendable {
    /// Settings that can't be used, all at once.
    struct Faults: Error, Sendable, CustomStringConvertible {
        let messages: [String]

        var description: String { messages.joined(separator: "\n") }
    }

    enum LogFormat: String, Sendable, CaseIterable {
        case text, json
    }

    var redisURL = "redis://127.0.0.1:6379"
    /// Where it isn't part of the URL.
    var redisPassword: String?
    /// Put before every name on Redis with a colon; empty for none.
    var namespace = ""
    /// Absolute.
    var dataDirectory = FileSystem.absolute(".baton")
    /// Absolute.
    var shareDirectory: String
    /// How many tasks run at once, 1...256.
    var slots = 4
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.text
    /// Absolute: where secrets stand that tasks may name, a file each; nil for none.
    var secretsDirectory: String?
    /// The Python of Baton's own environment; nil for `python3` of `PATH`.
    var python: String?
    /// The whole environment, of which tools see the allow-list only.
    var environment: [String: String]

    /// Reads and checks the environment.
    ///
    /// - Parameters:
    ///   - given: Name to value; an empty value counts as not set.
    ///   - executable: Path of this program, beside which the shared files are looked for.
    init(environment given: [String: String], executable: String) throws(Faults) {
        let (environment, fileFaults) = SettingFiles.resolve(given)
        self.environment = environment
        var faults = fileFaults.map { $0 + "." }
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func refuse(_ name: String, expected: String) {
            faults.append("\(name) is \(value(name)?.debugDescription ?? "empty"), but has to be \(expected).")
        }

        if let url = value("BATON_REDIS_URL") {
            redisURL = url
            if url.hasPrefix("rediss://") {
                faults.append(
                    "BATON_REDIS_URL asks for TLS (rediss://), which Baton's Redis client has not; put a TLS tunnel such as "
                        + "stunnel between and name its redis:// address.")
            } else if !url.hasPrefix("redis://") && !url.hasPrefix("unix://") && !url.hasPrefix("redis+unix://") {
                // Not shown: a password may stand in it.
                faults.append(
                    "BATON_REDIS_URL has to be like redis://[user:password@]host:port[/database] or unix:///path.")
            }
        }
        redisPassword = value("BATON_REDIS_PASSWORD")
        if let name = value("BATON_NAMESPACE") {
            namespace = name
            let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2A && $0 != 0x3F && $0 != 0x5B }
            if !isPlain || name.utf8.count > 100 {
                refuse("BATON_NAMESPACE", expected: "at most 100 printable ASCII characters without spaces, *, ? and [")
            }
        }
        if let path = value("BATON_DATA_DIR") { dataDirectory = FileSystem.absolute(path) }
        shareDirectory = value("BATON_SHARE_DIR").map(FileSystem.absolute) ?? Self.findShareDirectory(executable)
        if let text = value("BATON_AGENT_SLOTS") {
            if let number = Int(text), (1...256).contains(number) {
                slots = number
            } else {
                refuse("BATON_AGENT_SLOTS", expected: "a whole number from 1 to 256")
            }
        }
        if let text = value("BATON_LOG_LEVEL") {
            if let level = Logger.Level(rawValue: text.lowercased()) {
                logLevel = level
            } else {
                refuse("BATON_LOG_LEVEL", expected: Self.oneOf(Logger.Level.allCases.map(\.rawValue), found: text))
            }
        }
        if let text = value("BATON_LOG_FORMAT") {
            if let format = LogFormat(rawValue: text.lowercased()) {
                logFormat = format
            } else {
                refuse("BATON_LOG_FORMAT", expected: Self.oneOf(LogFormat.allCases.map(\.rawValue), found: text))
            }
        }
        secretsDirectory = value("BATON_SECRETS_DIR").map(FileSystem.absolute)
        if let secretsDirectory, !FileSystem.isDirectory(secretsDirectory) {
            refuse("BATON_SECRETS_DIR", expected: "the path of a directory that can be read")
        }
        python = value("BATON_PYTHON")
        if let python, python.contains("/"), !FileSystem.isExecutable(python) {
            refuse("BATON_PYTHON", expected: "the path of a Python that can be executed; unset it for python3 of PATH")
        }
        guard faults.isEmpty else { throw Faults(messages: faults) }
    }

    /// Where health files are.
    var runDirectory: String { dataDirectory + "/run" }

    /// Where agents keep the directories of their attempts.
    var workDirectory: String { dataDirectory + "/work" }

    /// What tools see of the environment.
    var toolEnvironment: ToolEnvironment {
        var tools = ToolEnvironment(from: environment)
        tools.variables["BATON_DATA_DIR"] = dataDirectory
        tools.variables["BATON_SHARE_DIR"] = shareDirectory
        return tools
    }

    /// `share` beside the executable, or in the checkout that it was built in.
    private static func findShareDirectory(_ executable: String) -> String {
        let real = FileSystem.realPath(executable) ?? FileSystem.absolute(executable)
        var directory = FileSystem.parentDirectory(of: real)
        let nearest = directory + "/share"
        // Beside it, in the prefix of an installation (share/baton), then up to the checkout (.build/<triple>/<mode>).
        for _ in 0..<6 {
            for candidate in [directory + "/share", directory + "/share/baton"]
            where FileSystem.isDirectory(candidate + "/definitions") || FileSystem.isDirectory(candidate + "/templates")
            {
                return candidate
            }
            let parent = FileSystem.parentDirectory(of: directory)
            if parent == directory { break }
            directory = parent
        }
        return nearest
    }

    private static func oneOf(_ words: [String], found: String) -> String {
        let list = "one of \(words.joined(separator: ", "))"
        return closestMatch(found, in: words).map { "\(list) (did you mean \($0)?)" } ?? list
    }
}
