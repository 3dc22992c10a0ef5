import JSONTools

/// Reads the members of one object of a message, in any order but fastest in the order of the sender.
///
/// Every method throws a ``ProtocolError`` whose pointer is relative to this object; whoever reads the enclosing object
/// puts its own key in front. Absent and `null` are the same.
struct FieldReader {
    private let object: JSONObject
    private var hint = 0

    init(_ object: JSONObject) {
        self.object = object
    }

    init(_ value: JSONValue) throws(ProtocolError) {
        guard case .object(let object) = value else {
            throw ProtocolError(code: .wrongType, message: "found \(value.kindName), expected an object")
        }
        self.init(object)
    }

    static func parse(_ bytes: [UInt8]) throws(ProtocolError) -> FieldReader {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: ProtocolLimits.json)
        } catch {
            throw ProtocolError(error)
        }
        return try FieldReader(value)
    }

    /// The member, nil if absent or null.
    mutating func optional(_ key: String) -> JSONValue? {
        switch object.value(of: key, hint: &hint) {
        case nil, .null: nil
        case let value?: value
        }
    }

    /// The member, which must be there.
    mutating func required(_ key: String) throws(ProtocolError) -> JSONValue {
        guard let value = optional(key) else { throw missing(key) }
        return value
    }

    /// Checks that the message is of the major version that we read.
    mutating func version(_ key: String) throws(ProtocolError) {
        let version = try shortText(key)
        guard version != ProtocolVersion.current else { return }
        guard let major = ProtocolVersion.major(of: version) else {
            throw invalid(key, "found \"\(version.prefix(40))\", expected a version such as \(ProtocolVersion.current)")
        }
        guard major == ProtocolVersion.major else {
            throw ProtocolError(
                code: .unsupportedVersion,
                message: "the message has version \(version), only versions \(ProtocolVersion.major).x are understood; "
                    + "upgrade the older of the two programs",
                pointer: JSONPointer(tokens: [key]))
        }
    }

    func missing(_ key: String) -> ProtocolError {
        ProtocolError(
            code: .missingField, message: "the required field \"\(key)\" is missing or null; add it",
            pointer: JSONPointer(tokens: [key]))
    }

    func wrongType(_ key: String, _ value: JSONValue, _ expected: String) -> ProtocolError {
        ProtocolError(
            code: .wrongType, message: "found \(value.kindName), expected \(expected)",
            pointer: JSONPointer(tokens: [key]))
    }

    func invalid(_ key: String, _ message: String) -> ProtocolError {
        ProtocolError(code: .invalidValue, message: message, pointer: JSONPointer(tokens: [key]))
    }
}

extension FieldReader {
    /// An object taken as it is.
    mutating func object(_ key: String) throws(ProtocolError) -> JSONObject {
        let value = try required(key)
        guard case .object(let object) = value else { throw wrongType(key, value, "an object") }
        return object
    }

    /// As ``object(_:)``, nil if absent.
    mutating func optionalObject(_ key: String) throws(ProtocolError) -> JSONObject? {
        guard optional(key) != nil else { return nil }
        return try object(key)
    }

    /// A value of one of our types.
    mutating func nested<Value: WireObject>(
        _ key: String, _ type: Value.Type = Value.self
    ) throws(ProtocolError) -> Value {
        let value = try required(key)
        do {
            return try Value(wire: value)
        } catch {
            throw error.enclosed(in: key)
        }
    }

    /// As ``nested(_:_:)``, nil if absent.
    mutating func optionalNested<Value: WireObject>(
        _ key: String, _ type: Value.Type = Value.self
    ) throws(ProtocolError) -> Value? {
        guard optional(key) != nil else { return nil }
        return try nested(key)
    }

    /// A list of values of one of our types; empty if absent and not required.
    mutating func list<Value: WireObject>(
        _ key: String, of type: Value.Type = Value.self, required: Bool = false
    ) throws(ProtocolError) -> [Value] {
        if required { _ = try self.required(key) }
        var values: [Value] = []
        let elements = try elements(key)
        values.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do {
                values.append(try Value(wire: element))
            } catch {
                throw error.enclosed(in: String(index)).enclosed(in: key)
            }
        }
        return values
    }

    /// A list of texts; empty if absent.
    mutating func texts(_ key: String, maxBytes: Int) throws(ProtocolError) -> [String] {
        var texts: [String] = []
        for (index, element) in try elements(key).enumerated() {
            do {
                texts.append(try string(String(index), element, maxBytes: maxBytes, allowEmpty: true))
            } catch {
                throw error.enclosed(in: key)
            }
        }
        return texts
    }

    private mutating func elements(_ key: String) throws(ProtocolError) -> [JSONValue] {
        guard let value = optional(key) else { return [] }
        guard case .array(let elements) = value else { throw wrongType(key, value, "an array") }
        guard elements.count <= ProtocolLimits.listElements else {
            throw invalid(
                key, "found \(elements.count) elements, at most \(ProtocolLimits.listElements) are allowed")
        }
        return elements
    }
}
