/// A parser, and what it promises: to end within its limits, to say why it refuses, and that what it accepts can be
/// written and read again.
package struct FuzzTarget {
    /// What a parser made of an input.
    package enum Verdict {
        /// It was accepted.
        case accepted
        /// It was refused, in words that say what kind of thing is wrong; inputs with new words are kept to make others of.
        case refused(String)
        /// A promise was broken.
        case broken(String)
    }

    package let name: String
    let dialect: FuzzDialect
    let maxBytes: Int
    let body: (_ input: [UInt8]) -> Verdict

    /// - Parameters:
    ///   - name: how it is called; also the name of its folder in the corpus.
    ///   - dialect: what inputs are made of.
    ///   - maxBytes: the largest input.
    ///   - body: feeds the parser.
    package init(
        _ name: String, _ dialect: FuzzDialect, maxBytes: Int = 64 << 10,
        _ body: @escaping (_ input: [UInt8]) -> Verdict
    ) {
        self.name = name
        self.dialect = dialect
        self.maxBytes = maxBytes
        self.body = body
    }

    /// Feeds one input.
    ///
    /// - Returns: the promise that was broken; nil if none was.
    package func brokenPromise(of input: [UInt8]) -> String? {
        if case .broken(let promise) = body(input) { promise } else { nil }
    }
}
