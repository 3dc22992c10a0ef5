import JSONTools

/// Makes new inputs of known ones: bytes flipped, cut, doubled and spliced, words of the grammar thrown in, deep nesting,
/// huge numbers, members given twice, what is no UTF-8; and for JSON, values exchanged within the document.
package struct Mutator {
    /// The largest input, in bytes.
    package let maxBytes: Int

    private let dialect: FuzzDialect
    private let seeds: [[UInt8]]
    private var found: [[UInt8]] = []
    private var random: SplitMix

    /// Most inputs that are kept because a parser had something new to say about them.
    static let maxFound = 2048

    /// - Parameters:
    ///   - seed: where the random numbers begin.
    ///   - seeds: known inputs; at least one.
    ///   - dialect: what inputs are made of.
    ///   - maxBytes: the largest input.
    package init(seed: UInt64, seeds: [[UInt8]], dialect: FuzzDialect, maxBytes: Int = 64 << 10) {
        precondition(!seeds.isEmpty, "there must be something to begin with")
        self.seeds = seeds
        self.dialect = dialect
        self.maxBytes = maxBytes
        random = SplitMix(seed: seed)
    }

    /// Keeps an input to make others of.
    package mutating func keep(_ input: [UInt8]) {
        guard input.count <= 4096 else { return }
        if found.count < Self.maxFound { found.append(input) } else { found[random.below(found.count)] = input }
    }

    /// The next input.
    package mutating func next() -> [UInt8] {
        var input = known()
        if dialect.isJSON, !random.oneIn(3), let value = try? JSONValue(parsing: input) {
            var tree = JSONMutator(random: random)
            input = tree.changed(value)
            random = tree.random
            if random.oneIn(2) { return bounded(input) }
        }
        for _ in 0...random.below(random.below(8) + 1) { mutate(&input) }
        return bounded(input)
    }

    private mutating func known() -> [UInt8] {
        if !found.isEmpty, random.oneIn(2) { return found[random.below(found.count)] }
        return seeds[random.below(seeds.count)]
    }

    private func bounded(_ input: [UInt8]) -> [UInt8] {
        input.count > maxBytes ? Array(input.prefix(maxBytes)) : input
    }

    private mutating func mutate(_ input: inout [UInt8]) {
        let place = random.below(input.count + 1)
        let length = min(input.count - place, 1 + random.below(random.below(64) + 1))
        switch random.below(16) {
        case 0 where !input.isEmpty:
            input[min(place, input.count - 1)] ^= 1 << UInt8(random.below(8))
        case 1 where !input.isEmpty:
            input[min(place, input.count - 1)] = UInt8(truncatingIfNeeded: random.next())
        case 2:
            input.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        case 3 where length > 0:
            input.removeSubrange(place..<place + length)
        case 4 where length > 0:
            input.insert(contentsOf: Array(input[place..<place + length]), at: random.below(input.count + 1))
        case 5, 6, 7:
            input.insert(contentsOf: word(), at: place)
        case 8 where length > 0, 9 where length > 0:
            input.replaceSubrange(place..<place + length, with: word())
        case 10:
            splice(&input, at: place)
        case 11 where !input.isEmpty:
            input.removeLast(input.count - place)
        case 12 where length > 0:
            let piece = Array(input[place..<place + length])
            for _ in 0..<random.below(random.below(200) + 1) { input.insert(contentsOf: piece, at: place) }
        case 13:
            nest(&input, place, length)
        case 14:
            repeatLine(&input, at: place)
        default:
            let digits = "\(Int64(bitPattern: random.next()) >> Int64(random.below(63)))"
            input.insert(contentsOf: digits.utf8, at: place)
        }
    }

    private mutating func word() -> [UInt8] { dialect.words[random.below(dialect.words.count)] }

    /// A piece of another known input.
    private mutating func splice(_ input: inout [UInt8], at place: Int) {
        let other = known()
        let start = random.below(other.count + 1)
        let end = start + min(other.count - start, 1 + random.below(256))
        input.insert(contentsOf: other[start..<end], at: place)
    }

    /// Brackets around a piece: mostly a few, at times as many as there is room for.
    private mutating func nest(_ input: inout [UInt8], _ place: Int, _ length: Int) {
        let bracket = dialect.brackets[random.below(dialect.brackets.count)]
        let isDeep = random.oneIn(64)
        let room = (maxBytes - min(input.count, maxBytes)) / (bracket.open.count + bracket.close.count)
        let times = min(isDeep ? room : 1 + random.below(80), room)
        var piece: [UInt8] = []
        piece.reserveCapacity(times * (bracket.open.count + bracket.close.count) + length)
        for _ in 0..<times { piece += bracket.open }
        piece += input[place..<place + max(0, length)]
        // Some are left open.
        if !random.oneIn(4) { for _ in 0..<times { piece += bracket.close } }
        input.replaceSubrange(place..<place + max(0, length), with: piece)
    }

    /// The line or the member at a place, once more: keys that are given twice.
    private mutating func repeatLine(_ input: inout [UInt8], at place: Int) {
        let ends: (UInt8) -> Bool = { $0 == 0x0A || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "&") }
        let start = input[..<place].lastIndex(where: ends).map { $0 + 1 } ?? 0
        let end = input[place...].firstIndex(where: ends).map { $0 + 1 } ?? input.count
        guard start < end, end - start < 1024 else { return }
        input.insert(contentsOf: Array(input[start..<end]), at: start)
    }
}
