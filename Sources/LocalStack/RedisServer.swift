import Foundation
import Glibc

/// A private Redis: its configuration file, what to start, its URL.
struct RedisServer: Sendable {
    var directory: String
    var socket: String
    var port: Int
    var password: String
    var settings: [String: String]
    /// Who may do what.
    var access: RedisAccess
    /// The rules of its users, and the types of agents that have one of their own.
    var rules: [String]
    var agentTypes: [String]

    /// Names the user `default`, for redis-cli 7.0 takes a URL without one for an empty name.
    var url: String { "redis://default:\(password)@127.0.0.1:\(port)/0" }

    /// The URL for a process of the stack, with the user that may do what it has to.
    ///
    /// - Parameter overSocket: whether it goes by the unix socket, which costs less than TCP, rather than by the port.
    func url(for component: String, overSocket: Bool) -> String {
        let login = login(of: component)
        return overSocket ? "unix://\(login)@\(urlEncoded(socket))" : "redis://\(login)@127.0.0.1:\(port)/0"
    }

    private func login(of component: String) -> String {
        guard let user = RedisAccess.user(of: component) else { return "default:\(password)" }
        let type = user.hasPrefix("agent-") ? String(user.dropFirst("agent-".count)) : nil
        guard type.map({ agentTypes.contains($0) }) ?? true else { return "default:\(password)" }
        return "\(user):\(access.password(of: user))"
    }

    /// Writes the configuration and tells what to start.
    ///
    /// Durable to one second (append-only file, fsync each second): Redis is the road, not the record, and what it
    /// loses is sent again. `noeviction` because a stream that loses entries silently would be worse than an error.
    func prepare(
        program: String, logFile: String, environment: [String: String]
    ) throws(StackError)
        -> ProcessSpecification
    {
        try makeDirectory(directory)
        var lines = [
            "port \(port)", "bind 127.0.0.1", "protected-mode yes", "aclfile \"\(directory)/users.acl\"",
            "unixsocket \"\(socket)\"", "unixsocketperm 700", "dir \"\(directory)\"", "daemonize no",
            "appendonly yes", "appendfsync everysec", "save \"\"", "maxmemory-policy noeviction",
            "set-proc-title no", "tcp-keepalive 60",
        ]
        lines += settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let users = access.lines(rules: rules, agentTypes: agentTypes)
        try writeAtomically(Array((users.joined(separator: "\n") + "\n").utf8), to: directory + "/users.acl")
        let path = directory + "/redis.conf"
        try writeAtomically(Array((lines.joined(separator: "\n") + "\n").utf8), to: path)
        return ProcessSpecification(
            name: "redis",
            command: DaemonCommand(
                executable: program, arguments: [path], environment: environment,
                workingDirectory: directory, logFile: logFile),
            readiness: .redis(socket: socket, password: password),
            readyWithin: .seconds(60),
            stopWithin: .seconds(10),
            port: port
        )
    }
}

/// A path as it stands in a URL: what could mean something there is escaped, slashes stay.
func urlEncoded(_ path: String) -> String {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~/")
    return path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
}
