import JSONTools

/// A part of a read expression, with its place for messages.
struct ExpressionNode: Sendable {
    indirect enum Kind: Sendable {
        case literal(JSONValue)
        case path(ExpressionPath)
        case list([ExpressionNode])
        case negation(ExpressionNode)
        /// `and` over two or more operands.
        case all([ExpressionNode])
        /// `or` over two or more operands.
        case any([ExpressionNode])
        case comparison(ExpressionComparison, ExpressionNode, ExpressionNode)
        /// `matches` with a pattern that is known beforehand.
        case match(ExpressionNode, TextPattern)
        case exists(ExpressionNode)
        case call(ExpressionFunction, [ExpressionNode])
    }

    var kind: Kind
    /// Offset of the part's first byte in the text.
    var offset: Int
}

/// A way through the scope: a root and keys.
struct ExpressionPath: Sendable {
    enum Root: Sendable {
        case input
        case workflow
        case env
        /// A field of a stage.
        case stage(String, StageField)
    }

    enum StageField: String, Sendable, CaseIterable {
        case status, output, commit, artifacts
    }

    enum Key: Sendable {
        case name(String)
        case index(Int)
    }

    var root: Root
    var keys: [Key]
}

/// An operator between two values.
enum ExpressionComparison: String, Sendable, CaseIterable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case within = "in"
    case contains
    case matches
}

/// A function that expressions may call. All are pure.
enum ExpressionFunction: String, Sendable, CaseIterable {
    case length, lower, upper, `default`, join, keys, sum, min, max, round, json

    /// How many arguments it takes.
    var arity: ClosedRange<Int> {
        switch self {
        case .length, .lower, .upper, .keys, .sum, .json: 1...1
        case .default: 2...2
        case .join, .round: 1...2
        case .min, .max: 1...64
        }
    }

    /// How it is called, for messages.
    var usage: String {
        switch self {
        case .length: "length(text, list or object)"
        case .lower: "lower(text)"
        case .upper: "upper(text)"
        case .default: "default(value, fallback)"
        case .join: "join(list, separator)"
        case .keys: "keys(object)"
        case .sum: "sum(list)"
        case .min: "min(list) or min(a, b, …)"
        case .max: "max(list) or max(a, b, …)"
        case .round: "round(number, digits)"
        case .json: "json(value)"
        }
    }
}
