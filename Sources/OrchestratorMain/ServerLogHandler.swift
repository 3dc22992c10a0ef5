import Glibc
import JSONTools
import Logging

/// Log lines on standard error: for people, or one JSON object a line.
struct ServerLogHandler: LogHandler {
    let label: String
    let format: ServerConfiguration.LogFormat
    /// Takes out what no line may hold.
    let redactor: Redactor
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var line: [UInt8]
        switch format {
        case .text:
            let pairs = all.map { " \($0.key)=\($0.value)" }.joined()
            let flat = "\(event.message)\(pairs)".map { $0.isNewline ? " " : $0 }
            line = Array("\(Timestamp.now()) \(event.level) \(String(flat))".utf8)
        case .json:
            var object: JSONObject = [
                "at": .string("\(Timestamp.now())"), "level": .string(event.level.rawValue),
                "source": .string(label), "message": .string("\(event.message)"),
            ]
            for (key, value) in all { object[key] = .string("\(value)") }
            line = JSONValue.object(object).encoded()
        }
        line = redactor.redact(line)
        line.append(UInt8(ascii: "\n"))
        line.withUnsafeBytes { bytes in
            // One write a line, so that lines of several threads don't mix. What can't be written has no other place.
            _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}
