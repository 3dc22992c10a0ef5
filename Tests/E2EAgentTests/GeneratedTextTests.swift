import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import E2EAgent

@Suite("Generated text")
struct GeneratedTextTests {
    static let hostile = "a\"b\\c\n\u{0}\u{1F600}\u{2028}é\"\"\"'''{x}%s${y}\\"

    @Test(
        "JSON values as Python",
        arguments: [
            (nil, "None"), (true, "True"), (42, "42"), (1.5, "1.5"), ("a\"b", #""a\"b""#), ([1, nil], "[1, None]"),
            (["a": ["b": false]], #"{"a": {"b": False}}"#), ("\u{0}\u{2028}", #""\u0000\u2028""#),
            ("é", "\"é\""), ("\u{1F600}", "\"\u{1F600}\""),
        ] as [(JSONValue, String)]
    )
    func literals(value: JSONValue, source: String) {
        #expect(PythonSource.literal(value) == source)
    }

    @Test("names of tests are unique identifiers")
    func names() {
        var names = PythonNames()
        #expect(names.test("Multiplies 7 × 6!") == "test_multiplies_7_6")
        #expect(names.test("multiplies 7 6") == "test_multiplies_7_6_2")
        #expect(names.test("…") == "test_unnamed")
        #expect(names.test(String(repeating: "x", count: 500)).count <= 65)
    }

    @Test("tests made from hostile text are valid Python that means just that text")
    func hostileTextIsHarmless() async throws {
        let survey = BrowserSurvey(json: [
            "pages": [
                [
                    "path": "/", "status": 200, "content_type": "text/html", "title": .string(Self.hostile),
                    "fields": [
                        [
                            "selector": .string(Self.hostile), "tag": "input", "type": "text", "visible": true,
                            "editable": true,
                        ]
                    ],
                    "buttons": [["selector": .string(Self.hostile), "visible": true, "enabled": true]],
                ]
            ]
        ])
        var plan = E2EPlan()
        plan.endpoints = [
            .init(
                method: "POST", path: "/x", body: .string(Self.hostile), status: 200, json: ["a": 1], text: Self.hostile
            )
        ]
        plan.scenarios = [
            .init(
                name: Self.hostile,
                steps: E2EStep.Verb.allCases.map { E2EStep(verb: $0, subject: Self.hostile, value: Self.hostile) },
                allowsErrors: true)
        ]
        let files = TestGenerator(health: "/health", plan: plan, survey: survey).files()
        #expect(files.map(\.path) == ["e2e/test_api.py", "e2e/test_pages.py", "e2e/test_scenarios.py"])
        try await Sandbox.with { sandbox in
            for file in files { try sandbox.write(file.text, to: file.path) }
            try sandbox.write(Self.hostile, to: "hostile.txt")
            // Every string constant with a NUL in it has to be that text, whole.
            let script = """
                import ast, sys
                hostile = open("hostile.txt", encoding="utf-8", newline="").read()
                found = 0
                for name in sys.argv[1:]:
                    for node in ast.walk(ast.parse(open(name, encoding="utf-8").read())):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\\0" in node.value:
                            assert node.value.strip('"') == hostile.strip('"') or "\\\\" in node.value, repr(node.value)
                            found += 1
                print(found)
                """
            let output = try await sandbox.run("python3", ["-c", script] + files.map(\.path))
            #expect(output.succeeded, "\(output.errorText)")
            #expect((Int(output.text.filter(\.isNumber)) ?? 0) >= 20)
        }
    }

    @Test("text in the report can't become markup")
    func reportEscapes() {
        let page = ReportPage(
            title: "<script>\"'&", summary: "<b>", passed: false,
            cases: [TestCase(name: "<i>", outcome: .failed("</pre><script>"), seconds: 1.005)],
            survey: BrowserSurvey(json: ["pages": [["path": "/<u>", "findings": [["message": "<img src=x>"]]]]]),
            pictures: [.init(caption: "\"><script>", bytes: [1, 2, 3, 4], isPhone: true)]
        )
        let html = page.html()
        for tag in ["<script", "<b>b", "<i>", "<u>", "<img src=x"] { #expect(!html.contains(tag), "\(tag)") }
        #expect(html.contains("&lt;script&gt;&quot;&#39;&amp;"))
        #expect(html.contains("data:image/png;base64,AQIDBA=="))
    }

    @Test(
        "base64 as in RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64(text: String, encoded: String) {
        #expect(ReportPage.base64(Array(text.utf8)) == encoded)
    }
}
