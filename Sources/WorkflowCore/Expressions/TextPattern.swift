import JSONTools

/// A pattern of the operator `matches`: the part of regular expressions that can be decided in time proportional to
/// the length of the text, whatever the pattern.
///
/// The engines of the standard library go back and try again, so a pattern such as `(a+)+$` can keep them busy for
/// years. The matcher of JSONTools follows all ways at once (Ken Thompson, "Regular Expression Search Algorithm", 1968; Russ Cox,
/// "Regular Expression Matching Can Be Simple And Fast", 2007).
///
/// Known are literals, `.`, classes `[a-z]` and `[^…]`, `\d \w \s \D \W \S` (ASCII), `\b`, escapes of signs and
/// `\n \r \t`, `^` and `$` (the ends of the whole text), groups `(…)` and `(?:…)`, `|`, `*`, `+`, `?`, `{m}`, `{m,}`,
/// `{m,n}`. There are no back references and no look-around. A pattern fits if it fits anywhere in the text.
struct TextPattern: Sendable, Hashable {
    /// Why a pattern cannot be used.
    struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        let description: String
    }

    /// The most instructions that a pattern may compile to; repetitions such as `{100}` are written out.
    static let instructionLimit = 600

    private let pattern: LinearPattern

    /// How many instructions the pattern compiled to: the work for each scalar of a text at worst.
    var size: Int { pattern.program.count }

    /// - Throws: `Failure`, saying what was found and what was expected.
    init(_ source: String) throws(Failure) {
        guard source.utf8.count <= ExpressionLimits.patternBytes else {
            throw Failure(
                description:
                    "found \(source.utf8.count) bytes; expected a pattern of at most \(ExpressionLimits.patternBytes)")
        }
        var compiler = TextPatternCompiler(source)
        pattern = LinearPattern(program: try compiler.compile(), source: source)
    }

    /// Whether the pattern fits anywhere in a text. Takes time proportional to the lengths of both at worst.
    func matches(_ text: String) -> Bool { pattern.isFound(in: text) }
}

extension LinearPattern.ScalarSet {
    static let digits = Self(ranges: [0x30...0x39])
    static let word = Self(ranges: [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = Self(ranges: [0x09...0x0d, 0x20...0x20])
    /// What `.` stands for.
    static let anyInLine = Self(ranges: [0x0a...0x0a], negated: true)

    /// The set of one scalar.
    static func only(_ scalar: Unicode.Scalar) -> Self { Self(ranges: [scalar.value...scalar.value]) }

    /// Everything that is not in this set.
    var inverted: Self { Self(ranges: ranges, negated: !negated) }

    /// The ranges of this set with the inversion carried out.
    var plainRanges: [ClosedRange<UInt32>] {
        guard negated else { return ranges }
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        return gaps + [next...0x10_ffff]
    }

    static func isWord(_ scalar: Unicode.Scalar) -> Bool { word.contains(scalar) }
}
