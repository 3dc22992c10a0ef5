import Testing

@testable import WorkflowCore

@Suite struct TextPatternTests {
    static let decisions: [(String, String, Bool)] = [
        ("", "", true), ("", "abc", true), ("b", "abc", true), ("x", "abc", false), ("^b", "abc", false),
        ("c$", "abc", true), ("^abc$", "abc", true), ("^ab$", "abc", false), ("a.c", "abc", true),
        ("a.c", "a\nc", false),
        ("ab*c", "ac", true), ("ab*c", "abbbc", true), ("ab+c", "ac", false), ("ab?c", "abc", true),
        ("ab?c", "abbc", false),
        ("a|b", "b", true), ("^(a|bc)$", "bc", true), ("^(a|bc)$", "ab", false), ("^(?:ab)+$", "ababab", true),
        ("^(?:ab)+$", "aba", false), ("^a{3}$", "aaa", true), ("^a{3}$", "aa", false), ("^a{2,}$", "aaaa", true),
        ("^a{2,3}$", "aaaa", false), ("^a{0,1}$", "", true), ("^a{0}$", "", true), ("[abc]", "xbx", true),
        ("[^abc]", "abc", false), ("[^abc]", "abd", true),
        ("^[a-z0-9_]+$", "ab_9", true), ("^[a-z]+$", "aB", false), ("[]]", "]", true), ("[a-]", "-", true),
        ("[\\]]", "]", true), (#"^\d+$"#, "123", true), (#"^\D+$"#, "12a", false), (#"^\w+$"#, "a_1", true),
        (#"^\W$"#, "-", true),
        (#"a\sb"#, "a\tb", true), (#"^\S+$"#, "a b", false), (#"\bcat\b"#, "a cat!", true),
        (#"\bcat\b"#, "concat", false),
        (#"\Bcat"#, "concat", true), (#"^[\d.]+$"#, "1.2", true), (#"^[\W]+$"#, "!?", true),
        (#"^[^\W]+$"#, "a!", false), (#"\."#, "a", false), (#"\$\^\{"#, "$^{", true),
        (#"\n"#, "a\nb", true), ("^ü+$", "üü", true), ("(a*)*", "b", true), ("(a*)+$", "b", true),
        ("a*?b", "aab", true), ("(|a)b", "b", true),
        ("(){1000}", "x", true), ("((){1000}){1000}", "x", true), ("a$b", "a$b", false), ("^^a$$", "a", true),
    ]

    @Test("Patterns fit what they say", arguments: decisions)
    func decision(pattern: String, text: String, expected: Bool) throws {
        #expect(try TextPattern(pattern).matches(text) == expected, "'\(pattern)' on '\(text)'")
    }

    static let faults: [(String, String)] = [
        ("(", "found '(' without ')' (at sign 1)"), (")", "found ')' without '(' (at sign 0)"),
        ("[a", "found '[' without ']' (at sign 2)"), ("*a", "found '*' with nothing to repeat before it (at sign 1)"),
        ("a**", "found '*' after a repetition; expected parentheses around it (at sign 2)"),
        ("a{2,1}", "found {2,1}; expected the smaller number first (at sign 6)"),
        ("a{", "found '{'; expected a count from 0 to 1000, or \\{ for the sign (at sign 2)"),
        ("a{1", "found an open '{'; expected {m}, {m,} or {m,n}, or \\{ for the sign (at sign 3)"),
        ("a{1001}", "found '{1001'; expected a count from 0 to 1000, or \\{ for the sign (at sign 6)"),
        ("\\", "found '\\' at the end; expected a sign after it (at sign 1)"),
        ("\\q", "found '\\q'; expected one of \\d \\w \\s \\D \\W \\S \\b \\B \\n \\r \\t, or a sign (at sign 2)"),
        ("(?=a)", "found '(?'; expected '(?:', as there is no look-around (at sign 2)"),
        ("[z-a]", "found 'z-a'; expected the smaller sign first (at sign 4)"),
        ("(a{1000}){1000}", "found repetitions that are too large; expected smaller counts"),
        (String(repeating: "(", count: 33), "found groups nested beyond 32 levels (at sign 33)"),
    ]

    @Test("Patterns that cannot be used say why", arguments: faults)
    func fault(pattern: String, message: String) {
        let failure = #expect(throws: TextPattern.Failure.self) { try TextPattern(pattern) }
        #expect(failure?.description == message)
    }
}
