import AgentRuntime
import JSONTools
import ProjectTools

/// The variables that a deployment gives to its app; values may be secrets.
///
/// They are on no command line and in no log: tools get them by files that only the agent's user can read, or on their
/// standard input. Those of the last healthy release are kept with the deployment, so that the next one has them too.
struct AppEnvironment: Sendable, Hashable {
    static let maxBytes = 256 << 10

    static let schema: JSONValue = [
        "type": ["object", "null"], "additionalProperties": ["type": "string"],
        "description":
            "Variables of the app; a value may be {\"secret\": \"NAME\"}. As they were before if absent; {} for none.",
    ]

    /// By name, in order.
    var values: [(name: String, value: String)]

    static func == (left: AppEnvironment, right: AppEnvironment) -> Bool { left.json == right.json }
    func hash(into hasher: inout Hasher) { hasher.combine(json) }

    /// - Throws: ``ActionFailure`` `INVALID_ENVIRONMENT` naming the variable, never its value.
    init(_ object: JSONObject) throws {
        var total = 0
        values = []
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            func refuse(_ why: String) -> ActionFailure {
                ActionFailure(
                    code: "INVALID_ENVIRONMENT", message: "The variable \(name.debugDescription.prefix(80)) \(why).")
            }
            guard Self.isName(name) else {
                throw refuse("is no name: use letters, digits and _, beginning with no digit")
            }
            guard name != "PORT", !name.hasPrefix("BATON_") else { throw refuse("is set by Baton itself") }
            guard let text = value.stringValue else { throw refuse("has a value that is no text") }
            guard !text.utf8.contains(0) else { throw refuse("has a value with a NUL") }
            total += name.utf8.count + text.utf8.count
            guard total <= Self.maxBytes else { throw refuse("makes all of them longer than \(Self.maxBytes) bytes") }
            values.append((name, text))
        }
    }

    /// What the input gives, else what the deployment has.
    static func choose(_ input: JSONValue, kept file: String) throws -> AppEnvironment {
        if let given = input["environment"]?.objectValue { return try AppEnvironment(given) }
        guard let bytes = SmallFile.read(file, maxBytes: 1 << 20),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 1 << 20))
        else { return try AppEnvironment([:]) }
        return try AppEnvironment(json.objectValue ?? [:])
    }

    /// Keeps the variables with the deployment, for its user's eyes only.
    func keep(in file: String) throws(FileError) {
        try SmallFile.replace(file, with: JSONValue.object(json).encoded(), permissions: 0o600)
    }

    var json: JSONObject { JSONObject(values.map { (key: $0.name, value: .string($0.value)) }) }

    /// Text of a file for `docker run --env-file`: a line a variable, each value as it is.
    ///
    /// - Throws: ``ActionFailure`` `INVALID_ENVIRONMENT` for a value of several lines, which such a file can't hold.
    func dockerFile() throws -> [UInt8] {
        var text = ""
        for (name, value) in values {
            guard !value.contains(where: \.isNewline) else {
                throw ActionFailure(
                    code: "INVALID_ENVIRONMENT",
                    message: "The value of \(name) has several lines, which Docker's env files can't hold; encode it.")
            }
            text += "\(name)=\(value)\n"
        }
        return Array(text.utf8)
    }

    private static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
        }
        guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 200 else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
    }
}
