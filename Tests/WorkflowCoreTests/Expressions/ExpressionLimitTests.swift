import JSONTools
import Testing
import WorkflowCore

@Suite struct ExpressionLimitTests {
    private func code(_ source: String, in scope: ExpressionScope = ExpressionScope()) -> ExpressionError.Code? {
        do {
            _ = try CompiledExpression(source: source).evaluate(in: scope)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Nesting beyond 64 levels is refused, and 64 are not")
    func depth() {
        func nested(_ count: Int) -> String {
            String(repeating: "(", count: count) + "1" + String(repeating: ")", count: count)
        }
        #expect(code(nested(63)) == nil)
        #expect(code(nested(64)) == .limit)
        #expect(code(String(repeating: "not ", count: 62) + "true") == nil)
        #expect(code(String(repeating: "not ", count: 900) + "true") == .limit)
        #expect(code(String(repeating: "[", count: 2000)) == .limit)
        #expect(code(String(repeating: "json(", count: 800)) == .limit)
    }

    @Test("An expression is at most 4 KiB long")
    func length() {
        #expect(code("'" + String(repeating: "a", count: 4094) + "'") == nil)
        #expect(code("'" + String(repeating: "a", count: 4095) + "'") == .limit)
    }

    @Test("An evaluation takes at most 10,000 steps")
    func steps() {
        let numbers = ExpressionScope(input: ["list": .array((0..<9000).map { .integer($0) })])
        #expect(code("5 in input.list", in: numbers) == nil)
        let long = Array(repeating: "5 in input.list", count: 100).joined(separator: " and ")
        #expect(code(long, in: numbers) == .limit)
    }

    @Test("A result is at most 256 KiB large")
    func result() {
        let text = ExpressionScope(input: ["text": .string(String(repeating: "a", count: 100_000))])
        #expect(code("[input.text, input.text]", in: text) == nil)
        #expect(code("[input.text, input.text, input.text]", in: text) == .limit)
        #expect(code("join([input.text, input.text, input.text])", in: text) == .limit)
        let doubled = "[" + Array(repeating: "[input.text, input.text]", count: 50).joined(separator: ", ") + "]"
        #expect(code(doubled, in: text) == .limit)
    }

    @Test("A template's expressions share the limit on the result")
    func template() throws {
        let text = ExpressionScope(input: ["text": .string(String(repeating: "a", count: 100_000))])
        let one: JSONValue = "{{ input.text }}"
        #expect(try CompiledTemplate([one, one]).render(in: text).arrayValue?.count == 2)
        let three = try CompiledTemplate([one, one, one])
        #expect(throws: ExpressionError.self) { try three.render(in: text) }
    }

    @Test("A pattern has at most 256 bytes and its text at most 4 KiB")
    func patterns() {
        let subject = ExpressionScope(input: ["text": .string(String(repeating: "a", count: 4096))])
        #expect(code("input.text matches 'a$'", in: subject) == nil)
        let longer = ExpressionScope(input: ["text": .string(String(repeating: "a", count: 4097))])
        #expect(code("input.text matches 'a$'", in: longer) == .limit)
        #expect(code("'a' matches '\(String(repeating: "a", count: 256))'") == nil)
        #expect(code("'a' matches '\(String(repeating: "a", count: 257))'") == .syntax)
    }

    @Test(
        "Patterns that keep other engines busy for years are decided at once",
        arguments: ["(a+)+$", "^(a|a)*$", "(.*)*(.*)*b", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a?){60}a{60}b"])
    func catastrophe(pattern: String) throws {
        let subject = ExpressionScope(input: ["text": .string(String(repeating: "a", count: 4000) + "!")])
        let expression = try CompiledExpression(source: "input.text matches '\(pattern)'")
        let start = ContinuousClock.now
        let value = try expression.evaluate(in: subject)
        let time = ContinuousClock.now - start
        #expect(value == false)
        // A generous bound in a debug build; a backtracking engine would not come back at all.
        #expect(time < .seconds(20), "\(pattern) took \(time)")
    }
}
