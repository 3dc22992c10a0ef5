import JSONTools
import WorkflowCore

/// The body of `POST /workflows`, checked.
struct WorkflowRequest: Sendable {
    /// The fields that there are.
    static let fields = [
        "type", "name", "description", "requirements", "priority", "input_data", "idempotency_key", "trace_id",
    ]
    /// Most bytes of requirements and input_data together, as an envelope may carry them.
    static let maxPayloadBytes = 64 * 1024
    /// Most characters of a description.
    static let maxDescriptionCharacters = 4000
    /// Most characters of an idempotency key.
    static let maxKeyCharacters = 200

    var type: String
    var name: String
    var description: String
    var requirements: String
    var priority: WorkflowPriority
    /// With the defaults of the definition's schema.
    var input: JSONValue
    var traceID: String?
    var idempotencyKey: String?
    /// SHA-256 of what was asked for, without the key: tells a repeated request from another one.
    var bodyHash: String

    /// Checks a body; all faults are found at once.
    ///
    /// - Parameters:
    ///   - body: the document.
    ///   - headerKey: the `Idempotency-Key` header.
    ///   - types: the workflow types that there are.
    /// - Throws: 422 naming each fault.
    init(
        _ body: JSONObject, headerKey: String?, types: [String: InputRule]
    ) throws(Problem) {
        var reader = FieldReader(body, allowed: Self.fields)
        let type = reader.text("type", isRequired: true)
        let rule = type.flatMap { types[$0] }
        if let type, rule == nil {
            let names = types.keys.sorted()
            let meant = closestMatch(type, in: names).map { "; did you mean '\($0)'?" } ?? ""
            let known = names.isEmpty ? "there are no definitions" : "expected one of \(names.joined(separator: ", "))"
            reader.fault("/type", "found the unknown workflow type '\(type)'; \(known)\(meant)")
        }
        let name = reader.text("name", isRequired: true)
        if let name, let fault = Self.fault(ofName: name) { reader.fault("/name", fault) }
        let description = reader.text("description") ?? ""
        if description.unicodeScalars.count > Self.maxDescriptionCharacters {
            reader.fault(
                "/description",
                "found \(description.unicodeScalars.count) characters; expected at most \(Self.maxDescriptionCharacters)"
            )
        }
        let requirements = reader.text("requirements") ?? ""
        let priority =
            reader.word("priority", of: WorkflowPriority.allCases.map(\.rawValue))
            .flatMap(WorkflowPriority.init) ?? .medium
        let input = reader.input(under: rule)
        let size = requirements.utf8.count + input.encoded().count
        if size > Self.maxPayloadBytes {
            let larger = requirements.utf8.count > size / 2 ? "/requirements" : "/input_data"
            reader.fault(
                larger,
                "requirements and input_data are together \(size) bytes; expected at most \(Self.maxPayloadBytes)")
        }
        let traceID = reader.text("trace_id")
        if let traceID, !Self.isTraceID(traceID) {
            reader.fault(
                "/trace_id", "found '\(Self.shortened(traceID))'; expected 32 lower-case hex digits, not all 0")
        }
        let key = reader.key(header: headerKey)
        guard reader.faults.isEmpty, let type, let name else { throw .invalid(reader.faults) }
        self.type = type
        self.name = name
        self.description = description
        self.requirements = requirements
        self.priority = priority
        self.input = input
        self.traceID = traceID
        idempotencyKey = key
        var hashed = body
        hashed["idempotency_key"] = nil
        bodyHash = SHA256Digest.hex(of: JSONValue.object(hashed).canonicalBytes())
    }

    /// What is wrong with a name; nil if nothing is.
    static func fault(ofName name: String) -> String? {
        let rule =
            "expected 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit at both ends, "
            + "such as calculator-app"
        func isWordCharacter(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        let bytes = Array(name.utf8)
        guard let first = bytes.first, let last = bytes.last else { return "found an empty name; \(rule)" }
        guard bytes.count <= 64 else { return "found \(name.count) characters; \(rule)" }
        let isGood =
            isWordCharacter(first) && isWordCharacter(last)
            && bytes.allSatisfy { isWordCharacter($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
            && !name.contains("..")
        return isGood ? nil : "found '\(shortened(name))'; \(rule)"
    }

    private static func isTraceID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.contains { $0 != 0x30 }
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// A text from outside, short enough for a message.
    static func shortened(_ text: String) -> String {
        text.count <= 80 ? text : text.prefix(80) + "…"
    }
}
