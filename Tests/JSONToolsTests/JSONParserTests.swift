import JSONTools
import Testing

@Suite struct JSONParserTests {
    private static let accepted: [(String, JSONValue)] = [
        ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-0", -0.0), ("12", 12),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", 1.5), ("-2.5e3", -2500.0),
        ("1e-400", 0.0), ("0.1", 0.1), ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
        ("123456789012345678901234567890", .number(0x1.8ee90ff6c373ep96)),
        ("\"\"", ""), ("\"a\\u00e9\\ud83d\\ude00\\n\\/\"", "aé😀\n/"), ("[]", []), ("{}", [:]),
        ("[1, [2,\t3] ,{}]", [1, [2, 3], [:]]), ("{\"a\" : {\"b\":[null]}}", ["a": ["b": [nil]]]),
    ]

    @Test(arguments: accepted)
    func `reads what RFC 8259 allows`(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test func `integers stay integers and other numbers become doubles`() throws {
        guard case .integer(7) = try JSONValue(parsing: "7") else { Issue.record("7 is no integer"); return }
        guard case .number(7) = try JSONValue(parsing: "7.0") else { Issue.record("7.0 is no double"); return }
    }

    @Test func `NUL and lone surrogates become U+FFFD, in keys too`() throws {
        let value = try JSONValue(parsing: #"{"k\u0000":"a\u0000b\ud800c\udc00\ud800\u0041"}"#)
        #expect(value == ["k\u{FFFD}": "a\u{FFFD}b\u{FFFD}c\u{FFFD}\u{FFFD}A"])
    }

    private static let refused: [(String, JSONError.Code, Int, String)] = [
        ("", .invalidJSON, 0, ""), ("[1,]", .invalidJSON, 3, "/1"), ("{\"a\":}", .invalidJSON, 5, "/a"),
        ("{\"a\":1,}", .invalidJSON, 7, ""), ("{\"a\" 1}", .invalidJSON, 5, "/a"), ("01", .invalidJSON, 0, ""),
        ("1.", .invalidJSON, 2, ""), ("-", .invalidJSON, 1, ""), ("1e", .invalidJSON, 2, ""),
        ("+1", .invalidJSON, 0, ""),
        ("tru", .invalidJSON, 0, ""), ("nul1", .invalidJSON, 0, ""), ("1 2", .invalidJSON, 2, ""),
        ("[\"a\nb\"]", .invalidJSON, 3, "/0"), ("\"\\x\"", .invalidJSON, 1, ""), ("\"\\u12g4\"", .invalidJSON, 1, ""),
        ("\"abc", .invalidJSON, 4, ""), ("\"abc\\", .invalidJSON, 5, ""), ("[1", .invalidJSON, 2, ""),
        ("{\"a\":[{\"b\":1e200000}]}", .numberOutOfRange, 11, "/a/0/b"),
        ("{\"x\":{\"a/b\":1,\"a\\/b\":2}}", .duplicateKey, 14, "/x/a~1b"), ("NaN", .invalidJSON, 0, ""),
    ]

    @Test(arguments: refused)
    func `refuses the rest with place and pointer`(text: String, code: JSONError.Code, offset: Int, pointer: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == code)
        #expect(error?.offset == offset)
        #expect(error?.pointer.description == pointer)
    }

    @Test func `an error names line and column`() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}") }
        #expect(error?.line == 3)
        #expect(error?.column == 8)
        #expect(error?.description.hasPrefix("INVALID_JSON in line 3, column 8 at /b: found 'x'") == true)
    }

    @Test func `invalid UTF-8 is refused with and without escapes`() {
        let plain = #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22]) }
        #expect(plain?.code == .invalidUTF8)
        let escaped = #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0x5C, 0x6E, 0xFF, 0x22]) }
        #expect(escaped?.code == .invalidUTF8)
    }

    @Test func `depth and size are limited`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(64))
        let deep = #expect(throws: JSONError.self) { try JSONValue(parsing: nested(65)) }
        #expect(deep?.code == .tooDeep)
        #expect(deep?.pointer.tokens.count == 64)
        let endless = #expect(throws: JSONError.self) {
            try JSONValue(parsing: String(repeating: "{\"a\":[", count: 40_000))
        }
        #expect(endless?.code == .tooDeep)
        let large = #expect(throws: JSONError.self) {
            try JSONValue(parsing: "\"" + String(repeating: "a", count: 300_000) + "\"")
        }
        #expect(large?.code == .tooLarge)
        _ = try JSONValue(parsing: "[1, 2]", limits: JSONLimits(depth: 1, maxBytes: 6))
        #expect(throws: JSONError.self) { try JSONValue(parsing: "[1,  2]", limits: JSONLimits(depth: 1, maxBytes: 6)) }
    }

    @Test func `an object of forty thousand members takes no quadratic time`() throws {
        let members = (0..<40_000).map { "\"\($0)\":0" }.joined(separator: ",")
        let value = try JSONValue(parsing: "{\(members)}", limits: JSONLimits(maxBytes: 1 << 20))
        #expect(value.objectValue?.count == 40_000)
        #expect(value["39999"] == 0)
    }
}
