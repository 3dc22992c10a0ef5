/// A JSON Schema (draft 2020-12), in the subset that we keep to the letter; everything else is refused, never ignored.
///
/// Understood: `type properties required additionalProperties items enum const minimum maximum exclusiveMinimum
/// exclusiveMaximum minLength maxLength pattern minItems maxItems uniqueItems oneOf anyOf allOf $ref $defs` and the
/// annotations `default format title description examples $schema $id`. A `$ref` must be local (`#` or `#/…`); a
/// `pattern` must do without look-around and back references, and is matched in linear time; `format` is one of
/// `date-time`, `uuid`, `uri` and isn't checked.
public struct JSONSchema: Sendable, Hashable {
    /// Something that is wrong with a value, or with a schema.
    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        /// Where; of a missing member, where it should be.
        public var pointer: JSONPointer
        /// What was found and what was expected.
        public var message: String

        /// - Parameters:
        ///   - pointer: where.
        ///   - message: what was found and what was expected; cut at ``maxMessageBytes``.
        public init(pointer: JSONPointer, message: String) {
            self.pointer = pointer
            // Names and values from outside may be of any length.
            self.message = message.cut(toBytes: Self.maxMessageBytes)
        }

        /// The longest message, in bytes of UTF-8.
        public static let maxMessageBytes = 1000

        /// One line for people.
        public var description: String { pointer.isRoot ? message : "\(pointer): \(message)" }
    }

    /// At most so many violations are reported.
    public static let maxViolations = 100
    /// After so many applications of a subschema, validation gives up with a violation; ``patternWorkPerStep`` of a
    /// pattern's work count as one more.
    public static let maxSteps = 100_000
    /// Bytes of text times instructions of a pattern.
    static let patternWorkPerStep = 64

    /// The schema as it was given.
    public let source: JSONValue
    /// Every subschema; the first is the whole. They refer to each other by index.
    let nodes: [SchemaNode]

    /// Compiles a schema.
    /// - Throws: ``JSONSchemaError`` with everything that is wrong with it.
    public init(_ source: JSONValue) throws(JSONSchemaError) {
        var compiler = SchemaCompiler(source: source)
        nodes = try compiler.compile()
        self.source = source
        let faults = defaultFaults(of: compiler.pointers)
        guard faults.isEmpty else { throw JSONSchemaError(violations: faults) }
    }

    /// What is wrong with a value; empty if nothing is.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - acceptingSecrets: Whether the name of a secret (``JSONValue/secretName``) may stand where a text may. What else is
    ///     asked of the text is not looked at: who knows the secret has to.
    public func validate(_ value: JSONValue, acceptingSecrets: Bool = false) -> [Violation] {
        var validation = SchemaValidation(nodes: nodes, acceptsSecrets: acceptingSecrets)
        validation.check(value, against: 0, at: [])
        return validation.violations
    }

    /// The value with every absent member that has a `default` filled in, through `properties`, `items`,
    /// `additionalProperties`, `allOf` and `$ref`; not through `anyOf` and `oneOf`, where none is meant in particular.
    public func applyingDefaults(to value: JSONValue) -> JSONValue {
        var filling = SchemaFilling(nodes: nodes)
        return filling.fill(value, by: 0)
    }
}

/// Why something is no schema that we support.
public struct JSONSchemaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Everything that is wrong; pointers lead into the schema. Never empty.
    public var violations: [JSONSchema.Violation]

    /// - Parameter violations: everything that is wrong.
    public init(violations: [JSONSchema.Violation]) {
        self.violations = violations
    }

    /// A line for each violation.
    public var description: String { violations.map(\.description).joined(separator: "\n") }
}

/// One subschema, compiled.
struct SchemaNode: Sendable, Hashable {
    enum Kind: String, CaseIterable, Sendable {
        case null, boolean, integer, number, string, array, object
    }

    enum Additional: Sendable, Hashable {
        case anything
        case nothing
        case schema(Int)
    }

    struct Property: Sendable, Hashable {
        var name: String
        var node: Int
    }

    var isFalse = false
    var kinds: [Kind]?
    var properties: [Property] = []
    var propertyIndex: [String: Int] = [:]
    var required: [String] = []
    var additional = Additional.anything
    var items: Int?
    var enumeration: [JSONValue]?
    /// The same without order: an enumeration and a list of values may both be long.
    var choices: Set<JSONValue>?
    var constant: JSONValue?
    var defaultValue: JSONValue?
    var minimum: JSONValue?
    var maximum: JSONValue?
    var exclusiveMinimum: JSONValue?
    var exclusiveMaximum: JSONValue?
    var minLength: Int?
    var maxLength: Int?
    var pattern: LinearPattern?
    var minItems: Int?
    var maxItems: Int?
    var uniqueItems = false
    var oneOf: [Int] = []
    var anyOf: [Int] = []
    var allOf: [Int] = []
    var reference: Int?

    /// The subschemas that are applied to the same value as this one.
    var inPlace: [Int] { oneOf + anyOf + allOf + (reference.map { [$0] } ?? []) }
}
