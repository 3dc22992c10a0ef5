/// Reads a pattern and writes the program of a ``LinearPattern``.
struct LinearPatternCompiler {
    typealias ScalarSet = LinearPattern.ScalarSet

    /// What has been read, before repetitions are unrolled.
    private indirect enum Node {
        case empty
        case scalars(ScalarSet)
        case assertion(LinearPattern.Instruction)
        case sequence([Node])
        case alternatives([Node])
        case repetition(Node, atLeast: Int, atMost: Int?)
    }

    static let digits = ScalarSet(ranges: [0x30...0x39])
    static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = ScalarSet(ranges: [
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    private static let newlines = ScalarSet(ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], negated: true)

    private let source: [UnicodeScalar]
    private var position = 0
    private var depth = 0
    private var program: [LinearPattern.Instruction] = []
    private var emissions = 0

    init(_ source: String) {
        self.source = Array(source.unicodeScalars)
    }

    mutating func compile() throws(LinearPatternError) -> [LinearPattern.Instruction] {
        let node = try alternatives()
        guard position == source.count else { throw error("found ')' without '('") }
        try emit(node)
        program.append(.match)
        return program
    }

    private func error(_ message: String) -> LinearPatternError {
        LinearPatternError(message: "\(message) at character \(position + 1) of the pattern")
    }

    private var next: UnicodeScalar? { position < source.count ? source[position] : nil }

    private mutating func accept(_ scalar: UnicodeScalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }
}

// Reading.
extension LinearPatternCompiler {
    private mutating func alternatives() throws(LinearPatternError) -> Node {
        var choices = [try sequence()]
        while accept("|") { choices.append(try sequence()) }
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func sequence() throws(LinearPatternError) -> Node {
        var nodes: [Node] = []
        while let scalar = next, scalar != "|", scalar != ")" { nodes.append(try quantified()) }
        return .sequence(nodes)
    }

    private mutating func quantified() throws(LinearPatternError) -> Node {
        let atom = try atom()
        let bounds: (Int, Int?)
        switch next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{": return try counted(atom)
        default: return atom
        }
        position += 1
        return try repeated(atom, bounds.0, bounds.1)
    }

    private mutating func counted(_ atom: Node) throws(LinearPatternError) -> Node {
        position += 1
        guard let least = try count() else { throw error("expected a number after '{' (a literal brace is \\{)") }
        var most: Int? = least
        if accept(",") { most = try count() }
        guard accept("}") else { throw error("expected '}'") }
        guard most ?? least >= least else { throw error("the bounds of a repetition are the wrong way round") }
        return try repeated(atom, least, most)
    }

    private mutating func repeated(_ atom: Node, _ least: Int, _ most: Int?) throws(LinearPatternError) -> Node {
        if case .assertion = atom { throw error("an anchor cannot be repeated") }
        // Lazy or greedy makes no difference to whether something matches.
        _ = accept("?")
        if let next, next == "*" || next == "+" || next == "?" { throw error("nothing to repeat") }
        return .repetition(atom, atLeast: least, atMost: most)
    }

    private mutating func count() throws(LinearPatternError) -> Int? {
        var value: Int?
        while let scalar = next, Self.digits.contains(scalar) {
            value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
            guard value ?? 0 <= LinearPattern.maxRepetitions else {
                throw error("more than \(LinearPattern.maxRepetitions) repetitions are not supported")
            }
            position += 1
        }
        return value
    }

    private mutating func atom() throws(LinearPatternError) -> Node {
        guard let scalar = next else { return .empty }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .scalars(try scalarClass())
        case ".": return .scalars(Self.newlines)
        case "^": return .assertion(.textStart)
        case "$": return .assertion(.textEnd)
        case "\\": return try escape()
        case "*", "+", "?", "{":
            position -= 1
            throw error("nothing to repeat")
        default: return .scalars(ScalarSet(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func group() throws(LinearPatternError) -> Node {
        if accept("?") {
            guard accept(":") else {
                throw error("look-around and named groups are not supported, only (…) and (?:…)")
            }
        }
        depth += 1
        guard depth <= 100 else { throw error("groups are nested too deep") }
        let node = try alternatives()
        guard accept(")") else { throw error("expected ')'") }
        depth -= 1
        return node
    }

    private mutating func escape() throws(LinearPatternError) -> Node {
        switch next {
        case "b":
            position += 1
            return .assertion(.wordBoundary(expected: true))
        case "B":
            position += 1
            return .assertion(.wordBoundary(expected: false))
        default:
            return .scalars(try escapedSet())
        }
    }

    private mutating func escapedSet() throws(LinearPatternError) -> ScalarSet {
        guard let scalar = next else { throw error("the pattern ends within an escape") }
        position += 1
        switch scalar {
        case "d": return Self.digits
        case "D": return ScalarSet(ranges: Self.digits.ranges, negated: true)
        case "w": return Self.word
        case "W": return ScalarSet(ranges: Self.word.ranges, negated: true)
        case "s": return Self.space
        case "S": return ScalarSet(ranges: Self.space.ranges, negated: true)
        case "t": return single(0x09)
        case "n": return single(0x0A)
        case "v": return single(0x0B)
        case "f": return single(0x0C)
        case "r": return single(0x0D)
        case "x": return single(try hexadecimal(2))
        case "u": return single(try hexadecimal(4))
        default:
            guard !Self.word.contains(scalar) else {
                position -= 1
                throw error("the escape \\\(scalar) is not supported")
            }
            return single(scalar.value)
        }
    }

    private func single(_ value: UInt32) -> ScalarSet { ScalarSet(ranges: [value...value]) }

    private mutating func hexadecimal(_ count: Int) throws(LinearPatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let scalar = next, scalar.isASCII, let digit = hexValue(UInt8(scalar.value)) else {
                throw error("expected \(count) hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// Reads a class whose opening bracket has been read.
    private mutating func scalarClass() throws(LinearPatternError) -> ScalarSet {
        let negated = accept("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !accept("]") {
            let first = try classMember()
            guard next == "-", position + 1 < source.count, source[position + 1] != "]" else {
                ranges += first.negated ? complement(first) : first.ranges
                continue
            }
            position += 1
            let last = try classMember()
            guard let low = first.onlyScalar, let high = last.onlyScalar, low <= high else {
                throw error("a range in a class needs two characters in ascending order")
            }
            ranges.append(low...high)
        }
        return ScalarSet(ranges: ranges, negated: negated)
    }

    private mutating func classMember() throws(LinearPatternError) -> ScalarSet {
        guard let scalar = next else { throw error("expected ']'") }
        position += 1
        guard scalar == "\\" else { return single(scalar.value) }
        if accept("b") { return single(0x08) }
        return try escapedSet()
    }

    private func complement(_ set: ScalarSet) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in set.ranges {
            if range.lowerBound > start { ranges.append(start...(range.lowerBound - 1)) }
            start = range.upperBound + 1
        }
        return ranges + [start...0x10FFFF]
    }
}

extension LinearPattern.ScalarSet {
    fileprivate var onlyScalar: UInt32? {
        guard !negated, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}

// Writing.
extension LinearPatternCompiler {
    private var tooLarge: LinearPatternError {
        LinearPatternError(
            message: "the pattern is too large: its repetitions unroll to more than "
                + "\(LinearPattern.maxInstructions) instructions")
    }

    private mutating func append(_ instruction: LinearPattern.Instruction) throws(LinearPatternError) {
        guard program.count < LinearPattern.maxInstructions else { throw tooLarge }
        program.append(instruction)
    }

    private mutating func emit(_ node: Node) throws(LinearPatternError) {
        // Empty groups write nothing, so repeating them has to be bounded by itself.
        emissions += 1
        guard emissions <= 10 * LinearPattern.maxInstructions else { throw tooLarge }
        switch node {
        case .empty: break
        case .scalars(let set): try append(.scalars(set))
        case .assertion(let instruction): try append(instruction)
        case .sequence(let nodes):
            for node in nodes { try emit(node) }
        case .alternatives(let choices): try emit(alternatives: choices)
        case .repetition(let node, let least, let most):
            for _ in 0..<least { try emit(node) }
            if let most { try emit(node, optionally: most - least) } else { try emit(endlessly: node) }
        }
    }

    private mutating func emit(alternatives choices: [Node]) throws(LinearPatternError) {
        var jumps: [Int] = []
        for choice in choices.dropLast() {
            let split = program.count
            try append(.jump(0))
            try emit(choice)
            jumps.append(program.count)
            try append(.jump(0))
            program[split] = .split(split + 1, program.count)
        }
        if let last = choices.last { try emit(last) }
        for jump in jumps { program[jump] = .jump(program.count) }
    }

    private mutating func emit(_ node: Node, optionally count: Int) throws(LinearPatternError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(program.count)
            try append(.jump(0))
            try emit(node)
        }
        for split in splits { program[split] = .split(split + 1, program.count) }
    }

    private mutating func emit(endlessly node: Node) throws(LinearPatternError) {
        let split = program.count
        try append(.jump(0))
        try emit(node)
        try append(.jump(split))
        program[split] = .split(split + 1, program.count)
    }
}
