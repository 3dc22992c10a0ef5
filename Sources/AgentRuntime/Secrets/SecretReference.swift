import JSONTools

/// `{"secret": "NAME"}` in a task's input stands for the value of a secret that only the agent knows.
enum SecretReference {
    /// Whether a value holds a reference anywhere.
    static func isHeld(by value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .integer, .number, .string: false
        case .array(let elements): elements.contains(where: isHeld)
        case .object(let object): value.secretName != nil || object.contains { isHeld(by: $0.value) }
        }
    }

    /// A value with its references replaced by what they stand for.
    static func resolved(_ value: JSONValue, from store: SecretStore) throws(ActionFailure) -> JSONValue {
        if let name = value.secretName { return .string(try store.value(of: name)) }
        switch value {
        case .null, .bool, .integer, .number, .string:
            return value
        case .array(let elements):
            var result: [JSONValue] = []
            for element in elements { result.append(try resolved(element, from: store)) }
            return .array(result)
        case .object(let object):
            var result = JSONObject()
            for (key, member) in object { result[key] = try resolved(member, from: store) }
            return .object(result)
        }
    }

    /// Whether a text can be the name of a secret: a letter, then letters, digits, `_`, `-` and `.`, at most 64.
    static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy {
            isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E
        }
    }
}
