import Foundation
import Glibc

/// What `stack.json` (mode 0600) in the data directory tells every command about the stack: where things are, which
/// processes there are, the passwords of the private servers.
public struct StackRecord: Codable, Sendable, Hashable {
    /// What the stack as a whole is doing.
    public enum State: String, Codable, Sendable {
        case starting, ready, stopping, stopped, failed
    }

    /// What one process is doing.
    public enum ProcessState: String, Codable, Sendable {
        case starting, ready, restarting, stopped
    }

    /// One process of the stack.
    public struct Entry: Codable, Sendable, Hashable {
        /// Its name, unique in the stack: `redis`, `postgres`, `orchestrator`, `scaffold-agent`, `scaffold-agent-2`, ….
        public var name: String
        /// What it was doing when the record was written.
        public var state: ProcessState
        /// Its process id; nil if it doesn't run.
        public var pid: Int32?
        /// Its start time, see `ProcessIdentity`.
        public var startTime: UInt64?
        /// The port it listens on.
        public var port: Int?
        /// How often it was started again after a death.
        public var restarts: Int
        /// How it ended the last time it died.
        public var lastExit: String?
        /// Where its output goes.
        public var log: String

        enum CodingKeys: String, CodingKey {
            case name, state, pid, port, restarts, log
            case startTime = "start_time"
            case lastExit = "last_exit"
        }

        /// The process, if it was running.
        public var identity: ProcessIdentity? {
            guard let pid, let startTime else { return nil }
            return ProcessIdentity(pid: pid, startTime: startTime)
        }
    }

    /// Version of this format.
    public var version = 1
    /// What the stack is doing.
    public var state: State
    /// Why it failed, if it did.
    public var message: String?
    /// The last log lines of what failed.
    public var logTail: [String]?
    /// What to try next, if it failed.
    public var hint: String?
    /// The process that watches over the others.
    public var supervisor: ProcessIdentity
    /// The boot during which this was written.
    public var bootID: String
    /// When the stack was started, RFC 3339.
    public var startedAt: String
    /// The data directory.
    public var dataDirectory: String
    /// See `StackConfiguration`.
    public var namespace: String?
    /// See `StackConfiguration`.
    public var shareDirectory: String?
    /// See `StackConfiguration`.
    public var binDirectory: String
    /// Where the API is.
    public var url: String?
    /// PostgreSQL, with its password.
    public var databaseURL: String?
    /// Redis, with its password.
    public var redisURL: String?
    /// The directory with the sockets of the private servers.
    public var socketDirectory: String?
    /// Where the private PostgreSQL keeps its data.
    public var postgresData: String?
    /// The Python of the agents.
    public var python: String?
    /// The processes, in the order in which they are started.
    public var processes: [Entry]

    enum CodingKeys: String, CodingKey {
        case version, state, message, hint, supervisor, namespace, url, python, processes
        case logTail = "log_tail"
        case bootID = "boot_id"
        case startedAt = "started_at"
        case dataDirectory = "data_dir"
        case shareDirectory = "share_dir"
        case binDirectory = "bin_dir"
        case databaseURL = "database_url"
        case redisURL = "redis_url"
        case socketDirectory = "socket_dir"
        case postgresData = "postgres_data"
    }

    /// The path of the record in a data directory.
    public static func path(in dataDirectory: String) -> String { dataDirectory + "/stack.json" }

    /// Reads the record of a data directory; nil if there is none that can be understood.
    public static func load(from dataDirectory: String) -> StackRecord? {
        guard let bytes = fileBytes(path(in: dataDirectory)) else { return nil }
        return try? JSONDecoder().decode(StackRecord.self, from: Data(bytes))
    }

    /// Writes the record, with mode 0600, in one step.
    func save() throws(StackError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { throw StackError(.badFile, "stack.json cannot be encoded") }
        try writeAtomically(Array(data) + [UInt8(ascii: "\n")], to: StackRecord.path(in: dataDirectory))
    }

    /// Whether the supervisor that wrote this still runs.
    public var isSupervised: Bool { bootID == ProcessIdentity.bootID && supervisor.isAlive }

    /// The recorded processes that still run, whoever watches them.
    public var survivors: [Entry] {
        guard bootID == ProcessIdentity.bootID else { return [] }
        return processes.filter { $0.identity?.isAlive == true }
    }

    /// The time now, for `startedAt`.
    static func timestamp(_ date: Date = Date()) -> String { date.formatted(.iso8601) }
}

/// The random passwords of the private servers, kept as long as their data (`secrets.json`, mode 0600).
struct StackSecrets: Codable, Sendable, Hashable {
    /// Tells whether PostgreSQL's files, which may lie elsewhere, belong to this data directory.
    var instance: String
    var redisPassword: String
    var postgresPassword: String

    /// The secrets of a data directory; nil if there are none, or they can't be read.
    static func load(from dataDirectory: String) -> StackSecrets? {
        fileBytes(dataDirectory + "/secrets.json").flatMap {
            try? JSONDecoder().decode(StackSecrets.self, from: Data($0))
        }
    }

    /// Whether a URL is one of the private servers', at whatever port: nobody else knows the passwords.
    func owns(_ url: String) -> Bool {
        guard let password = URLComponents(string: url)?.password else { return false }
        return password == redisPassword || password == postgresPassword
    }

    /// Reads the secrets of a data directory, or makes some.
    static func loadOrCreate(in dataDirectory: String) throws(StackError) -> StackSecrets {
        let path = dataDirectory + "/secrets.json"
        if let bytes = fileBytes(path) {
            guard let secrets = try? JSONDecoder().decode(StackSecrets.self, from: Data(bytes)) else {
                throw StackError(
                    .badFile, "\(path) is not what Baton wrote",
                    hint: "restore it, or move the whole directory \(dataDirectory) away and start anew")
            }
            return secrets
        }
        let secrets = StackSecrets(
            instance: randomSecret(), redisPassword: randomSecret(), postgresPassword: randomSecret())
        guard let data = try? JSONEncoder().encode(secrets) else {
            throw StackError(.badFile, "secrets.json cannot be encoded")
        }
        try writeAtomically(Array(data), to: path)
        return secrets
    }
}

/// The right to run the stack of a data directory, held by one process at a time (flock(2) on `stack.lock`).
final class StackLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: `.alreadyRunning` if another process holds it.
    init(dataDirectory: String) throws(StackError) {
        let path = dataDirectory + "/stack.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StackError(.badFile, "cannot open \(path): \(errorText(errno))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            let pid = StackRecord.load(from: dataDirectory).map { " (process \($0.supervisor.pid))" } ?? ""
            throw StackError(
                .alreadyRunning, "a stack already runs in \(dataDirectory)\(pid)",
                hint: "`baton status` shows it, `baton down` stops it")
        }
    }

    deinit { close(descriptor) }

    /// Whether some process holds the lock of this data directory now.
    static func isHeld(dataDirectory: String) -> Bool {
        let descriptor = open(dataDirectory + "/stack.lock", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }
}
