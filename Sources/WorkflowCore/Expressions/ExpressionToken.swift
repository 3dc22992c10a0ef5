import JSONTools

/// A word or sign of an expression.
struct ExpressionToken: Sendable {
    enum Kind: Sendable, Hashable {
        /// A name or word such as `input` or `and`.
        case word(String)
        /// A string or number.
        case literal(JSONValue)
        /// `==`, `(`, `.` and so on.
        case sign(String)
        /// Nothing is left.
        case end
    }

    var kind: Kind
    /// Offset of the first byte in the text.
    var offset: Int

    /// How the token is called in messages.
    var name: String {
        switch kind {
        case .word(let word): "'\(word)'"
        case .literal(.string): "a string"
        case .literal(let value): "'\(value)'"
        case .sign(let sign): "'\(sign)'"
        case .end: "the end"
        }
    }
}
