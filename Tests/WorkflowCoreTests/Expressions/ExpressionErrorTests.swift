import JSONTools
import Testing
import WorkflowCore

@Suite struct ExpressionErrorTests {
    /// Source, code, column, message, hint.
    static let unreadableSources: [(String, ExpressionError.Code, Int, String, String?)] = [
        ("", .syntax, 1, "found an empty expression; expected for example input.name", nil),
        ("   ", .syntax, 4, "found an empty expression; expected for example input.name", nil),
        (
            "inptu.x", .unknownName, 1, "found the unknown name 'inptu'; expected one of input, workflow, stages, env",
            "did you mean 'input'?"
        ),
        (
            "node", .unknownName, 1, "found the unknown name 'node'; expected one of input, workflow, stages, env",
            "text needs quotes, and the fields of input_data are read as input.node"
        ),
        (
            "lowr(input.x)", .unknownName, 1,
            "found the unknown function 'lowr'; expected one of length, lower, upper, default, join, keys, sum, min, max, round, json",
            "did you mean 'lower'?"
        ),
        (
            "exists(input.x)", .syntax, 1, "found 'exists'; expected a value",
            "write it after the value: input.name exists"
        ),
        (
            "workflow.tpye", .unknownName, 1,
            "found 'workflow.tpye'; expected one of id, type, name, description, requirements, priority after 'workflow.'",
            "did you mean 'type'?"
        ),
        (
            "stages", .syntax, 1,
            "found an incomplete path; expected stages.<name>.<status | output | commit | artifacts>", nil
        ),
        (
            "stages.build", .syntax, 1,
            "found an incomplete path; expected stages.<name>.<status | output | commit | artifacts>", nil
        ),
        (
            "stages.build.outptu", .unknownName, 1,
            "found 'stages.build.outptu'; expected one of status, output, commit, artifacts after the stage",
            "did you mean 'output'?"
        ),
        (
            "stages.build.tests", .unknownName, 1,
            "found 'stages.build.tests'; expected one of status, output, commit, artifacts after the stage",
            "what the agent gave back is in stages.build.output.tests"
        ),
        (
            "input.a && input.b", .syntax, 9, "found '&'; expected 'and'", nil
        ),
        (
            "input.a | upper", .syntax, 9, "found '|'; expected 'or', or a function call",
            "there are no filters: write lower(x) instead of x | lower"
        ),
        ("input.a = 1", .syntax, 9, "found '='; expected '==' to compare", nil),
        ("!input.a", .syntax, 1, "found '!'; expected 'not' or '!='", nil),
        (
            "input.a + 1", .syntax, 9, "found '+'; expected a value or an operator",
            "there is no arithmetic in expressions; sum, min, max and round work on numbers"
        ),
        (
            "input.a - 1", .syntax, 9, "found '-'; expected a value or an operator",
            "there is no arithmetic in expressions; sum, min, max and round work on numbers"
        ),
        (
            "input.a ? 1 : 2", .syntax, 9, "found '?'; expected an operator or the end",
            "there is no ?: operator: use 'if' on a stage, or default(x, y)"
        ),
        ("input.a adn input.b", .syntax, 9, "found 'adn'; expected an operator or the end", "did you mean 'and'?"),
        ("(input.a", .syntax, 9, "found the end; expected ')'", nil),
        ("[1, 2", .syntax, 6, "found the end; expected ',' or ']'", nil),
        ("[1, ]", .syntax, 5, "found ']'; expected a value", nil),
        ("1 ==", .syntax, 5, "found the end; expected a value", nil),
        (
            "1 < 2 < 3", .syntax, 7, "found '<'; expected 'and', 'or' or the end",
            "comparisons do not chain: write a < b and b < c, or use parentheses"
        ),
        ("1 not 2", .syntax, 7, "found '2'; expected 'in' after 'not'", nil),
        ("'abc", .syntax, 1, "found a string without its closing '; expected ' before the end", nil),
        ("\"abc", .syntax, 1, "found a string without its closing \"; expected \" before the end", nil),
        (
            #""a\q""#, .syntax, 3, #"found an unknown escape; expected one of \\ \" \' \n \r \t"#,
            "in single quotes a backslash is just a backslash"
        ),
        ("12px", .syntax, 1, "found the number '12px'; expected a decimal number such as 3, -1 or 2.5", nil),
        ("1e999", .syntax, 1, "found the number '1e999'; expected a decimal number such as 3, -1 or 2.5", nil),
        (
            "input.", .syntax, 7, "found the end; expected a name after '.'",
            "other keys are written ['like this'], elements [0]"
        ),
        ("input[-1]", .syntax, 7, "found '-1'; expected a key in quotes or a position from 0 in the brackets", nil),
        (
            "input[input.a]", .syntax, 7,
            "found 'input'; expected a key in quotes or a position from 0 in the brackets", nil
        ),
        ("length()", .syntax, 1, "found 0 arguments for 'length'; expected length(text, list or object)", nil),
        ("default(1)", .syntax, 1, "found 1 argument for 'default'; expected default(value, fallback)", nil),
        (
            "steps.a.output", .notSupported, 1, "'steps' is not supported in this version",
            "expressions can read input, workflow, stages, env"
        ),
        (
            "item", .notSupported, 1, "'item' is not supported in this version",
            "expressions can read input, workflow, stages, env"
        ),
        (
            "index == 0", .notSupported, 1, "'index' is not supported in this version",
            "expressions can read input, workflow, stages, env"
        ),
        (
            "1 == secrets.KEY", .notSupported, 6, "'secrets' is not supported in this version",
            "expressions can read input, workflow, stages, env"
        ),
        ("'a' matches 1", .wrongType, 13, "found an integer after 'matches'; expected a pattern in quotes", nil),
        ("'a' matches '('", .syntax, 13, "in the pattern '(': found '(' without ')' (at sign 1)", nil),
        ("'ü' == §", .syntax, 8, "found '§'; expected a value or an operator", nil),
        (
            "{a: 1}", .syntax, 1, "found '{'; expected a value or an operator",
            "objects cannot be written in expressions, and braces do not nest"
        ),
    ]

    @Test("What cannot be read says what was found, what was expected, and where", arguments: unreadableSources)
    func unreadable(source: String, code: ExpressionError.Code, column: Int, message: String, hint: String?) {
        let error = #expect(throws: ExpressionError.self) { try CompiledExpression(source: source) }
        #expect(error == ExpressionError(code: code, source: source, column: column, message: message, hint: hint))
    }

    /// Source, code, column, message, hint.
    static let failingSources: [(String, ExpressionError.Code, Int, String, String?)] = [
        (
            "stages.lint.output.x", .notRun, 1,
            "found 'stages.lint.output', but stage 'lint' has not run (it is skipped)",
            "write default(stages.lint.output, …) if that may be"
        ),
        (
            "stages.later.status", .notRun, 1, "found 'stages.later.status', but stage 'later' has not run",
            "write default(stages.later.status, …) if that may be"
        ),
        (
            "input.missing < 1", .wrongType, 15, "found null < an integer; expected two numbers or two texts",
            "default(x, 0) stands in for what is missing"
        ),
        ("'a' < 1", .wrongType, 5, "found a string < an integer; expected two numbers or two texts", nil),
        (
            "1 in 2", .wrongType, 3,
            "found an integer in an integer; expected a list, a key and an object, or two texts",
            nil
        ),
        (
            "input.missing contains 'a'", .wrongType, 15,
            "found null contains a string; expected a list, a key and an object, or two texts",
            "default(x, []) stands in for what is missing"
        ),
        (
            "input.name and true", .wrongType, 1, "found a string for 'and'; expected true or false",
            "compare it with something, or write '… exists'"
        ),
        (
            "not 1", .wrongType, 5, "found an integer for 'not'; expected true or false",
            "compare it with something, or write '… exists'"
        ),
        (
            "length(input.missing)", .wrongType, 1, "found length(null); expected length(text, list or object)",
            "default(x, y) stands in for what is missing"
        ),
        ("upper(1)", .wrongType, 1, "found upper(an integer); expected upper(text)", nil),
        ("sum([1, 'a'])", .wrongType, 1, "found a string at position 1 of sum; expected numbers", nil),
        ("join([[]])", .wrongType, 1, "found an array at position 0 of join; expected texts, numbers or booleans", nil),
        ("join([], 1)", .wrongType, 1, "found an integer as separator of join; expected a text", nil),
        (
            "max(1, 'a')", .wrongType, 1, "found an integer and a string in max; expected numbers only, or texts only",
            nil
        ),
        ("min('a')", .wrongType, 1, "found min(a string); expected min(list) or min(a, b, …)", nil),
        ("round(1.5, 99)", .wrongType, 1, "found 99 as digits of round; expected a whole number from 0 to 15", nil),
        (
            "input.count matches 'a'", .wrongType, 13, "found an integer before 'matches'; expected a text", nil
        ),
        (
            "'a' matches input.bad", .wrongType, 13,
            "in the pattern 'a{': found '{'; expected a count from 0 to 1000, or \\{ for the sign (at sign 2)", nil
        ),
        ("env", .wrongType, 1, "found 'env' alone; expected a name after it, as in env.HOME", nil),
    ]

    @Test("What cannot be evaluated says what was found, what was expected, and where", arguments: failingSources)
    func failing(source: String, code: ExpressionError.Code, column: Int, message: String, hint: String?) throws {
        var scope = ExpressionTests.scope
        scope.input = .object(
            JSONObject((scope.input.objectValue ?? [:]).map { $0 } + [(key: "bad", value: "a{")]))
        let expression = try CompiledExpression(source: source)
        let error = #expect(throws: ExpressionError.self) { try expression.evaluate(in: scope) }
        #expect(error == ExpressionError(code: code, source: source, column: column, message: message, hint: hint))
    }

    @Test("An error in one line names message, hint, column and source")
    func description() {
        let error = #expect(throws: ExpressionError.self) { try CompiledExpression(source: "inptu.x") }
        #expect(
            error?.description
                == "found the unknown name 'inptu'; expected one of input, workflow, stages, env; "
                + "did you mean 'input'? (column 1 of `inptu.x`)")
    }
}
