import JSONTools
import Testing

@Suite struct JSONSchemaTests {
    private static let calculator: JSONValue = [
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["name"],
        "additionalProperties": false,
        "properties": [
            "name": ["type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[a-z][a-z0-9-]*$"],
            "target": ["enum": ["process", "docker"], "default": "process"],
            "ports": [
                "type": "array", "items": ["type": "integer", "minimum": 1024], "uniqueItems": true, "maxItems": 3,
            ],
            "limits": [
                "type": "object", "default": [:],
                "properties": ["memory": ["type": "integer", "exclusiveMinimum": 0, "default": 256]],
            ],
        ],
    ]

    @Test func `a value that fits has no violations`() throws {
        let schema = try JSONSchema(Self.calculator)
        #expect(schema.validate(["name": "calc", "ports": [3000, 3001.0], "limits": ["memory": 1]]).isEmpty)
    }

    @Test func `every violation is reported with its pointer`() throws {
        let schema = try JSONSchema(Self.calculator)
        let found = schema.validate([
            "name": "9", "target": "proces", "ports": [80, 2000, 2000.0, "x"], "limits": ["memory": 0], "nmae": 1,
        ])
        #expect(
            Set(found.map(\.pointer.description)) == [
                "/name", "/target", "/ports", "/ports/0", "/ports/2", "/ports/3", "/limits/memory", "/nmae",
            ])
        #expect(
            found.first { $0.pointer.description == "/target" }?.message.hasSuffix("did you mean \"process\"?") == true)
        #expect(found.first { $0.pointer.description == "/nmae" }?.message.hasSuffix("did you mean \"name\"?") == true)
        #expect(schema.validate([:]).map(\.pointer.description) == ["/name"])
        #expect(schema.validate([]).map(\.description) == ["found an array, expected an object"])
    }

    @Test func `defaults are filled in at every level and nothing else changes`() throws {
        let schema = try JSONSchema(Self.calculator)
        #expect(
            schema.applyingDefaults(to: ["name": "a"])
                == ["name": "a", "target": "process", "limits": ["memory": 256]])
        #expect(
            schema.applyingDefaults(to: ["target": nil, "limits": ["memory": 1], "x": 1])
                == ["target": nil, "limits": ["memory": 1], "x": 1])
        #expect(schema.applyingDefaults(to: "text") == "text")
        let list = try JSONSchema([
            "$defs": ["point": ["type": "object", "properties": ["x": ["type": "integer", "default": 0]]]],
            "type": "object", "properties": ["list": ["type": "array", "items": ["$ref": "#/$defs/point"]]],
            "additionalProperties": ["allOf": [["$ref": "#/$defs/point"]]],
        ])
        #expect(
            list.applyingDefaults(to: ["list": [[:], ["x": 2]], "other": [:]])
                == ["list": [["x": 0], ["x": 2]], "other": ["x": 0]])
    }

    private static let refused: [(JSONValue, String, String)] = [
        (["tpye": "object"], "/tpye", "did you mean \"type\"?"),
        (["type": "strnig"], "/type", "did you mean \"string\"?"),
        (["patternProperties": [:]], "/patternProperties", "not supported"),
        (["properties": ["a": ["not": [:]]]], "/properties/a/not", "not supported"),
        (["type": []], "/type", "expected"),
        (["minLength": -1], "/minLength", "integer from 0"), (["minimum": "1"], "/minimum", "a number"),
        (["required": ["a", "a"]], "/required", "without repetition"), (["enum": []], "/enum", "at least one"),
        (["pattern": "a(?=b)"], "/pattern", "look-around"), (["format": "email"], "/format", "date-time"),
        (["$ref": "#/$defs/x"], "/$ref", "there is no schema"), (["$ref": "other.json"], "/$ref", "within this schema"),
        (["$ref": "#"], "", "without end"), (["items": 1], "/items", "expected a schema"),
        (["allOf": [["anyOf": [["$ref": "#/allOf/0"]]]]], "/allOf/0/anyOf/0", "without end"),
        (["type": "integer", "default": "x"], "/default", "does not satisfy"),
        (["properties": ["a": ["default": [:], "$ref": "#"]]], "/properties/a/default", "without end"),
        (["$schema": "http://json-schema.org/draft-07/schema#"], "/$schema", "2020-12"), (1, "", "expected a schema"),
    ]

    @Test(arguments: refused)
    func `what is not supported is refused`(schema: JSONValue, pointer: String, message: String) {
        let error = #expect(throws: JSONSchemaError.self) { try JSONSchema(schema) }
        #expect(error?.violations.first?.pointer.description == pointer)
        #expect(error?.violations.first?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `recursion that goes down into the value is allowed`() throws {
        let tree = try JSONSchema([
            "type": "object", "additionalProperties": false,
            "properties": ["children": ["type": "array", "items": ["$ref": "#"]]],
        ])
        #expect(tree.validate(["children": [["children": []], [:]]]).isEmpty)
        #expect(
            tree.validate(["children": [["children": [1]]]]).map(\.pointer.description) == ["/children/0/children/0"])
    }

    @Test func `a schema that branches without bound gives up instead of accepting`() throws {
        let branch: JSONValue = ["properties": ["a": ["$ref": "#"]], "required": ["b"]]
        let schema = try JSONSchema(["anyOf": [branch, branch, branch, branch]])
        var value: JSONValue = [:]
        for _ in 0..<40 { value = ["a": value] }
        #expect(!schema.validate(value).isEmpty)
    }

    @Test func `the bounds of integers are exact beyond the precision of doubles`() throws {
        let schema = try JSONSchema(["maximum": 9_007_199_254_740_992.0, "exclusiveMinimum": -0.5])
        #expect(schema.validate(9_007_199_254_740_992).isEmpty)
        #expect(schema.validate(9_007_199_254_740_993).count == 1)
        #expect(schema.validate(0).isEmpty)
        #expect(schema.validate(-1).count == 1)
    }

    @Test("The name of a secret may stand where a text may, if that is asked for")
    func secrets() throws {
        let schema = try JSONSchema([
            "properties": [
                "text": ["type": "string", "enum": ["a"], "minLength": 99],
                "list": ["type": "array", "items": ["type": "string"]],
                "number": ["type": "integer"], "object": ["type": "object", "required": ["x"]], "any": ["minLength": 2],
                "choice": ["oneOf": [["type": "integer"], ["type": "string", "minLength": 5]]],
            ]
        ])
        let name: JSONValue = ["secret": "KEY"]
        for value: JSONValue in [["text": name], ["list": [name, "b"]], ["any": name], ["choice": name]] {
            #expect(schema.validate(value, acceptingSecrets: true).isEmpty, "\(value)")
        }
        #expect(!schema.validate(["text": name]).isEmpty, "it is not asked for")
        for value: JSONValue in [
            ["number": name], ["object": name], ["text": ["secret": 1]], ["text": ["secret": "KEY", "more": 1]],
        ] {
            #expect(!schema.validate(value, acceptingSecrets: true).isEmpty, "\(value)")
        }
    }
}
