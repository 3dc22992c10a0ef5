public import JSONTools

/// Why a value is not the canonical JSON of a definition.
public struct CanonicalDefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The place in the value.
    public let pointer: JSONPointer
    /// What was expected there.
    public let message: String

    /// Place and message.
    public var description: String { "at '\(pointer)': \(message)" }
}

/// Reads the members of one object of canonical JSON.
struct CanonicalReader {
    private let object: JSONObject
    private let pointer: JSONPointer

    init(_ value: JSONValue, at pointer: JSONPointer) throws(CanonicalDefinitionError) {
        guard case .object(let object) = value else {
            throw CanonicalDefinitionError(
                pointer: pointer, message: "found \(value.kindName); expected an object")
        }
        self.object = object
        self.pointer = pointer
    }

    func has(_ key: String) -> Bool { object[key] != nil }

    func failure(_ key: String, _ expected: String) -> CanonicalDefinitionError {
        let found = object[key]?.kindName ?? "nothing"
        return CanonicalDefinitionError(
            pointer: pointer.appending(key), message: "found \(found); expected \(expected)")
    }

    func string(_ key: String) throws(CanonicalDefinitionError) -> String {
        guard let value = object[key]?.stringValue else { throw failure(key, "a string") }
        return value
    }

    func bool(_ key: String) throws(CanonicalDefinitionError) -> Bool {
        guard let value = object[key]?.boolValue else { throw failure(key, "true or false") }
        return value
    }

    func integer(_ key: String) throws(CanonicalDefinitionError) -> Int {
        guard let value = object[key]?.intValue else { throw failure(key, "an integer") }
        return value
    }

    func number(_ key: String) throws(CanonicalDefinitionError) -> Double {
        guard let value = object[key]?.doubleValue else { throw failure(key, "a number") }
        return value
    }

    func array(_ key: String) throws(CanonicalDefinitionError) -> [JSONValue] {
        guard let value = object[key]?.arrayValue else { throw failure(key, "a list") }
        return value
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(CanonicalDefinitionError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try string(key)) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw failure(key, "one of \(known)")
        }
        return choice
    }

    func duration(_ key: String) throws(CanonicalDefinitionError) -> Swift.Duration {
        let text = try string(key)
        do {
            return try DurationNotation.parse(text)
        } catch {
            throw CanonicalDefinitionError(pointer: pointer.appending(key), message: error.description)
        }
    }

    func template(_ key: String) throws(CanonicalDefinitionError) -> CompiledTemplate {
        do {
            return try CompiledTemplate(object[key] ?? .null)
        } catch {
            throw CanonicalDefinitionError(pointer: pointer.appending(key), message: error.description)
        }
    }

    func condition(_ key: String) throws(CanonicalDefinitionError) -> CompiledExpression {
        let text = try string(key)
        do {
            return try CompiledExpression(template: text)
        } catch {
            throw CanonicalDefinitionError(pointer: pointer.appending(key), message: error.description)
        }
    }
}
