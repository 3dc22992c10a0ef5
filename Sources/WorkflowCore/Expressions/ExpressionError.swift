import JSONTools

/// Why an expression cannot be read or evaluated, with the place in its source.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing is wrong; the raw value is stable and fit for programs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text breaks the grammar.
        case syntax = "EXPRESSION_SYNTAX"
        /// A root, function, field or stage that does not exist.
        case unknownName = "EXPRESSION_UNKNOWN_NAME"
        /// Part of the language that this version does not evaluate yet.
        case notSupported = "EXPRESSION_NOT_SUPPORTED"
        /// A value of the wrong kind for what is done with it.
        case wrongType = "EXPRESSION_WRONG_TYPE"
        /// Something of a stage that has not run.
        case notRun = "EXPRESSION_NOT_RUN"
        /// A limit of `ExpressionLimits` was met.
        case limit = "EXPRESSION_LIMIT"
    }

    /// What kind of thing is wrong.
    public var code: Code
    /// The text that was being read or evaluated: an expression, or the whole string that it stands in.
    public var source: String
    /// The place in `source`, counted in Unicode scalars from 1.
    public var column: Int
    /// What was found and what was expected.
    public var message: String
    /// What to do about it, if there is something to say.
    public var hint: String?

    /// - Parameters:
    ///   - code: what kind of thing is wrong.
    ///   - source: the text that was being read.
    ///   - column: the place in it, in Unicode scalars from 1.
    ///   - message: what was found and what was expected; cut at 2000 bytes, as it may repeat a name of any length.
    ///   - hint: what to do about it.
    public init(code: Code, source: String, column: Int, message: String, hint: String? = nil) {
        self.code = code
        self.source = source
        self.column = column
        self.message = message.cut(toBytes: 2000)
        self.hint = hint
    }

    /// One line for people: message, hint, and the place with the source (cut short when it is long).
    public var description: String {
        // Counting all characters of a long text takes longer than reading it.
        let end = source.index(source.startIndex, offsetBy: 120, limitedBy: source.endIndex) ?? source.endIndex
        let shown = (end == source.endIndex ? source : String(source[..<end]) + "…").cut(toBytes: 1000)
        let advice = hint.map { "; \($0)" } ?? ""
        return "\(message)\(advice) (column \(column) of `\(shown)`)"
    }
}
