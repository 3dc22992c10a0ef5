public import JSONTools

/// An expression, read and checked, that can be evaluated any number of times.
///
/// Expressions are pure: the same scope gives the same value, and nothing outside the scope can be seen. Their length,
/// depth, steps and result are bounded by `ExpressionLimits`.
public struct CompiledExpression: Sendable {
    /// The expression as written, without its braces and the spaces around it.
    public let source: String
    /// What it looks at.
    public let reads: ExpressionReads

    private let text: ExpressionText
    private let root: ExpressionNode

    /// Reads an expression.
    ///
    /// - Parameter source: the expression without `{{` and `}}`, at most 4 KiB.
    /// - Throws: `ExpressionError` for whatever can be known without a scope: grammar, unknown roots, functions, fields.
    public init(source: String) throws(ExpressionError) {
        let text = ExpressionText(source)
        try self.init(text: text, range: 0..<text.bytes.count)
    }

    /// Reads a string that is one whole expression in its braces, as the field `if` of a stage has it.
    ///
    /// - Parameter template: `{{ … }}` with nothing but spaces around.
    /// - Throws: `ExpressionError` as `init(source:)` does, and if there is other text or no expression.
    public init(template: String) throws(ExpressionError) {
        var compiler = TemplateCompiler()
        switch try compiler.compile(template) {
        case .expression(let expression): self = expression
        case .constant, .text, .array, .object:
            throw ExpressionError(
                code: .syntax, source: template, column: 1,
                message: "found text; expected one whole expression, as in \"{{ input.skip != true }}\"")
        }
    }

    /// Reads the expression that stands in a range of bytes of a text.
    init(text: ExpressionText, range: Range<Int>) throws(ExpressionError) {
        var parser = try ExpressionParser(text, range: range)
        self.root = try parser.parse()
        self.text = text
        self.reads = parser.reads
        var trimmed = text.bytes[range]
        while let byte = trimmed.first, ExpressionLexer.isSpace(byte) { trimmed.removeFirst() }
        while let byte = trimmed.last, ExpressionLexer.isSpace(byte) { trimmed.removeLast() }
        self.source = String(decoding: trimmed, as: UTF8.self)
    }

    /// The stages of which it reads anything.
    public var stagesRead: Set<String> { reads.stages }

    /// The value in a scope.
    ///
    /// - Throws: `ExpressionError` if a stage has not run, a value is of the wrong kind, or a limit is met.
    public func evaluate(in scope: ExpressionScope) throws(ExpressionError) -> JSONValue {
        var budget = EvaluationBudget()
        return try evaluate(in: scope, budget: &budget)
    }

    /// The value as a condition: true or false, where null counts as false.
    ///
    /// - Throws: `ExpressionError` as `evaluate(in:)` does, and if the value is anything else.
    public func isTrue(in scope: ExpressionScope) throws(ExpressionError) -> Bool {
        var evaluator = ExpressionEvaluator(text: text, scope: scope, budget: EvaluationBudget())
        return try evaluator.truth(of: root, for: "if")
    }

    /// The value in a scope, charged to a budget that is shared with other expressions.
    func evaluate(in scope: ExpressionScope, budget: inout EvaluationBudget) throws(ExpressionError) -> JSONValue {
        let own = min(budget.steps, ExpressionLimits.steps)
        var evaluator = ExpressionEvaluator(
            text: text, scope: scope, budget: EvaluationBudget(steps: own, bytes: budget.bytes))
        let value = try evaluator.evaluate(root)
        let size = value.approximateSize(upTo: budget.bytes)
        guard size <= budget.bytes else { throw evaluator.tooLarge(at: root) }
        budget.bytes -= size
        budget.steps -= own - evaluator.budget.steps
        return value
    }

    /// An error about the whole expression.
    func error(_ code: ExpressionError.Code, _ message: String, hint: String? = nil) -> ExpressionError {
        text.error(code, at: root.offset, message, hint: hint)
    }
}

extension CompiledExpression: Hashable, CustomStringConvertible {
    /// Whether two expressions are written alike.
    public static func == (left: CompiledExpression, right: CompiledExpression) -> Bool { left.source == right.source }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    /// The expression in its braces.
    public var description: String { "{{ \(source) }}" }
}
