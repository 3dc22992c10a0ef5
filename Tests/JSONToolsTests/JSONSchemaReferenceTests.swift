import JSONTestSupport
import JSONTools
import Testing

/// Our subset of JSON Schema gives the verdicts of PyPI's `jsonschema`.
@Suite struct JSONSchemaReferenceTests {
    private static let schemas: [JSONValue] = [
        true, false, [:], ["type": "integer"], ["type": ["string", "null"]],
        ["type": "number", "minimum": 0, "maximum": 2],
        ["exclusiveMinimum": 0, "exclusiveMaximum": 2.5], ["enum": [1, "1", nil, [1], ["a": 1]]], ["const": 1.0],
        ["const": ["a": [1, 2]]], ["minLength": 1, "maxLength": 2], ["pattern": "^[a-z]+[0-9]?$"],
        ["pattern": "b{2,3}|^$"],
        ["type": "array", "items": ["type": "integer"], "minItems": 1, "maxItems": 3], ["uniqueItems": true],
        ["items": false], ["properties": ["a": ["type": "integer"], "b": true], "required": ["a"]],
        ["properties": ["a": [:]], "additionalProperties": false],
        ["properties": ["a": [:]], "additionalProperties": ["type": "string"]],
        ["oneOf": [["type": "integer"], ["minimum": 2]]],
        ["anyOf": [["type": "string"], ["minimum": 2, "type": "number"]]],
        ["allOf": [["minimum": 1], ["maximum": 3]], "type": "number"],
        ["oneOf": [["required": ["a"]], ["required": ["b"]]], "type": "object"],
        ["$defs": ["x": ["type": "integer"]], "properties": ["a": ["$ref": "#/$defs/x", "maximum": 5]]],
        [
            "properties": ["a": ["$ref": "#"], "b": ["type": "integer"]], "additionalProperties": false,
            "type": "object",
        ],
        ["format": "uuid", "title": "t", "description": "d", "examples": [1], "default": 1],
        ["$ref": "#/properties/a", "properties": ["a": ["type": "object"]]],
    ]

    private static let instances: [JSONValue] = [
        nil, true, false, 0, 1, 1.0, 2, 2.5, -1, 3, 1e300, 9_007_199_254_740_993, "", "a", "ab", "abc", "a1", "xbbx",
        "1", "é😀",
        [], [1], [1, 1.0], [1, true], [1, 2, 3], [1, 2, 3, 4], ["a"], [[1], [1]],
        [["a": 1, "b": 2], ["b": 2, "a": 1]], [:],
        ["a": 1], ["a": "x"], ["b": 1], ["a": 1, "b": 2], ["a": 6], ["a": [:]], ["a": ["a": ["b": 1]]],
        ["a": ["a": ["c": 1]]], ["c": "x"], ["c": 1], ["a": [1, 2]], ["a": [1, 2.0]],
    ]

    @Test func `chosen schemas and instances agree`() throws {
        try expectAgreement(Self.schemas.map { (schema: $0, instances: Self.instances) })
    }

    @Test func `random schemas and instances agree`() throws {
        var generator = SeededGenerator(seed: 21)
        try expectAgreement(
            (0..<1500).map { _ in
                let schema = RandomSchema.schema(depth: 3, using: &generator)
                return (schema, (0..<5).map { _ in RandomSchema.instance(depth: 3, using: &generator) })
            })
    }

    private func expectAgreement(_ groups: [(schema: JSONValue, instances: [JSONValue])]) throws {
        var counts = (valid: 0, all: 0)
        for ((source, instances), reference) in zip(groups, try PythonJSONSchema.verdicts(groups)) {
            let schema = try JSONSchema(source)
            for (instance, expected) in zip(instances, reference) {
                let violations = schema.validate(instance)
                if violations.isEmpty != expected {
                    Issue.record("\(source) with \(instance): jsonschema says \(expected), we say \(violations)")
                }
                counts = (counts.valid + (expected ? 1 : 0), counts.all + 1)
            }
        }
        // Were nearly all valid, or nearly none, agreement would say little.
        #expect(counts.valid > counts.all / 10 && counts.valid < counts.all * 9 / 10, "\(counts)")
    }
}

/// Draws small schemas and values that have a fair chance to fit them.
private enum RandomSchema {
    static let names = ["a", "b", "c"]

    static func schema(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        var schema = JSONObject()
        func sub() -> JSONValue { self.schema(depth: depth - 1, using: &generator) }
        func small() -> JSONValue { .integer(Int64.random(in: 0..<4, using: &generator)) }
        for _ in 0..<Int.random(in: 1..<3, using: &generator) {
            switch Int.random(in: 0..<(depth > 0 ? 17 : 10), using: &generator) {
            case 0, 1:
                let kinds = ["object", "array", "string", "number", "integer", "boolean", "null"]
                schema["type"] = .string(kinds.randomElement(using: &generator) ?? "null")
            case 2: schema["minimum"] = small()
            case 3: schema["exclusiveMaximum"] = small()
            case 4: schema["maxLength"] = small()
            case 5: schema["pattern"] = ["^a", "b$", "[ab]{2}", "a|1"].randomElement(using: &generator)
            case 6: schema["enum"] = .array((0..<3).map { _ in instance(depth: 1, using: &generator) })
            case 7: schema["minItems"] = small()
            case 8: schema["uniqueItems"] = true
            case 9: schema["required"] = [.string(names.randomElement(using: &generator) ?? "a")]
            case 10: schema["items"] = sub()
            case 11, 12: schema["properties"] = .object(["a": sub(), "b": sub()])
            case 13: schema["additionalProperties"] = Bool.random(using: &generator) ? false : sub()
            case 14: schema["oneOf"] = [sub(), sub()]
            case 15: schema["anyOf"] = [sub(), sub()]
            default: schema["allOf"] = [sub(), sub()]
            }
        }
        return .object(schema)
    }

    static func instance(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64.random(in: -1..<4, using: &generator))
        case 3: return .number([0.0, 1.0, 1.5, 3.0].randomElement(using: &generator) ?? 2)
        case 4, 5: return .string(["", "a", "ab", "b1", "abab"].randomElement(using: &generator) ?? "")
        case 6, 7:
            let count = Int.random(in: 0..<4, using: &generator)
            return .array((0..<count).map { _ in instance(depth: depth - 1, using: &generator) })
        default:
            var object = JSONObject()
            for name in names where Bool.random(using: &generator) {
                object[name] = instance(depth: depth - 1, using: &generator)
            }
            return .object(object)
        }
    }
}
