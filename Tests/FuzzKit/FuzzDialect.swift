/// What inputs of a target are made of: the words that its grammar knows, and whether they are JSON at heart.
package struct FuzzDialect: Sendable {
    /// Pieces of text, spliced in.
    var words: [[UInt8]]
    /// Pieces that open and close something, for deep nesting.
    var brackets: [(open: [UInt8], close: [UInt8])]
    /// Whether inputs that are JSON are also changed value by value.
    var isJSON: Bool

    init(words: [String], brackets: [(String, String)], isJSON: Bool = false) {
        self.words = (words + Self.hostile).map { Array($0.utf8) } + Self.hostileBytes
        self.brackets = brackets.map { (open: Array($0.0.utf8), close: Array($0.1.utf8)) }
        self.isJSON = isJSON
    }

    /// Of no use in any grammar, and of interest to all.
    private static let hostile = [
        "\u{0}", "\n", "\r\n", "\t", " ", "\u{FEFF}", "\u{202E}", "\u{2028}", "\u{85}", "😀", "é", "e\u{301}",
        "\u{FFFD}",
        "\u{FFFF}", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "0", "-0", "1e400", "-1e400", "1e-400", "0.1",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "1e308", "2147483648", "99999999999999999999999999999999999999", "NaN", "Infinity",
        // One character, as people count them, of four thousand bytes.
        "a" + String(repeating: "\u{301}", count: 2000),
        "../", "/etc/passwd", "%00", "${x}", "$(x)", "; x", "--x", "\\", "\"", "'",
    ]

    /// No UTF-8: a lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, a cut sequence.
    private static let hostileBytes: [[UInt8]] = [
        [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F], [0xFF, 0xFE], [0x1B, 0x5B],
    ]

    package static let json = FuzzDialect(
        words: [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\u", "null",
            "true", "false", "-", "\"\":", "\"a\":1,", "\"kind\":", "\"version\":\"2.0.0\",", "\"version\":\"3.0.0\",",
            "{}",
            "[]", "//", "/**/",
        ],
        brackets: [("[", "]"), (#"{"a":"#, "}"), (#"[{"":"#, "}]")], isJSON: true)

    package static let yaml = FuzzDialect(
        words: [
            "- ", "? ", ": ", "#", "|", ">", ">-", "|2", "---", "...", "%YAML 1.2\n", "%TAG ! tag:x,1:\n", "&a ", "*a",
            "&b ",
            "*b", "<<: *a", "!!binary ", "!!str ", "!!int ", "!x ", "!<tag:x> ", "yes", "on", "~", "null", "0x1F",
            "0o17",
            "1_000", ".inf", "-.inf", ".nan", "2026-01-01", "{", "}", "[", "]", ",", "\"\\x41\"", "\"\\u0000\"", "'",
            "name: x\n", "stages:\n", "{{ input.a }}", "{{", "}}", "with:", "needs:", "if:", "retry:", "timeout: 1h",
            "workspace: write", "on_failure: continue",
            "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n",
        ],
        brackets: [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n ", ""), ("{? [", "] : x}"), ("!a ", "")])

    /// YAML with the words of a validation policy.
    package static let policy = FuzzDialect(
        words: [
            "rules:\n", "- {metric: tests_failed, operator: \"==\", threshold: 0}\n", "metric: line_coverage",
            "operator: \">=\"",
            "threshold: 80", "threshold: .inf", "threshold: .nan", "level: warn", "if_measured: true", "path: src/*",
            "path: \"***a***b***\"", "path: ''", "{", "}", "[", "]", ",", ": ", "- ", "? ", "&a ", "*a", "<<: *a",
            "!!float ",
            "---\n", "...\n", "%YAML 1.2\n", "|", ">-", "#", "1_000", "0x1F", "1e3", "yes", "~",
        ],
        brackets: [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n ", ""), ("!a ", "")])

    /// YAML with the words of a template's description.
    package static let projectTemplate = FuzzDialect(
        words: [
            "version: 1\n", "title: t\n", "keywords: [a, b]\n", "features: [plain]\n", "features: [plain, plain]\n",
            "fallback: plain\n", "layers: [../x]\n", "layers: [base]\n",
            "options: {a: {type: boolean, default: true, description: d}}\n",
            "options: {a: {type: string, default: x, enum: [x, y], pattern: \"(a|a)*$\"}}\n",
            "computed: {c: {of: slug, style: kebab, suffix: x}}\n", "conditions: [{path: a/, option: a}]\n",
            "manifest: {version: 1, commands: {test: [[a]]}}\n", "default: {}", "type: integer", "{", "}", "[", "]",
            ",", ": ",
            "- ", "? ", "&a ", "*a", "<<: *a", "!!str ", "---\n", "|", ">-", "#", "0x1F", "1e400", ".nan", "yes", "~",
            "\"\\0\"",
        ],
        brackets: [("[", "]"), ("{a: ", "}"), ("- ", ""), ("a:\n ", ""), ("!a ", "")])

    package static let lcov = FuzzDialect(
        words: [
            "TN:\n", "SF:src/a.js\n", "SF:/etc/passwd\n", "SF:../a.js\n", "SF:file:///p/a.js\n", "SF:\n", "DA:1,1\n",
            "DA:1,0,abc\n",
            "DA:0,-1\n", "DA:99999999999999999999,1\n", "BRDA:1,0,0,-\n", "BRDA:1,0,0,9223372036854775807\n",
            "BRDA:1\n",
            "FN:1,f\n", "FNDA:1,f\n", "FNDA:x,f\n", "LF:1\n", "LH:1\n", "end_of_record\n", ":", ",", "\n", "\r",
        ],
        brackets: [("SF:a\n", "end_of_record\n"), ("DA:", "\n"), (",", "")])

    package static let sarif = FuzzDialect(
        words: [
            #""runs":[],"#, #""results":[],"#, #""version":"2.1.0","#, #""ruleId":"r","#, #""level":"error","#,
            #""kind":"pass","#,
            #""suppressions":[{}],"#, #""message":{"text":"m"},"#, #""locations":[],"#,
            #""physicalLocation":{"artifactLocation":{"uri":"file:///p/../../etc/passwd"},"region":{"startLine":-1}},"#,
            #""startLine":9223372036854775807,"#, "{", "}", "[", "]", ",", ":", "null",
        ],
        brackets: [("[", "]"), (#"{"runs":["#, "]}"), (#"{"results":["#, "]}"), (#"{"message":"#, "}")], isJSON: true)

    package static let tap = FuzzDialect(
        words: [
            "TAP version 14\n", "1..3\n", "1..99999999999999999999\n", "1..0 # SKIP\n", "ok 1 - a\n", "not ok 2 - b\n",
            "ok # skip x\n", "not ok # TODO y\n", "Bail out! z\n", "    ok 1\n", "        not ok 1 - c\n", "  ---\n",
            "  ...\n",
            "  message: m\n", "  at:\n", "  file: a.js\n", "  line: 3\n", "# Subtest: s\n", "pragma +strict\n", "\n",
        ],
        brackets: [("    ", ""), ("  ---\n", "  ...\n"), ("not ok\n", "")])

    package static let expression = FuzzDialect(
        words: [
            " and ", " or ", " not ", " in ", " exists", " contains ", " matches ", "==", "!=", "<=", ">=", "<", ">",
            "+", "-",
            "*", "/", "%", "(", ")", "[", "]", ",", ".", "input", "input.a", "input.long", "stages.s.output", "stages.",
            ".status",
            ".commit", ".artifacts", "workflow.name", "env.X", "null", "true", "false", "1", "1.5", "'a'", "''",
            "default(",
            "length(", "json(", "keys(", "join(", "sum(", "min(", "max(", "round(", "lower(", "upper(", "split(",
            "'(a*)*b'",
            "'^(a|a)*$'", "'[a-z]{1,1000}'", "'(((a{99}){99}){99})'", "'\\\\d+'", "{{", "}}", "if ", " ? ",
            "input.c[0]", "[-1]",
        ],
        brackets: [("(", ")"), ("[", "]"), ("not ", ""), ("length(", ")"), ("-", ""), ("default(", ", 1)")])

    package static let schema = FuzzDialect(
        words: [
            ##""$ref":"#/$defs/a","##, ##""$ref":"#","##, #""$defs":{"a":{}},"#, #""type":"object","#,
            #""type":["string","null"],"#,
            #""pattern":"^(a|a)*$","#, #""pattern":"(a{99}){99}","#, #""oneOf":[{},{}],"#, #""anyOf":[true,false],"#,
            #""not":{},"#,
            #""allOf":[],"#, #""additionalProperties":false,"#, #""minLength":-1,"#, #""maxItems":1e99,"#,
            #""minimum":1e308,"#,
            #""multipleOf":0,"#, #""uniqueItems":true,"#, #""enum":[],"#, #""const":null,"#, #""default":{},"#,
            #""required":["a","a"],"#, #""format":"date-time","#, #""items":{},"#, #""if":{},"#, "{", "}", "[", "]",
            ",", ":",
        ],
        brackets: [
            (#"{"not":"#, "}"), (#"{"items":"#, "}"), (#"{"properties":{"a":"#, "}}"), (#"{"oneOf":["#, ",{}]}"),
            ("[", "]"),
        ],
        isJSON: true)

    package static let query = FuzzDialect(
        words: [
            "&", "=", "?", "+", "%", "%00", "%2", "%zz", "%C0%AF", "%ED%A0%80", "%F0%9F%98%80", "%26", "%3D", "%25",
            "status=",
            "status=running", "limit=", "limit=50", "limit=-1", "limit=201", "sort=-updated_at", "sort=name", "cursor=",
            "type=app",
            "priority=high", "stage=", "q=", "after=", "window=", "version=", ";", "#", "//", "e30",
            "eyJvIjoiLWNyZWF0ZWRfYXQi",
        ],
        brackets: [("q=", "&"), ("%25", ""), ("&", "")])

    package static let text = FuzzDialect(
        words: [
            "T", "Z", ":", "-", ".", "+02:00", "h", "ms", "m", "s", "d", "~0", "~1", "~", "/", "0x", "e", "_", "1h30m",
            "24:00:60",
            "9999-12-31", "0000-00-00", ",", "=", "(", ")", "# tests ", "# pass ", "# fail ", " passed in ", "Ran ",
            "OK (",
        ],
        brackets: [("/", ""), ("1h", ""), ("(", ")")])

    package static let xml = FuzzDialect(
        words: [
            "<", ">", "/>", "</", "<!--", "-->", "<![CDATA[", "]]>", "<?xml version=\"1.0\"?>", "<?x?>", "<?x y?>",
            "&amp;", "&#0;",
            "&#xD800;", "&x;",
            "<!DOCTYPE a [<!ENTITY x \"y\">]>", "<!ENTITY a \"&b;&b;&b;&b;\">",
            "<!DOCTYPE a [", "]>", "<!ATTLIST a b CDATA #IMPLIED>", "<!NOTATION n SYSTEM \"x\">", "<!ELEMENT a ANY>",
            "encoding=\"UTF-7\"",
            "<!ENTITY e SYSTEM \"file:///etc/passwd\">",
            "<!DOCTYPE a SYSTEM \"http://127.0.0.1:9/x\">", "<testsuite ", "</testsuite>", "<testcase ", "<failure ",
            "<skipped/>",
            "name=\"", "time=\"", "message=\"", "classname=\"", "<testsuites>", "<class filename=\"", "<line number=\"",
            "hits=\"", "branch=\"true\" condition-coverage=\"50% (1/2)\"",
        ],
        brackets: [("<testsuite>", "</testsuite>"), ("<a>", "</a>"), ("<failure>", "</failure>"), ("<!--", "-->")])
}
