import Foundation
import Glibc

/// A private PostgreSQL: its cluster, what to start, its URL.
///
/// PostgreSQL refuses to run as root. Then it runs as `postgres` by setpriv(1), and its files lie where that user may
/// go, in /var/lib/baton, for the data directory itself may be in a folder that only root may enter.
struct PostgresServer: Sendable {
    /// Holds `data` (the cluster) and `instance` (whose it is).
    var home: String
    var programs: String
    var socketDirectory: String
    var port: Int
    var password: String
    var settings: [String: String]
    /// The account to run as, if it isn't our own.
    var account: Account?

    struct Account: Sendable, Hashable {
        var name: String
        var uid: uid_t
        var gid: gid_t
    }

    static let user = "baton"
    static let database = "baton"

    var data: String { home + "/data" }
    var url: String { "postgres://\(Self.user):\(password)@127.0.0.1:\(port)/\(Self.database)" }
    /// The URL for a process of the stack: by the unix socket, which costs less than TCP.
    var socketURL: String {
        "postgres://\(Self.user):\(password)@/\(Self.database)?host=\(urlEncoded(socketDirectory))&port=\(port)"
    }

    /// The account `postgres` if we are root, nil if we are anyone else.
    static func accountToUse() throws(StackError) -> Account? {
        guard geteuid() == 0 else { return nil }
        guard let entry = getpwnam("postgres") else {
            throw StackError(
                .missingProgram, "PostgreSQL does not run as root and there is no user named postgres",
                hint: "apt-get install postgresql")
        }
        return Account(name: "postgres", uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
    }

    /// Where the files go: as root /var/lib/baton/<12 hex digits of the SHA-256 of the data directory's path>,
    /// otherwise in the data directory.
    static func home(dataDirectory: String, account: Account?) async throws(StackError) -> String {
        guard account != nil else { return dataDirectory + "/postgres" }
        let outcome = try await ShortCommand(
            "/bin/sh", ["-c", "printf %s \"$1\" | sha256sum", "sh", dataDirectory]
        ).runChecked()
        return "/var/lib/baton/" + outcome.output.prefix(12)
    }

    /// Creates the cluster unless it is there.
    ///
    /// - Returns: a note for the person if the files of a data directory that is gone had to be moved out of the way.
    func createCluster(instance: String, environment: [String: String]) async throws(StackError) -> String? {
        let note = try makeHome(instance: instance)
        guard fileBytes(data + "/PG_VERSION") == nil else { return note }
        // Built beside its place and renamed when complete: what an interrupted initdb left is never taken for a
        // cluster.
        let building = home + "/building"
        try? FileManager.default.removeItem(atPath: building)
        let passwordFile = home + "/password"
        try writeAtomically(Array((password + "\n").utf8), to: passwordFile)
        defer { unlink(passwordFile) }
        try own(passwordFile)
        let arguments = [
            "--pgdata", building, "--username", Self.user, "--pwfile", passwordFile, "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C",
        ]
        let (program, all) = asAccount("\(programs)/initdb", arguments)
        try await ShortCommand(program, all, environment: environment, in: home, timeout: .seconds(180)).runChecked()
        guard rename(building, data) == 0 else {
            throw StackError(.badFile, "cannot rename \(building): \(errorText(errno))")
        }
        return note
    }

    /// What to start.
    func specification(logFile: String, environment: [String: String]) -> ProcessSpecification {
        var values = [
            "port": "\(port)", "listen_addresses": "127.0.0.1", "unix_socket_directories": socketDirectory,
            "logging_collector": "off", "timezone": "UTC", "log_timezone": "UTC", "jit": "off",
            "max_wal_size": "2GB", "log_checkpoints": "off",
        ]
        values.merge(settings) { $1 }
        let options = values.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let (program, arguments) = asAccount("\(programs)/postgres", ["-D", data] + options)
        return ProcessSpecification(
            name: "postgres",
            command: DaemonCommand(
                executable: program, arguments: arguments, environment: environment,
                workingDirectory: home, logFile: logFile),
            readiness: .command(
                query("SELECT 1", database: "postgres", timeout: .seconds(5)), every: .milliseconds(100)),
            readyWithin: .seconds(120),
            stopSignal: SIGINT,  // "fast shutdown": ends sessions, writes a checkpoint
            stopWithin: .seconds(20),
            port: port
        )
    }

    /// Creates the database unless it is there.
    func createDatabase() async throws(StackError) {
        let exists = "SELECT count(*) FROM pg_database WHERE datname = '\(Self.database)'"
        let found = try await query(exists, database: "postgres").runChecked()
        guard found.output.trimmingCharacters(in: .whitespacesAndNewlines) == "0" else { return }
        try await query("CREATE DATABASE \(Self.database)", database: "postgres").runChecked()
    }

    /// A query by psql over the socket.
    func query(_ sql: String, database: String, timeout: Duration = .seconds(60)) -> ShortCommand {
        ShortCommand(
            "\(programs)/psql",
            ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", sql],
            environment: [
                "PGHOST": socketDirectory, "PGPORT": "\(port)", "PGUSER": Self.user, "PGPASSWORD": password,
                "PGDATABASE": database, "PGCONNECT_TIMEOUT": "5", "LC_ALL": "C", "PATH": "/usr/bin:/bin",
            ],
            in: "/",
            timeout: timeout
        )
    }

    /// The home of the cluster, with the instance mark in it. A home with another mark belonged to a data directory of
    /// the same path that was deleted since: its record without its files is worth little, but it isn't ours to delete.
    private func makeHome(instance: String) throws(StackError) -> String? {
        var note: String?
        let mark = home + "/instance"
        if let bytes = fileBytes(mark), String(decoding: bytes, as: UTF8.self) != instance {
            let aside = home + ".old"
            try? FileManager.default.removeItem(atPath: aside)
            guard rename(home, aside) == 0 else {
                throw StackError(.badFile, "cannot move \(home) out of the way: \(errorText(errno))")
            }
            note = "PostgreSQL's files of an earlier stack at this path were moved to \(aside)"
        }
        try makeDirectory(absolutePath(home + "/.."), mode: account == nil ? 0o700 : 0o755)
        try makeDirectory(home)
        try own(home)
        try writeAtomically(Array(instance.utf8), to: mark)
        return note
    }

    private func own(_ path: String) throws(StackError) {
        guard let account else { return }
        guard chown(path, account.uid, account.gid) == 0 else {
            throw StackError(.badFile, "cannot give \(path) to \(account.name): \(errorText(errno))")
        }
    }

    private func asAccount(_ program: String, _ arguments: [String]) -> (String, [String]) {
        guard let account else { return (program, arguments) }
        let setpriv = Programs.find("setpriv") ?? "/usr/bin/setpriv"
        let identity = ["--reuid", "\(account.uid)", "--regid", "\(account.gid)", "--init-groups", "--"]
        return (setpriv, identity + [program] + arguments)
    }
}
