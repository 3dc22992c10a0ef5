import JSONTools

/// Takes fields from a JSON object and collects all that is wrong with them.
struct FieldReader {
    private let object: JSONObject
    private(set) var faults: [Problem.Fault] = []

    /// Reads an object in which only some fields are allowed.
    init(_ object: JSONObject, allowed: [String]) {
        self.object = object
        for key in object.keys where !allowed.contains(key) {
            let meant = closestMatch(key, in: allowed).map { "; did you mean '\($0)'?" }
            fault(
                "\(JSONPointer.root.appending(key))",
                "found an unknown field" + (meant ?? "; expected \(allowed.joined(separator: ", "))"))
        }
    }

    /// Notes a fault.
    mutating func fault(_ pointer: String, _ message: String) {
        faults.append(Problem.Fault(pointer: pointer, message: message))
    }

    /// A text; nil if it is absent, null (unless required), or something else, which is a fault.
    mutating func text(_ name: String, isRequired: Bool = false) -> String? {
        guard let value = object[name], isRequired || !value.isNull else {
            if isRequired { fault("/\(name)", "is missing; expected a string") }
            return nil
        }
        guard let text = value.stringValue else {
            fault("/\(name)", "found \(value.kindName); expected a string")
            return nil
        }
        return text
    }

    /// One of some words.
    mutating func word(_ name: String, of words: [String]) -> String? {
        guard let text = text(name) else { return nil }
        if words.contains(text) { return text }
        let meant = closestMatch(text, in: words).map { "; did you mean '\($0)'?" } ?? ""
        fault(
            "/\(name)",
            "found '\(WorkflowRequest.shortened(text))'; expected one of \(words.joined(separator: ", "))\(meant)")
        return nil
    }

    /// The `input_data` with the defaults of the definition's schema, which it has to satisfy.
    mutating func input(under rule: InputRule?) -> JSONValue {
        var input = object["input_data"] ?? .null
        if input.isNull { input = .object([:]) }
        guard input.objectValue != nil else {
            fault("/input_data", "found \(input.kindName); expected an object")
            return .object([:])
        }
        guard let schema = rule?.schema else { return input }
        let filled = schema.applyingDefaults(to: input)
        for violation in schema.validate(filled) {
            fault("/input_data" + (violation.pointer.isRoot ? "" : "\(violation.pointer)"), violation.message)
        }
        return filled
    }

    /// The idempotency key from the body or the header.
    mutating func key(header: String?) -> String? {
        let inBody = text("idempotency_key")
        if let inBody, let header, inBody != header {
            fault("/idempotency_key", "differs from the Idempotency-Key header; expected one key")
        }
        guard let key = inBody ?? header else { return nil }
        let scalars = key.unicodeScalars
        guard (1...WorkflowRequest.maxKeyCharacters).contains(scalars.count),
            scalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            fault(
                "/idempotency_key",
                "found \(scalars.count) characters; expected 1 to \(WorkflowRequest.maxKeyCharacters), "
                    + "none of them a control character")
            return nil
        }
        return key
    }
}
