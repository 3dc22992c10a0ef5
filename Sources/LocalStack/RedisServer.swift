import Foundation
import Glibc

/// A private Redis: its configuration file, what to start, its URL.
struct RedisServer: Sendable {
    var directory: String
    var socket: String
    var port: Int
    var password: String
    var settings: [String: String]

    /// Names the user `default`, for redis-cli 7.0 takes a URL without one for an empty name.
    var url: String { "redis://default:\(password)@127.0.0.1:\(port)/0" }

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
            "port \(port)", "bind 127.0.0.1", "protected-mode yes", "requirepass \(password)",
            "unixsocket \"\(socket)\"", "unixsocketperm 700", "dir \"\(directory)\"", "daemonize no",
            "appendonly yes", "appendfsync everysec", "save \"\"", "maxmemory-policy noeviction",
            "set-proc-title no", "tcp-keepalive 60",
        ]
        lines += settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
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
