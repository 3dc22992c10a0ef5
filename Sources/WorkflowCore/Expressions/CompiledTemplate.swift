public import JSONTools

/// A JSON value whose strings may hold expressions in `{{ }}`, read and checked.
///
/// A string that is one whole expression becomes the value of it, of whatever kind. In a string with other text around,
/// each expression is written out: texts and numbers as they are, lists and objects as JSON; null is an error there, as
/// an empty place in a text is hardly ever meant. Keys of objects are never expressions. `{{ '{{' }}` gives `{{`.
public struct CompiledTemplate: Sendable {
    /// A template that renders to an empty object.
    public static let empty = CompiledTemplate(constant: .object([:]))

    /// The value as written.
    public let source: JSONValue
    /// What its expressions look at.
    public let reads: ExpressionReads

    private let root: TemplateNode

    /// Reads a template.
    ///
    /// - Parameter source: any JSON value, at most 64 levels deep.
    /// - Throws: `ExpressionError` for the first expression that is wrong.
    public init(_ source: JSONValue) throws(ExpressionError) {
        var faults: [Fault] = []
        self.init(source, faults: &faults)
        if let first = faults.first { throw first.error }
    }

    /// Reads a template and collects everything that is wrong. With faults, the template must not be used.
    public init(_ source: JSONValue, faults: inout [Fault]) {
        var compiler = TemplateCompiler()
        self.root = compiler.compile(source, at: .root)
        self.source = source
        self.reads = compiler.reads
        faults += compiler.faults
    }

    private init(constant: JSONValue) {
        source = constant
        reads = ExpressionReads()
        root = .constant(constant)
    }

    /// The stages of which its expressions read anything.
    public var stagesRead: Set<String> { reads.stages }

    /// Something wrong in a template.
    public struct Fault: Sendable, Hashable {
        /// The string it stands in.
        public let pointer: JSONPointer
        /// What is wrong.
        public let error: ExpressionError
    }

    /// The value in a scope.
    ///
    /// - Throws: `ExpressionError` as evaluating does, and for null inside text.
    public func render(in scope: ExpressionScope) throws(ExpressionError) -> JSONValue {
        var budget = EvaluationBudget(steps: ExpressionLimits.templateSteps)
        return try root.render(in: scope, budget: &budget)
    }

    /// What the expressions of one string look at; nothing if it cannot be read.
    ///
    /// - Parameter text: a string as it may stand in a template.
    public static func reads(in text: String) -> ExpressionReads {
        var compiler = TemplateCompiler()
        _ = compiler.compile(.string(text), at: .root)
        return compiler.reads
    }
}

extension CompiledTemplate: Hashable {
    /// Whether two templates are written alike.
    public static func == (left: CompiledTemplate, right: CompiledTemplate) -> Bool { left.source == right.source }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
