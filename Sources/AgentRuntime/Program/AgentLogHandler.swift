import Glibc
import JSONTools
import Logging

/// Writes an agent's own log to standard error, a line an event, as text or as JSON.
struct AgentLogHandler: LogHandler {
    let label: String
    let format: AgentConfiguration.LogFormat
    /// Shared by all loggers of the process.
    let level: LogLevelBox
    /// What no line may hold.
    let secrets: SecretStore
    var metadata: Logger.Metadata = [:]

    var logLevel: Logger.Level {
        get { level.level }
        set { level.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // One write, so that lines of several processes don't mix.
        try? FileSystem.writeAll(Array(line(of: event).utf8), to: STDERR_FILENO, path: "standard error")
    }

    /// The line of an event, with its newline and without secrets.
    func line(of event: LogEvent) -> String {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        let now = Timestamp.now().description
        let line: String
        switch format {
        case .text:
            let facts = all.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
            line = "\(now) \(event.level.rawValue) \(label): \(event.message)\(facts)\n"
        case .json:
            var object: JSONObject = [
                "at": .string(now), "level": .string(event.level.rawValue), "logger": .string(label),
                "message": .string(event.message.description),
            ]
            for (key, value) in all { object[key] = .string("\(value)") }
            line = String(decoding: JSONValue.object(object).encoded(), as: UTF8.self) + "\n"
        }
        return secrets.redactor.redact(line)
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 < 0x7F }
        return isPlain ? text : text.debugDescription
    }
}
