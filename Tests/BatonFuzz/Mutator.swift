/// Makes new inputs of known ones.
struct Mutator {
    /// The largest input, in bytes.
    static let maxBytes = 64 * 1024

    private static let words: [String] = [
        "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "false", "-", "1e400", "-0",
        "1e-400",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616", "0.1", "\u{FEFF}", "\u{0}", "\n", "\t",
        " ",
        "{{", "}}", "{{ input", "stages.", " and ", " or ", " not ", " in ", "exists", "default(", "matches '",
        "'(a*)*b'", "- ",
        "name:", "stages:", "&a", "*a", "<<: *a", "!!binary", "|", ">", "---", "...", "%YAML", "?", "#", "$ref",
        "#/$defs/a",
        "additionalProperties", "pattern", "^(a|a)*$", "oneOf", "%00", "%", "+", "&", "=", "\u{202E}", "😀", "é",
        "\u{FFFD}",
    ]

    var corpus: [[UInt8]] = []
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(random() % UInt64(limit)) }

    /// The next input.
    mutating func next() -> [UInt8] {
        var input = corpus[below(corpus.count)]
        let steps = 1 + below(below(8) + 1)
        for _ in 0..<steps { mutate(&input) }
        if input.count > Self.maxBytes { input.removeLast(input.count - Self.maxBytes) }
        return input
    }

    private mutating func mutate(_ input: inout [UInt8]) {
        let place = below(input.count + 1)
        let length = min(input.count - place, 1 + below(below(64) + 1))
        switch below(12) {
        case 0 where !input.isEmpty:
            input[min(place, input.count - 1)] ^= 1 << UInt8(below(8))
        case 1 where !input.isEmpty:
            input[min(place, input.count - 1)] = UInt8(truncatingIfNeeded: random())
        case 2:
            input.insert(UInt8(truncatingIfNeeded: random()), at: place)
        case 3 where length > 0:
            input.removeSubrange(place..<place + length)
        case 4 where length > 0:
            input.insert(contentsOf: Array(input[place..<place + length]), at: below(input.count + 1))
        case 5, 6:
            input.insert(contentsOf: Self.words[below(Self.words.count)].utf8, at: place)
        case 7 where length > 0:
            input.replaceSubrange(place..<place + length, with: Self.words[below(Self.words.count)].utf8)
        case 8:
            let other = corpus[below(corpus.count)]
            let start = below(other.count + 1)
            let end = start + min(other.count - start, 1 + below(256))
            input.insert(contentsOf: other[start..<end], at: place)
        case 9 where !input.isEmpty:
            input.removeLast(input.count - place)
        case 10 where length > 0:
            // Deep or long repetition of a piece.
            let piece = Array(input[place..<place + length])
            for _ in 0..<below(below(200) + 1) { input.insert(contentsOf: piece, at: place) }
        default:
            let digits = "\(Int64(bitPattern: random()) >> Int64(below(63)))"
            input.insert(contentsOf: digits.utf8, at: place)
        }
    }
}
