import JSONTools

/// Reads a pattern and writes it out as instructions.
struct TextPatternCompiler {
    private typealias Instruction = LinearPattern.Instruction
    private typealias ScalarClass = LinearPattern.ScalarSet

    private indirect enum Part {
        case nothing
        case one(Instruction)
        case sequence([Part])
        case alternatives([Part])
        /// A part at least `min` and at most `max` times; nil: without limit.
        case repeated(Part, Int, Int?)
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var program: [Instruction] = []

    init(_ source: String) {
        scalars = Array(source.unicodeScalars)
    }

    mutating func compile() throws(TextPattern.Failure) -> [LinearPattern.Instruction] {
        let part = try alternatives()
        if position < scalars.count { throw failure("found ')' without '('") }
        try emit(part)
        try append(.match)
        return program
    }

    // MARK: Reading

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(TextPattern.Failure) -> Part {
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    private mutating func sequence() throws(TextPattern.Failure) -> Part {
        var parts: [Part] = []
        while let scalar = peek, scalar != "|", scalar != ")" { parts.append(try repeated(try single())) }
        return parts.isEmpty ? .nothing : .sequence(parts)
    }

    private mutating func repeated(_ part: Part) throws(TextPattern.Failure) -> Part {
        let result: Part
        if take("*") {
            result = .repeated(part, 0, nil)
        } else if take("+") {
            result = .repeated(part, 1, nil)
        } else if take("?") {
            result = .repeated(part, 0, 1)
        } else if take("{") {
            let (least, most) = try counts()
            result = .repeated(part, least, most)
        } else {
            return part
        }
        // The lazy form finds the same texts; only whether there is one matters here.
        _ = take("?")
        if let scalar = peek, "*+?{".unicodeScalars.contains(scalar) {
            throw failure("found '\(scalar)' after a repetition; expected parentheses around it")
        }
        return result
    }

    /// Reads the rest of `{m}`, `{m,}` or `{m,n}`.
    private mutating func counts() throws(TextPattern.Failure) -> (Int, Int?) {
        let least = try number()
        var most: Int? = least
        if take(",") { most = peek == "}" ? nil : try number() }
        guard take("}") else { throw failure("found an open '{'; expected {m}, {m,} or {m,n}, or \\{ for the sign") }
        if let most, most < least { throw failure("found {\(least),\(most)}; expected the smaller number first") }
        return (least, most)
    }

    private mutating func number() throws(TextPattern.Failure) -> Int {
        let start = position
        while let scalar = peek, ScalarClass.digits.contains(scalar) { position += 1 }
        let digits = scalars[start..<position].map(String.init).joined()
        guard let value = Int(digits), value <= 1000 else {
            throw failure("found '{\(digits)'; expected a count from 0 to 1000, or \\{ for the sign")
        }
        return value
    }

    private mutating func single() throws(TextPattern.Failure) -> Part {
        guard let scalar = peek else { throw failure("found the end; expected more") }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .one(.scalars(try scalarClass()))
        case ".": return .one(.scalars(.anyInLine))
        case "^": return .one(.textStart)
        case "$": return .one(.textEnd)
        case "\\": return .one(try escape())
        case "*", "+", "?", "{": throw failure("found '\(scalar)' with nothing to repeat before it")
        default: return .one(.scalars(.only(scalar)))
        }
    }

    private mutating func group() throws(TextPattern.Failure) -> Part {
        guard depth < 32 else { throw failure("found groups nested beyond 32 levels") }
        if take("?"), !take(":") { throw failure("found '(?'; expected '(?:', as there is no look-around") }
        depth += 1
        let part = try alternatives()
        depth -= 1
        guard take(")") else { throw failure("found '(' without ')'") }
        return part
    }

    private mutating func escape() throws(TextPattern.Failure) -> Instruction {
        guard let scalar = peek else { throw failure("found '\\' at the end; expected a sign after it") }
        position += 1
        switch scalar {
        case "b": return .wordBoundary(expected: true)
        case "B": return .wordBoundary(expected: false)
        default: break
        }
        if let known = Self.namedClass(scalar) { return .scalars(known) }
        return .scalars(.only(try escapedScalar(scalar)))
    }

    private static func namedClass(_ scalar: Unicode.Scalar) -> ScalarClass? {
        switch scalar {
        case "d": .digits
        case "D": .digits.inverted
        case "w": .word
        case "W": .word.inverted
        case "s": .space
        case "S": .space.inverted
        default: nil
        }
    }

    private func escapedScalar(_ scalar: Unicode.Scalar) throws(TextPattern.Failure) -> Unicode.Scalar {
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case _ where scalar.isASCII && ScalarClass.isWord(scalar):
            throw failure("found '\\\(scalar)'; expected one of \\d \\w \\s \\D \\W \\S \\b \\B \\n \\r \\t, or a sign")
        default: return scalar
        }
    }

    private mutating func scalarClass() throws(TextPattern.Failure) -> ScalarClass {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = peek, scalar != "]" || isFirst {
            isFirst = false
            position += 1
            var lower = scalar
            if scalar == "\\" {
                guard let escaped = peek else { break }
                position += 1
                if let known = Self.namedClass(escaped) {
                    ranges += known.plainRanges
                    continue
                }
                lower = try escapedScalar(escaped)
            }
            ranges.append(try range(from: lower))
        }
        guard take("]") else { throw failure("found '[' without ']'") }
        return ScalarClass(ranges: ranges, negated: isInverted)
    }

    /// The rest of `a-z` in a class, or just `a`. A `-` at the end of the class stands for itself.
    private mutating func range(from lower: Unicode.Scalar) throws(TextPattern.Failure) -> ClosedRange<UInt32> {
        guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
            return lower.value...lower.value
        }
        position += 1
        var upper = scalars[position]
        position += 1
        if upper == "\\", let escaped = peek {
            position += 1
            upper = try escapedScalar(escaped)
        }
        guard lower <= upper else { throw failure("found '\(lower)-\(upper)'; expected the smaller sign first") }
        return lower.value...upper.value
    }

    private func failure(_ message: String) -> TextPattern.Failure {
        TextPattern.Failure(description: "\(message) (at sign \(min(position, scalars.count)))")
    }

    // MARK: Writing

    private mutating func append(_ instruction: Instruction) throws(TextPattern.Failure) {
        guard program.count < TextPattern.instructionLimit else {
            throw TextPattern.Failure(description: "found repetitions that are too large; expected smaller counts")
        }
        program.append(instruction)
    }

    private mutating func emit(_ part: Part) throws(TextPattern.Failure) {
        switch part {
        case .nothing: break
        case .one(let instruction): try append(instruction)
        case .sequence(let parts): for part in parts { try emit(part) }
        case .alternatives(let parts): try emit(alternatives: parts)
        case .repeated(let part, let least, let most): try emit(part, least: least, most: most)
        }
    }

    private mutating func emit(alternatives parts: [Part]) throws(TextPattern.Failure) {
        var exits: [Int] = []
        for (index, part) in parts.enumerated() {
            guard index + 1 < parts.count else {
                try emit(part)
                break
            }
            let fork = program.count
            try append(.split(fork + 1, 0))
            try emit(part)
            exits.append(program.count)
            try append(.jump(0))
            program[fork] = .split(fork + 1, program.count)
        }
        for exit in exits { program[exit] = .jump(program.count) }
    }

    private mutating func emit(_ part: Part, least: Int, most: Int?) throws(TextPattern.Failure) {
        for _ in 0..<least {
            let before = program.count
            try emit(part)
            // An empty part stays empty however often it is repeated, and nested repetitions of it would take for ever.
            if program.count == before { break }
        }
        if let most {
            var forks: [Int] = []
            for _ in least..<most {
                forks.append(program.count)
                try append(.split(program.count + 1, 0))
                try emit(part)
            }
            for fork in forks { program[fork] = .split(fork + 1, program.count) }
        } else {
            let fork = program.count
            try append(.split(fork + 1, 0))
            try emit(part)
            try append(.jump(fork))
            program[fork] = .split(fork + 1, program.count)
        }
    }
}
