/// A pattern of the operator `matches`: the part of regular expressions that can be decided in time proportional to
/// the length of the text, whatever the pattern.
///
/// The engines of the standard library go back and try again, so a pattern such as `(a+)+$` can keep them busy for
/// years. This one follows all ways at once (Ken Thompson, "Regular Expression Search Algorithm", 1968; Russ Cox,
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

    /// One step of the compiled pattern.
    enum Instruction: Sendable, Hashable {
        case scalar(Unicode.Scalar)
        case anyScalar
        case oneOf(ScalarClass)
        /// Goes on at both places.
        case fork(Int, Int)
        case jump(Int)
        case start
        case end
        case wordEdge(Bool)
        case success
    }

    /// The most instructions that a pattern may compile to; repetitions such as `{100}` are written out.
    static let instructionLimit = 600

    let source: String
    let program: [Instruction]

    /// - Throws: `Failure`, saying what was found and what was expected.
    init(_ source: String) throws(Failure) {
        guard source.utf8.count <= ExpressionLimits.patternBytes else {
            throw Failure(
                description:
                    "found \(source.utf8.count) bytes; expected a pattern of at most \(ExpressionLimits.patternBytes)")
        }
        self.source = source
        var compiler = TextPatternCompiler(source)
        self.program = try compiler.compile()
    }

    /// Whether the pattern fits anywhere in a text. Takes time proportional to `text.count × program.count` at worst.
    func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var current = ThreadSet(capacity: program.count)
        var next = ThreadSet(capacity: program.count)
        for position in 0...scalars.count {
            // A new attempt begins at every position, which makes the search unanchored.
            if follow(0, in: scalars, at: position, into: &current) { return true }
            guard position < scalars.count else { break }
            next.removeAll()
            for index in current.members where consumes(program[index], scalars[position]) {
                if follow(index + 1, in: scalars, at: position + 1, into: &next) { return true }
            }
            swap(&current, &next)
        }
        return false
    }

    private func consumes(_ instruction: Instruction, _ scalar: Unicode.Scalar) -> Bool {
        switch instruction {
        case .scalar(let expected): expected == scalar
        case .anyScalar: scalar != "\n"
        case .oneOf(let accepted): accepted.contains(scalar)
        case .fork, .jump, .start, .end, .wordEdge, .success: false
        }
    }

    /// Adds all instructions that can be reached without consuming anything; true if success is among them.
    private func follow(
        _ start: Int, in scalars: [Unicode.Scalar], at position: Int, into threads: inout ThreadSet
    ) -> Bool {
        var open = [start]
        while let index = open.popLast() {
            guard threads.insert(index) else { continue }
            switch program[index] {
            case .fork(let first, let second):
                open.append(second)
                open.append(first)
            case .jump(let target): open.append(target)
            case .start: if position == 0 { open.append(index + 1) }
            case .end: if position == scalars.count { open.append(index + 1) }
            case .wordEdge(let expected):
                let before = position > 0 && ScalarClass.isWord(scalars[position - 1])
                let after = position < scalars.count && ScalarClass.isWord(scalars[position])
                if (before != after) == expected { open.append(index + 1) }
            case .success: return true
            case .scalar, .anyScalar, .oneOf: break
            }
        }
        return false
    }

    /// A set of instruction numbers that is emptied in no time.
    private struct ThreadSet {
        private(set) var members: [Int] = []
        private var stamps: [Int]
        private var stamp = 1

        init(capacity: Int) { stamps = Array(repeating: 0, count: capacity) }

        mutating func insert(_ index: Int) -> Bool {
            guard stamps[index] != stamp else { return false }
            stamps[index] = stamp
            members.append(index)
            return true
        }

        mutating func removeAll() {
            members.removeAll(keepingCapacity: true)
            stamp += 1
        }
    }
}

/// A set of scalars such as `[a-z_]`.
struct ScalarClass: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>] = []
    var isInverted = false

    static let digits = ScalarClass(ranges: [0x30...0x39])
    static let word = ScalarClass(ranges: [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarClass(ranges: [0x09...0x0d, 0x20...0x20])

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        ranges.contains { $0.contains(scalar.value) } != isInverted
    }

    /// Everything that is not in this class.
    var inverted: ScalarClass { ScalarClass(ranges: ranges, isInverted: !isInverted) }

    /// The ranges of this class with the inversion carried out.
    var plainRanges: [ClosedRange<UInt32>] {
        guard isInverted else { return ranges }
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
