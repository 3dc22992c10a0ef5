/// A regular expression that is matched in time proportional to text × pattern, whatever either of them is.
///
/// The subset of ECMA-262 that can be had without backtracking: alternatives, groups (no captures), `* + ? {n,m}`, `.`,
/// classes, `\d \w \s` and their opposites (ASCII, but `\s` as ECMA has it), `^ $ \b \B`, and the usual escapes. Look-around,
/// back references, named groups and `\p{…}` are refused. The matcher follows all threads of a Thompson automaton at
/// once (K. Thompson, "Regular expression search algorithm", 1968).
///
/// Another dialect may bring instructions of its own and use the matcher alone.
package struct LinearPattern: Sendable, Hashable {
    /// Programs with more instructions than this are refused.
    static let maxInstructions = 10_000
    /// Counted repetitions beyond this are refused.
    static let maxRepetitions = 1000

    /// One step of a compiled pattern.
    package enum Instruction: Sendable, Hashable {
        case scalars(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case textStart
        case textEnd
        case wordBoundary(expected: Bool)
        case match
    }

    /// Ranges of scalars, or all but those.
    package struct ScalarSet: Sendable, Hashable {
        /// In order, none touches the next.
        package let ranges: [ClosedRange<UInt32>]
        package let negated: Bool

        /// - Parameters:
        ///   - ranges: in any order.
        ///   - negated: whether all scalars but those are meant.
        package init(ranges: [ClosedRange<UInt32>], negated: Bool = false) {
            self.ranges = ranges.count < 2 ? ranges : Self.merged(ranges)
            self.negated = negated
        }

        private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
            var merged: [ClosedRange<UInt32>] = []
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                guard let last = merged.last, range.lowerBound <= last.upperBound + 1 else {
                    merged.append(range)
                    continue
                }
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            }
            return merged
        }

        package func contains(_ scalar: UnicodeScalar) -> Bool {
            // The first range that doesn't end before the scalar.
            var low = 0
            var high = ranges.count
            while low < high {
                let middle = (low + high) / 2
                if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
            }
            return (low < ranges.count && ranges[low].lowerBound <= scalar.value) != negated
        }
    }

    /// The pattern as it was written.
    package let source: String
    /// What the matcher follows, from its first instruction.
    package let program: [Instruction]

    /// A pattern that was compiled elsewhere.
    ///
    /// - Parameters:
    ///   - program: ends with `match`; every split and jump leads into it.
    ///   - source: what it was compiled from.
    package init(program: [Instruction], source: String) {
        self.program = program
        self.source = source
    }

    /// Compiles a pattern; throws the reason why it can't be.
    init(_ source: String) throws(LinearPatternError) {
        self.source = source
        var compiler = LinearPatternCompiler(source)
        program = try compiler.compile()
    }

    /// Whether the pattern is found anywhere in `text`.
    package func isFound(in text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var current = ThreadList(capacity: program.count)
        var next = ThreadList(capacity: program.count)
        for position in 0...scalars.count {
            // A new thread at each position: the match may begin anywhere.
            if add(0, to: &current, scalars, position) { return true }
            guard position < scalars.count else { break }
            next.removeAll()
            for thread in current.threads {
                if case .scalars(let set) = program[thread], set.contains(scalars[position]),
                    add(thread + 1, to: &next, scalars, position + 1)
                {
                    return true
                }
            }
            swap(&current, &next)
        }
        return false
    }

    /// Adds a thread and all that it leads to without taking a scalar; true if that includes a match.
    private func add(_ start: Int, to list: inout ThreadList, _ text: [UnicodeScalar], _ position: Int) -> Bool {
        var pending = [start]
        while let thread = pending.popLast() {
            guard list.insert(thread) else { continue }
            switch program[thread] {
            case .match: return true
            case .scalars: break
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            case .textStart:
                if position == 0 { pending.append(thread + 1) }
            case .textEnd:
                if position == text.count { pending.append(thread + 1) }
            case .wordBoundary(let expected):
                let before = position > 0 && isWord(text[position - 1])
                let after = position < text.count && isWord(text[position])
                if (before != after) == expected { pending.append(thread + 1) }
            }
        }
        return false
    }

    private func isWord(_ scalar: UnicodeScalar) -> Bool { LinearPatternCompiler.word.contains(scalar) }
}

/// Why a pattern can't be compiled.
struct LinearPatternError: Error {
    var message: String
}

/// A set of program positions in order of insertion.
private struct ThreadList {
    private(set) var threads: [Int] = []
    private var present: [Bool]

    init(capacity: Int) {
        present = Array(repeating: false, count: capacity)
    }

    mutating func insert(_ thread: Int) -> Bool {
        guard !present[thread] else { return false }
        present[thread] = true
        threads.append(thread)
        return true
    }

    mutating func removeAll() {
        for thread in threads { present[thread] = false }
        threads.removeAll(keepingCapacity: true)
    }
}
