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
