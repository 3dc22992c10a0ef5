import Foundation

/// A condition that tells whether a process can be used.
public struct ReadinessProbe: Sendable {
    /// Answers nil when the process is ready, otherwise what is missing, in a few words.
    public var check: @Sendable (_ process: ProcessIdentity) async -> String?
    /// The pause between two checks; it grows from a tenth of this.
    public var interval: Duration

    /// Makes a probe of a closure.
    public init(
        every interval: Duration = .milliseconds(100), _ check: @escaping @Sendable (ProcessIdentity) async -> String?
    ) {
        self.check = check
        self.interval = interval
    }

    /// Ready as soon as it runs.
    public static let running = ReadinessProbe { $0.isAlive ? nil : "not running" }

    /// Ready when Redis answers PING with PONG. While it loads its data it answers with an error.
    public static func redis(socket: String, password: String) -> ReadinessProbe {
        ReadinessProbe { _ in
            let question = "AUTH \(password)\r\nPING\r\n"
            let answer = await SocketProbe.ask(.unix(socket), Array(question.utf8), timeout: .seconds(1)) { bytes in
                bytes.count { $0 == UInt8(ascii: "\n") } >= 2
            }
            guard let answer else { return "no answer on \(socket)" }
            let lines = String(decoding: answer, as: UTF8.self).split(separator: "\r\n")
            return lines.last == "+PONG" ? nil : "answers \(lines.last ?? "nothing")"
        }
    }

    /// Ready when `GET path` answers with a status of 200…299.
    public static func http(host: String, port: Int, path: String) -> ReadinessProbe {
        ReadinessProbe { _ in
            switch await HTTPStatus.get(host: host, port: port, path: path) {
            case .some(200..<300): nil
            case .some(let status): "\(path) answers \(status)"
            case nil: "no answer on port \(port)"
            }
        }
    }

    /// Ready when an agent was heard: at each heartbeat that is answered it touches `<type>-<pid>.health`.
    ///
    /// (`<agent> health` asks the same, but for any agent of the type on this machine.)
    static func healthFile(directory: String, agentType: String) -> ReadinessProbe {
        ReadinessProbe { process in
            guard let age = AgentHealth.age(directory: directory, agentType: agentType, pid: process.pid) else {
                return "no heartbeat was answered yet"
            }
            return age < AgentHealth.maxAge ? nil : "the last answered heartbeat is older than \(AgentHealth.maxAge)"
        }
    }

    /// Ready when a command exits with 0; the last line that it printed says what is missing.
    public static func command(_ command: ShortCommand, every interval: Duration) -> ReadinessProbe {
        ReadinessProbe(every: interval) { _ in
            guard let outcome = try? await command.run() else { return "\(command.executable) cannot be run" }
            if outcome.succeeded { return nil }
            let lines = (outcome.output + "\n" + outcome.errors).split(separator: "\n")
            return lines.last.map(String.init) ?? "exit status \(outcome.status)"
        }
    }
}

/// The smallest HTTP client that a health check needs.
public enum HTTPStatus {
    /// The status of `GET path`, over HTTP/1.1 to an IPv4 address; nil without an answer within `timeout`.
    public static func get(host: String, port: Int, path: String, timeout: Duration = .seconds(2)) async -> Int? {
        let question = "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\nUser-Agent: baton\r\n\r\n"
        let answer = await SocketProbe.ask(.tcp(host, port: port), Array(question.utf8), timeout: timeout) { bytes in
            bytes.contains(UInt8(ascii: "\n"))
        }
        guard let line = answer?.prefix(while: { $0 != UInt8(ascii: "\r") }) else { return nil }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1.") else { return nil }
        return Int(words[1])
    }
}

/// What an agent's health file tells.
public enum AgentHealth {
    /// An agent that wasn't heard for so long is not healthy.
    public static let maxAge = Duration.seconds(15)

    /// How long ago a heartbeat of this agent was answered; nil if none was yet.
    ///
    /// - Parameter directory: `run` in the data directory.
    public static func age(directory: String, agentType: String, pid: Int32) -> Duration? {
        let path = "\(directory)/\(agentType)-\(pid).health"
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let touched = attributes?[.modificationDate] as? Date else { return nil }
        return .seconds(max(-touched.timeIntervalSinceNow, 0))
    }
}
