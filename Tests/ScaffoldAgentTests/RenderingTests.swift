import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("escapes")
struct EscapeTests {
    @Test(
        "each kind of place gets what can't break out of it",
        arguments: [
            (Escape.html, "\"<&'", "&quot;&lt;&amp;&#39;"),
            (.json, "\"<&'", #""\"\u003c\u0026'""#), (.js, "\"<&'", #""\"\u003c\u0026'""#),
            (.json, "</script>\n${}`\\", #""\u003c/script\u003e\n${}`\\""#),
            (.js, "\u{2028}\u{2029}\u{7F}", #""\u2028\u2029\u007f""#),
            (.swift, "a\"\\(b)\n\u{202E}", #""a\"\\(b)\n\u{202e}""#),
            (.markdown, "\"<&'", "\"&lt;&amp;'"), (.markdown, "# a\n[b](c) *d*", "\\# a \\[b\\](c) \\*d\\*"),
            (.markdown, "1. a", "1\\. a"), (.markdown, "7 × (6 + 2).", "7 × (6 + 2)."),
            (.comment, "a */ b\n// c --> d </script>", "a * / b // c -- > d < /script>"),
            (.line, " a\r\nb\u{0}\u{2028}c\u{202E} ", "a b c"),
            (.shell, "a'b $(c)", "'a'\\''b $(c)'"),
        ])
    func table(escape: Escape, text: String, expected: String) {
        #expect(escape(text) == expected)
    }
}

@Suite("rendering")
struct RendererTests {
    func render(
        _ template: String, outside: String = "\"<&'", trusted: JSONObject = [:], partials: [String: String] = [:]
    ) throws(TemplateError) -> String {
        try TemplateRenderer(partials: partials, trusted: trusted, outside: ["text": outside])
            .render(template, file: "file")
    }

    @Test(
        "a text from outside in each type of file",
        arguments: [
            ("<p title=\"<% html(text) %>\">", "<p title=\"&quot;&lt;&amp;&#39;\">"),
            ("{\"a\": <% json(text) %>}", #"{"a": "\"\u003c\u0026'"}"#),
            ("const a = <% js(text) %>;", #"const a = "\"\u003c\u0026'";"#),
            ("a: <% json(text) %>", #"a: "\"\u003c\u0026'""#),
            ("/* <% comment(text) %> */", "/* \"<&' */"),
            ("# <% markdown(text) %>", "# \"&lt;&amp;'"),
            ("echo <% shell(text) %>", "echo '\"<&'\\'''"),
            ("<% line(text) %>", "\"<&'"),
        ])
    func kinds(template: String, expected: String) throws {
        #expect(try render(template) == expected)
    }

    @Test("what a template holds is left alone: braces, dollar signs, HTML, white space")
    func verbatim() throws {
        let text = "  {{ a }} ${{ matrix.node }} <b>&amp;</b> %> 5 % 3 <\n\n\tend"
        #expect(try render(text) == text)
        #expect(try render("").isEmpty)
        #expect(try render("\r\n x") == "\r\n x")
    }

    @Test("trusted values go in as they are; lists, conditions and partials work, and keep the delimiters")
    func structure() throws {
        let trusted: JSONObject = [
            "raw": "<b>", "yes": true, "no": false, "n": 7, "list": [["a": "1"], ["a": "2"]], "none": [], "nil": nil,
        ]
        #expect(try render("<% raw %><% n %><%#yes %>y<%/yes %><%#no %>n<%/no %>", trusted: trusted) == "<b>7y")
        #expect(try render("<%#list %>\n- <% a %>\n<%/list %>\n", trusted: trusted) == "- 1\n- 2\n")
        #expect(try render("<%^none %>empty<%/none %><%#nil %>x<%/nil %>", trusted: trusted) == "empty")
        let partials = ["part": "<i><% html(text) %></i>\n{{ x }}\n"]
        #expect(
            try render("<p>\n  <%> part %>\n</p>", partials: partials)
                == "<p>\n  <i>&quot;&lt;&amp;&#39;</i>\n  {{ x }}\n</p>")
    }

    @Test("a value is text, never a template")
    func noInjection() throws {
        #expect(
            try render("<% line(text) %>", outside: "<% raw %>{{raw}}", trusted: ["raw": "x"]) == "<% raw %>{{raw}}")
    }

    @Test(
        "what can't be right is an error with its place",
        arguments: [
            ("<% text %>", "comes from outside"), ("a\n<%& text %>", "comes from outside"),
            ("<% nothing %>", "there is no value nothing"), ("<%#nothing %>x<%/nothing %>", "no value nothing"),
            ("<% upper(text) %>", "there is no escape upper"), ("a\nb\n<%#open %>", "line 3"), ("<% broken", "line 1"),
        ])
    func errors(template: String, message: String) {
        let error = #expect(throws: TemplateError.self) { try render(template) }
        #expect(error?.file == "file")
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
}

@Suite("the files of a project")
struct ProjectFilesTests {
    /// A catalog in a folder of its own.
    func files(
        _ sources: [String: String], options: [String: Bool] = [:], title: String = "\"<&'", in sandbox: Sandbox
    ) throws -> [String: String] {
        let all = [
            "rules.yaml": "stacks: [s]",
            "s/template.yaml": """
            version: 1
            title: S
            features: [f]
            fallback: f
            options: {extra: {default: true, description: d}}
            conditions: [{path: extra/, option: extra}, {path: one.txt, option: extra}]
            manifest: {commands: {test: [[a]]}, e2e: {pages: [/]}}
            """,
            "s/features/f/feature.yaml": """
            summary: s
            description: d
            values: {folder: src, up: .., rows: [{a: "1"}]}
            manifest: {e2e: {pages: [/b]}, health: /h}
            """,
        ].merging(sources) { _, given in given }
        for (file, text) in all { try sandbox.write(text, to: "templates/" + file) }
        let catalog = try TemplateCatalog.load(from: sandbox.path + "/templates")
        let plan = try #require(
            ProjectPlan(json: [
                "version": 1, "name": "n", "title": .string(title), "description": "d", "stack": "s", "feature": "f",
                "template_version": 1, "year": 2026, "options": .object(JSONObject(options.map { ($0, .bool($1)) })),
            ]))
        let project = try ProjectFiles(plan, in: catalog)
        #expect(
            try project.manifest() == [
                "version": 1, "name": "n", "stack": "s", "commands": ["test": [["a"]]], "e2e": ["pages": ["/", "/b"]],
                "health": "/h",
            ])
        return Dictionary(
            uniqueKeysWithValues: try project.all().map { ($0.path, String(decoding: $0.bytes, as: UTF8.self)) })
    }

    @Test("features lie over the base, templates are rendered, other files copied, names are templates too")
    func composition() async throws {
        try await Sandbox.with { sandbox in
            let made = try files(
                [
                    "s/base/a.txt": "base", "s/base/b.txt": "<% raw %>", "s/base/c.html.mustache": "<% html(title) %>",
                    "s/features/f/a.txt": "feature",
                    "s/features/f/<% folder %>/<% slug %>.js.mustache": "<% js(title) %>",
                    "s/partials/p.mustache": "x",
                ], in: sandbox)
            #expect(
                made == [
                    "a.txt": "feature", "b.txt": "<% raw %>", "c.html": "&quot;&lt;&amp;&#39;",
                    "src/n.js": #""\"\u003c\u0026'""#,
                ])
        }
    }

    @Test("files of an option are there only if it is on")
    func conditions() async throws {
        let sources = ["s/base/extra/deep/a": "", "s/base/one.txt": "", "s/base/extra.txt": ""]
        try await Sandbox.with { sandbox in
            #expect(try files(sources, options: ["extra": true], in: sandbox).count == 3)
            let without = try files(sources, options: ["extra": false], in: sandbox)
            #expect(Array(without.keys) == ["extra.txt"])
        }
    }

    @Test("a name can't lead out of the project", arguments: ["<% line(title) %>", "<% up %>", "<% title %>"])
    func names(name: String) async throws {
        try await Sandbox.with { sandbox in
            _ = #expect(throws: TemplateError.self) {
                try files(["s/base/" + name: ""], title: "a/../../../x", in: sandbox)
            }
        }
    }

    @Test(
        "broken descriptions are named with their file",
        arguments: [
            ("rules.yaml", "stacks: []", "at least one"), ("rules.yaml", "stacks: [t]", "t/template.yaml"),
            ("rules.yaml", "stakcs: [s]", "did you mean stacks?"), ("rules.yaml", "a: [", "not valid YAML"),
            ("s/template.yaml", "title: x", "fallback"), ("s/features/f/feature.yaml", "summary: 7", "summary"),
            ("s/features/f/feature.yaml", "keywords: {a: 1}\nsummary: a\ndescription: b", "keywords"),
        ])
    func descriptions(file: String, text: String, message: String) async throws {
        try await Sandbox.with { sandbox in
            let error = #expect(throws: TemplateError.self) { try files([file: text], in: sandbox) }
            #expect(error.map(\.description)?.contains(message) == true, "\(error.map(\.description) ?? "")")
        }
    }
}
