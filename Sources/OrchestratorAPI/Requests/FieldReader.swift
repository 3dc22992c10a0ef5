import JSONTools

/// Takes fields from a JSON object and collects all that is wrong with them.
struct FieldReader {
    /// The longest reason, in characters.
    static let maxReason = 1000

    private let object: JSONObject
    private(set) var faults: [Problem.Fault] = []

    /// Reads an object in which only some fields are allowed.
    init(_ object: JSONObject, allowed: [String]) {
        self.object = object
        for key in object.keys where !allowed.contains(key) {
            let meant = closestMatch(key, in: allowed).map { "; did you mean '\($0)'?" }
            fault(
                "\(JSONPointer.root.appending(WorkflowRequest.shortened(key)))",
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

    /// Why somebody wants something; empty if it is absent.
    mutating func reason() -> String {
        let reason = text("reason") ?? ""
        let length = reason.unicodeScalars.count
        if length > Self.maxReason {
            fault("/reason", "found \(length) characters; expected at most \(Self.maxReason)")
        }
        return reason
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

    /// A truth value; `fallback` if it is absent or null.
    mutating func flag(_ name: String, default fallback: Bool = false) -> Bool {
        guard let value = object[name], !value.isNull else { return fallback }
        guard let flag = value.boolValue else {
            fault("/\(name)", "found \(value.kindName); expected true or false")
            return fallback
        }
        return flag
    }

    /// A whole number that is not negative; nil if it is absent or null.
    mutating func count(_ name: String) -> Int64? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let number = value.intValue, number >= 0 else {
            fault("/\(name)", "found \(value.intValue.map(String.init) ?? value.kindName); expected a number from 0")
            return nil
        }
        return Int64(number)
    }

    /// A list with at least one element; empty if it is none, which is a fault.
    mutating func list(_ name: String, of what: String) -> [JSONValue] {
        let value = object[name] ?? .null
        guard let list = value.arrayValue, !list.isEmpty else {
            let found = value.isNull ? "is missing" : value.arrayValue != nil ? "is empty" : "found \(value.kindName)"
            fault("/\(name)", "\(found); expected a list of \(what)")
            return []
        }
        return list
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
        for violation in schema.validate(filled, acceptingSecrets: true) {
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
