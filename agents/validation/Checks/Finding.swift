import JSONTools

/// Something that a check found, with its place.
struct Finding: Sendable, Hashable {
    enum Severity: String, Sendable, Hashable {
        case error, warning
    }

    /// Relative to the project; nil when it belongs to no file.
    var file: String?
    /// From 1; nil when it is not known.
    var line: Int?
    var message: String
    /// What was broken, such as `SyntaxError` or `secret/aws-access-key`.
    var rule: String
    var severity: Severity

    /// A message is cut at so many characters, and at four times as many bytes.
    static let maxMessageLength = 500

    init(file: String? = nil, line: Int? = nil, message: String, rule: String, severity: Severity = .error) {
        // Reports that are read say whatever they like, at any length.
        self.file = file?.cut(toBytes: 1000)
        self.line = line
        let text = message.cut(toBytes: 4 * Self.maxMessageLength)
        self.message = text.count > Self.maxMessageLength ? text.prefix(Self.maxMessageLength) + "…" : text
        self.rule = rule.cut(toBytes: 200)
        self.severity = severity
    }

    /// `tests/a.test.js:12`; nil when it belongs to no file.
    var place: String? {
        file.map { file in line.map { "\(file):\($0)" } ?? file }
    }

    /// Message and place, for people.
    var sentence: String { place.map { "\($0): \(message)" } ?? message }

    var json: JSONValue {
        [
            "file": file.map { .string($0) } ?? nil, "line": line.map { .integer(Int64($0)) } ?? nil,
            "message": .string(message), "rule": .string(rule), "severity": .string(severity.rawValue),
        ]
    }
}
