import JSONTools
import Testing
import WorkflowCore

@Suite struct TemplateTests {
    static let renderings: [(JSONValue, JSONValue)] = [
        ("plain", "plain"), (7, 7), (nil, nil), ("{{ input.count }}", 3), ("  {{ input.count }}\n", 3),
        ("{{ input.tags }}", ["web", "api"]), ("n = {{ input.count }}", "n = 3"),
        ("{{ input.count }}{{ input.count }}", "33"),
        ("{{ input.on }}/{{ input.ratio }}", "true/2.5"), ("tags: {{ input.tags }}", #"tags: ["web","api"]"#),
        ("{{ '}}' }}", "}}"), ("{{ '{{' }} x", "{{ x"), (#"{{ "a\"}}" }}!"#, #"a"}}!"#), ("{ not one }", "{ not one }"),
        ("}} {", "}} {"), ("{{ input.missing }}", nil), ("{{ default(input.missing, '') }}x", "x"),
        (["a": ["{{ input.count }}", 1], "b": "x"], ["a": [3, 1], "b": "x"]),
        ("Grüße {{ input.umlaut }}", "Grüße Grüße"),
    ]

    @Test("A lone expression keeps its kind, and one in text is written out", arguments: renderings)
    func rendering(source: JSONValue, expected: JSONValue) throws {
        let template = try CompiledTemplate(source)
        #expect(try template.render(in: ExpressionTests.scope) == expected)
        #expect(template.source == source)
    }

    @Test("Null inside text is an error that names the expression")
    func null() throws {
        let template = try CompiledTemplate("Dear {{ input.missing }}!")
        let error = #expect(throws: ExpressionError.self) { try template.render(in: ExpressionTests.scope) }
        #expect(error?.message == "found null for 'input.missing' inside text; expected something to write")
        #expect(error?.hint == "default(input.missing, '') stands in for what is missing")
        #expect(error?.column == 9)
    }

    @Test("All faults of a template are found, each with its place and its column in the whole string")
    func faults() {
        let source: JSONValue = ["a": ["x {{ inptu }}", "{{ 1 + 1 }}"], "b": "ok {{ 'open", "{{ input.k }}": 1]
        var faults: [CompiledTemplate.Fault] = []
        _ = CompiledTemplate(source, faults: &faults)
        #expect(faults.map(\.pointer.description) == ["/a/0", "/a/1", "/b", "/{{ input.k }}"])
        #expect(faults.map(\.error.column) == [6, 6, 4, 1])
        #expect(faults.map(\.error.code) == [.unknownName, .syntax, .syntax, .notSupported])
        #expect(faults[2].error.message == "found '{{' without '}}'; expected '}}' after the expression")
        #expect(faults[2].error.hint == "a quote is still open")
        #expect(throws: ExpressionError.self) { try CompiledTemplate(source) }
    }

    @Test("A template knows the stages that it reads")
    func stagesRead() throws {
        let template = try CompiledTemplate(["a": "{{ stages.x.output.y }} and {{ stages.z.status }}", "b": "stages.w"])
        #expect(template.stagesRead == ["x", "z"])
        #expect(CompiledTemplate.empty.stagesRead.isEmpty)
    }

    @Test(
        "A condition is one whole expression",
        arguments: ["input.skip", "a {{ input.skip }}", "", "{{ input.a }}{{ input.b }}"])
    func condition(text: String) {
        let error = #expect(throws: ExpressionError.self) { try CompiledExpression(template: text) }
        #expect(error?.message == "found text; expected one whole expression, as in \"{{ input.skip != true }}\"")
    }

    @Test("Values nested too deeply are refused")
    func depth() {
        var value: JSONValue = 1
        for _ in 0..<65 { value = [value] }
        #expect(throws: ExpressionError.self) { try CompiledTemplate(value) }
    }
}
