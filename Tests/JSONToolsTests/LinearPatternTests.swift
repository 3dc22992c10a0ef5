import JSONTools
import Testing

/// Patterns are tried through the `pattern` keyword, as everybody uses them.
@Suite struct LinearPatternTests {
    private static func matches(_ pattern: String, _ text: String) throws -> Bool {
        try JSONSchema(["pattern": .string(pattern)]).validate(.string(text)).isEmpty
    }

    private static let cases: [(String, [String], [String])] = [
        ("b", ["b", "abc"], ["", "a"]), ("^ab$", ["ab"], ["aab", "abb", "ab\n"]), ("a|bc|", ["", "x"], []),
        ("^(a|bc)+$", ["a", "bca"], ["", "b", "ac"]), ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^a{2}$", ["aa"], ["a", "aaa"]), ("^a{2,}$", ["aa", "aaaaa"], ["a"]), ("^(?:ab){0}c?$", ["", "c"], ["ab"]),
        ("^[a-c_-]+$", ["a-_c"], ["d", ""]), ("^[^a-c]$", ["d", "é"], ["b", "dd"]), ("^.$", ["é", "😀"], ["", "\n"]),
        (#"^\d+\.\d{2}$"#, ["10.25"], ["10.2", "1x25"]), (#"^[\w.]+@\S+$"#, ["a.b@c"], ["a b@c", "a@"]),
        (#"^\s$"#, [" ", "\t", "\u{3000}"], ["a", ""]), (#"\bcat\b"#, ["a cat!", "cat"], ["concat", "cats"]),
        (#"\Bat"#, ["cat"], ["at"]), (#"^[\D]$"#, ["x"], ["5"]), (#"^\x41\u00e9\t\/$"#, ["Aé\t/"], ["A"]),
        ("^(a*)*$", ["", "aaa"], ["b"]), ("^(a?){3}$", ["", "aaa"], ["aaaa"]), ("^a*?b+?$", ["aab", "b"], ["a"]),
        ("^[]$", [], ["", "a"]), ("^[^]$", ["a", "\n"], [""]), (#"^[\]\\]$"#, ["]", "\\"], ["["]),
        ("^(x(y(z)?)?)?$", ["", "x", "xy", "xyz"], ["xz"]),
    ]

    @Test(arguments: cases)
    func `a pattern finds what it should and nothing else`(pattern: String, yes: [String], no: [String]) throws {
        for text in yes { #expect(try Self.matches(pattern, text), "\(pattern) should be found in \(text)") }
        for text in no { #expect(try !Self.matches(pattern, text), "\(pattern) should not be found in \(text)") }
    }

    @Test(arguments: [
        "(", ")", "[a", "a{", "a{2,1}", "a{1001}", "*", "a**", #"\1"#, #"\p{L}"#, "(?<n>a)", "(?!a)", "[b-a]", "\\",
        "^*",
        "((((a{99}){99}){99}){99})", "((((){999}){999}){999}){999}",
    ])
    func `what cannot be matched in linear time or is malformed is refused`(pattern: String) {
        #expect(throws: JSONSchemaError.self) { try JSONSchema(["pattern": .string(pattern)]) }
    }

    @Test func `a pattern that makes backtracking engines hang takes no time`() throws {
        #expect(try !Self.matches("^(a+)+$", String(repeating: "a", count: 5000) + "b"))
    }
}
