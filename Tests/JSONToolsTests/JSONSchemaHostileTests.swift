import Testing

@testable import JSONTools

/// Schemas and values that are made to be a burden.
@Suite("hostile schemas")
struct JSONSchemaHostileTests {
    @Test("the work of patterns is counted: a long one on many texts gives up instead of taking its time")
    func patternWork() throws {
        let schema = try JSONSchema(["items": ["pattern": "(a?){999}b"]])
        let text = JSONValue.string(String(repeating: "a", count: 100))
        let violations = schema.validate(.array(Array(repeating: text, count: 90)))
        #expect(violations.last?.message.contains("steps") == true, "\(violations.last?.message ?? "none")")
        // What is usual stays far below.
        let usual = try JSONSchema(["items": ["pattern": "^[a-z]+(-[a-z0-9]+)*$"]])
        #expect(usual.validate(.array(Array(repeating: "some-name-1", count: 5000))).isEmpty)
    }

    @Test("alternatives that don't match leave nothing behind but the reason of the closest")
    func alternatives() throws {
        let names = (0..<40).map { "k\($0)" + String(repeating: "k", count: 20) }
        let one: JSONValue = [
            "type": "object", "additionalProperties": false,
            "properties": .object(JSONObject(names.map { (key: $0, value: true) })),
        ]
        let near: JSONValue = ["type": "object", "required": ["a"]]
        let references = Array(repeating: ["$ref": "#/$defs/one"] as JSONValue, count: 300)
        let schema = try JSONSchema(["$defs": ["one": one], "anyOf": .array(references + [near])])
        let value = JSONValue.object(JSONObject((0..<100).map { (key: "u\($0)", value: 1) }))
        let violations = schema.validate(value)
        #expect(
            violations.map(\.message) == [
                "matches none of 301 alternatives (of one of them: /a: the required member \"a\" is missing)"
            ])
        // A branch that wasn't looked at any more never counts as matching.
        let much = JSONValue.array(Array(repeating: value, count: 100))
        let items = try JSONSchema(["$defs": ["one": one], "items": ["anyOf": .array(references + [near])]])
        #expect(items.validate(much).last?.message.contains("steps") == true)
    }

    @Test("defaults are checked together within the steps of one value, and not all of their faults are told")
    func defaults() throws {
        let fault: JSONValue = ["items": false, "default": .array(Array(repeating: 1, count: 100))]
        let many = JSONObject((0..<50).map { (key: "p\($0)", value: fault) })
        let error = try #require(throws: JSONSchemaError.self) { try JSONSchema(["properties": .object(many)]) }
        #expect(error.violations.count == JSONSchema.maxViolations)
        let long: JSONValue = ["items": true, "default": .array(Array(repeating: 1, count: 20_000))]
        let longer = JSONObject((0..<8).map { (key: "p\($0)", value: long) })
        let other = try #require(throws: JSONSchemaError.self) { try JSONSchema(["properties": .object(longer)]) }
        #expect(other.description.contains("together"), "\(other)")
        #expect(throws: Never.self) { try JSONSchema(["properties": ["p": long]]) }
    }

    @Test("large values are compared, hashed and quoted within the limit of steps")
    func largeValues() throws {
        let text = JSONValue.string(String(repeating: "x", count: 100_000))
        let numbers = JSONValue.array((0..<20_000).map { .integer($0) })
        let alternatives: [JSONValue] = [
            ["enum": [[1]]], ["uniqueItems": true, "minItems": 100_000], ["const": numbers, "maxItems": 1],
        ]
        for alternative in alternatives {
            let schema = try JSONSchema([
                "$defs": ["a": alternative],
                "anyOf": .array(Array(repeating: ["$ref": "#/$defs/a"], count: 500)),
            ])
            #expect(schema.validate(numbers).last?.message.contains("steps") == true, "\(alternative.abbreviated)")
        }
        let schema = try JSONSchema(["enum": .array(Array(repeating: text, count: 3))])
        let message = try #require(schema.validate(numbers).first?.message)
        #expect(message.hasPrefix("found [0,1,2,3,") && message.contains("…, expected one of \"xxx"), "\(message)")
    }

    @Test(
        "a short value is quoted whole, a long one by its beginning",
        arguments: [
            (["a": [1, nil, "é"]] as JSONValue, #"{"a":[1,null,"é"]}"#),
            (.string(String(repeating: "a", count: 78)), "\"\(String(repeating: "a", count: 78))\""),
            (.string(String(repeating: "a", count: 79)), "\"\(String(repeating: "a", count: 78))…"),
            (.array(Array(repeating: .array([]), count: 5000)), "[" + String(repeating: "[],", count: 26) + "…"),
        ])
    func abbreviated(_ value: JSONValue, _ text: String) {
        #expect(value.abbreviated == text)
    }

    @Test("a class of many ranges finds its scalars, in whatever order they are given")
    func largeClass() throws {
        let ranges = (0..<2000).shuffled().map { 0x4E00 + $0 * 3 }
        let members = ranges.compactMap { UnicodeScalar($0) }.map { "\($0)-\(UnicodeScalar($0.value + 1) ?? $0)" }
        let schema = try JSONSchema(["pattern": .string("^[\(members.joined())a-c\\d]+$")])
        for offset in 0..<6000 {
            let scalar = try #require(UnicodeScalar(0x4E00 + offset))
            #expect(schema.validate(.string("a\(scalar)9c")).isEmpty == (offset % 3 != 2), "\(scalar)")
        }
        #expect(!schema.validate("d").isEmpty)
    }

    @Test("references find subschemas below every keyword")
    func references() throws {
        let places: [(JSONValue, String)] = [
            (["items": ["type": "string"]], "/items"),
            (["properties": ["items": ["type": "string"]]], "/properties/items"),
            (["additionalProperties": ["items": ["type": "string"]]], "/additionalProperties/items"),
            (["oneOf": [false, ["allOf": [["type": "string"]]]]], "/oneOf/1/allOf/0"),
            (["$defs": ["a/b": ["anyOf": [["type": "string"]]]]], "/$defs/a~1b/anyOf/0"),
        ]
        for (inner, pointer) in places {
            let schema = try JSONSchema([
                "$defs": ["x": inner, "y": ["$ref": .string("#/$defs/x" + pointer)]],
                "properties": ["v": ["$ref": "#/$defs/y"]],
            ])
            #expect(schema.validate(["v": "text"]).isEmpty)
            #expect(schema.validate(["v": 1]).map(\.message) == ["found an integer, expected a string"], "\(pointer)")
        }
        for pointer in ["#/items", "#/$defs", "#/$defs/x/properties", "#/$defs/x/y/z", "#/$defs/"] {
            #expect(throws: JSONSchemaError.self, "\(pointer)") {
                try JSONSchema(["$defs": ["x": ["properties": [:]]], "properties": ["v": ["$ref": .string(pointer)]]])
            }
        }
    }

    @Test("an enumeration finds its values whatever their order and number")
    func enumerations() throws {
        let schema = try JSONSchema(["items": ["enum": .array((0..<5000).map { .string("v\($0)") } + [1, nil])]])
        #expect(schema.validate(["v0", "v4999", 1, 1.0, nil]).isEmpty)
        #expect(schema.validate(["v5000"]).count == 1)
    }

    @Test("a message has a limit, whatever it repeats")
    func messages() throws {
        let name = String(repeating: "n", count: 50_000)
        #expect(throws: JSONSchemaError.self) { try JSONSchema([name: true]) }
        let schema = try JSONSchema(["additionalProperties": false, "required": [.string(name + "x")]])
        let violations = schema.validate([name: 1])
        #expect(violations.count == 2)
        for violation in violations {
            #expect(violation.message.utf8.count <= JSONSchema.Violation.maxMessageBytes)
            #expect(violation.message.hasSuffix("…"))
        }
    }

    @Test("a pointer is read by scalars: a slash with a mark after it is one, whatever people see")
    func pointerMarks() {
        for token in ["\u{301}a", "a\u{202E}", "\u{200D}", "~\u{301}/\u{301}"] {
            let pointer = JSONPointer(tokens: ["x", token])
            #expect(JSONPointer("\(pointer)") == pointer, "\(pointer)")
        }
    }

    @Test("a text is cut between characters")
    func cut() {
        #expect("abc".cut(toBytes: 3) == "abc")
        #expect("abcdef".cut(toBytes: 5) == "ab…")
        #expect("äöüäöü".cut(toBytes: 8) == "äö…")
        #expect("a😀😀".cut(toBytes: 7) == "a…")
    }
}
