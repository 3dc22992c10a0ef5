import JSONTools
import Testing
import WorkflowCore

@Suite struct ExpressionTests {
    static let scope = ExpressionScope(
        input: [
            "name": "calculator", "count": 3, "ratio": 2.5, "on": true, "off": false, "nothing": nil,
            "tags": ["web", "api"], "numbers": [3, 1.5, -2], "nested": ["deep": ["er": "x"], "odd key": 1],
            "rows": [["id": 1], ["id": 2]], "umlaut": "Grüße",
        ],
        workflow: ["id": "w1", "type": "app", "name": "demo", "priority": "high"],
        stages: [
            "build": .init(
                status: "completed", output: ["tests": 14, "plan": ["stack": "node"]], commit: "c0ffee",
                artifacts: [["name": "report.html"]]),
            "unit-tests": .init(status: "failed"),
            "lint": .init(status: "skipped"),
        ],
        env: ["REGION": "eu-1"])

    static let values: [(String, JSONValue)] = [
        // Literals
        ("'a'", "a"), ("\"a\"", "a"), ("'it''s'", "it's"), (#""a\n\"b\"\\""#, "a\n\"b\"\\"), (#"'\d'"#, #"\d"#),
        ("1", 1), ("-7", -7), ("2.5", 2.5), ("1e3", 1000), ("9223372036854775807", .integer(.max)), ("1.5e-1", 0.15),
        ("true", true), ("false", false), ("null", nil), ("[]", []), ("[1, 'a', [true]]", [1, "a", [true]]),
        // Paths
        ("input.name", "calculator"), ("input['name']", "calculator"), ("input.nested.deep.er", "x"),
        ("input.nested['odd key']", 1), ("input.tags[1]", "api"), ("input.rows[0].id", 1), ("workflow.type", "app"),
        ("workflow['name']", "demo"), ("env.REGION", "eu-1"), ("stages.build.status", "completed"),
        ("stages.build.output.plan.stack", "node"), ("stages['build'].output.tests", 14),
        ("stages.build.commit", "c0ffee"), ("stages.build.artifacts[0].name", "report.html"),
        ("stages.unit-tests.status", "failed"), ("stages.unit-tests.output", nil), ("stages.lint.status", "skipped"),
        // What is not there is null
        ("input.missing", nil), ("input.missing.deeper[3]['x']", nil), ("input.tags[7]", nil),
        ("input.name.first", nil),
        ("workflow.requirements", nil), ("env.HOME", nil), ("stages.build.output.nope", nil),
        // Words that are operators elsewhere are keys after a dot
        ("input.in", nil), ("input.not.exists", nil),
        // Equality
        ("1 == 1.0", true), ("1 == '1'", false), ("'a' != 'b'", true), ("[1, 2] == [1, 2]", true),
        ("input.missing == null", true), ("input.missing != true", true), ("input.nested == input.nested", true),
        // Order
        ("1 < 2", true), ("2 <= 2", true), ("3 > 2.5", true), ("2 >= 3", false), ("'a' < 'b'", true),
        ("'Z' < 'a'", true), ("9007199254740993 > 9007199254740992", true), ("-1 < 0.5", true),
        // in, contains
        ("'web' in input.tags", true), ("'x' in input.tags", false), ("'x' not in input.tags", true),
        ("'deep' in input.nested", true), ("'cul' in input.name", true), ("input.tags contains 'api'", true),
        ("input.name contains 'z'", false), ("input.nested contains 'odd key'", true), ("2 in [1, 2.0]", true),
        ("'' in 'a'", true), ("[1] in [[1]]", true),
        // matches
        ("input.name matches '^calc'", true), (#"'v1.20' matches '^v\d+\.\d+$'"#, true), ("'abc' matches 'b'", true),
        ("'abc' matches input.name", false),
        // exists
        ("input.name exists", true), ("input.missing exists", false), ("input.nothing exists", false),
        ("input.off exists", true), ("not input.missing exists", true), ("stages.lint.output exists", false),
        ("stages.later.output.x exists", false), ("stages.build.output.tests exists", true),
        // and, or, not
        ("true and true", true), ("true and false", false), ("false or true", true), ("not true", false),
        ("not not true", true), ("not input.missing", true), ("false and stages.lint.output.x", false),
        ("true or stages.lint.output.x", true), ("false or false and true", false), ("(true or true) and false", false),
        ("not false and false", false), ("1 == 1 and 2 == 2 and 3 == 3", true), ("input.on and not input.off", true),
        // Functions
        ("length('Grüße')", 5), ("length(input.tags)", 2), ("length(input.nested)", 2), ("lower('ÄB')", "äb"),
        ("upper('äb')", "ÄB"), ("default(input.missing, 'x')", "x"), ("default(input.count, 'x')", 3),
        ("default(input.off, true)", false), ("default(stages.lint.output.x, 0)", 0),
        ("default(stages.later.output, [])", []), ("default(input.a, default(input.b, 2))", 2),
        ("join(input.tags)", "web,api"), ("join([1, 'a', true, 2.5], ' ')", "1 a true 2.5"), ("join([], '-')", ""),
        ("keys(input.nested)", ["deep", "odd key"]), ("sum([1, 2])", 3), ("sum(input.numbers)", 2.5), ("sum([])", 0),
        ("min(input.numbers)", -2), ("max(input.numbers)", 3), ("min(3, 1, 2)", 1), ("max('a', 'c', 'b')", "c"),
        ("min([])", nil), ("round(2.5)", 3), ("round(-2.5)", -3), ("round(2.345, 2)", 2.35), ("round(7)", 7),
        ("round(1e300)", 1e300), ("json(input.tags)", #"["web","api"]"#), ("json('a')", #""a""#),
        ("json(null)", "null"),
        // Spaces and line breaks mean nothing
        ("  input . tags [ 0 ]  ", "web"), ("1\n==\t1", true),
    ]

    @Test("Expressions have the value that the language says", arguments: values)
    func value(source: String, expected: JSONValue) throws {
        let value = try CompiledExpression(source: source).evaluate(in: Self.scope)
        #expect(value == expected, "\(source) gave \(value)")
    }

    @Test("Whole numbers stay integers, and fractions stay doubles")
    func kinds() throws {
        for (source, isInteger) in [("1", true), ("round(2.4)", true), ("sum([1, 2])", true), ("2.0", false)] {
            let value = try CompiledExpression(source: source).evaluate(in: Self.scope)
            let found = if case .integer = value { true } else { false }
            #expect(found == isInteger, "\(source) gave \(value)")
        }
    }

    @Test("Conditions are true or false, and null counts as false")
    func conditions() throws {
        #expect(try CompiledExpression(source: "input.on").isTrue(in: Self.scope))
        #expect(try !CompiledExpression(source: "input.missing").isTrue(in: Self.scope))
        let text = try CompiledExpression(source: "input.name")
        #expect(throws: ExpressionError.self) { try text.isTrue(in: Self.scope) }
    }

    @Test("An expression knows the stages that it reads")
    func stagesRead() throws {
        let source =
            "stages.build.output.x == stages['unit-tests'].status or default(stages.lint.commit, '') in [input.a]"
        #expect(try CompiledExpression(source: source).stagesRead == ["build", "unit-tests", "lint"])
        #expect(try CompiledExpression(source: "input.stages.build").stagesRead.isEmpty)
        #expect(try CompiledExpression(source: "input.a.b == input['c d'] or input").reads.inputFields == ["a", "c d"])
    }

    @Test("An expression keeps its source without braces and spaces around")
    func source() throws {
        #expect(try CompiledExpression(source: "  input.a ").source == "input.a")
        let expression = try CompiledExpression(template: "{{ input.skip != true }}")
        #expect(expression.source == "input.skip != true")
        #expect(expression.description == "{{ input.skip != true }}")
        #expect(expression == (try CompiledExpression(source: "input.skip != true")))
    }
}
