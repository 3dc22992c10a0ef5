import FoundationEssentials
import JSONTools
import Testing
import WorkflowCore
import WorkflowDefinitions

@Suite struct DefinitionFuzzTests {
    @Test("50,000 mutations of definitions are read or refused with a place, without a crash")
    func mutations() throws {
        var random = SplitMix64(seed: 0xba70)
        let yaml = [
            DefinitionParserTests.full, "name: a\nstages:\n  - {name: s, agent: x, with: {a: \"{{ input.b }}\"}}\n",
            "name: a\nstages: [{name: s, agent: x}, {name: t, agent: x, needs: [s], if: '{{ input.c }}'}]\n",
        ]
        let seeds = yaml.map { Array($0.utf8) }
        let json = try yaml.map {
            Array(try DefinitionParser.parse(text: $0, fileName: "a.yaml").canonicalJSON().prettyPrinted().utf8)
        }
        let words = [
            "&a ", "*a", "!!int ", "? ", "- ", "<<: ", "|\n", ">-\n ", "{{ ", " }}", "needs: [s]\n", "\u{0}", "%YAML",
        ]
        var valid = 0
        for round in 0..<50_000 {
            let isJSON = round % 4 == 0
            // The long seed is used less often than the short ones, for the sake of time.
            let choice = random.next(below: 8)
            var bytes = (isJSON ? json : seeds)[choice == 0 ? 0 : 1 + choice % 2]
            for _ in 0...random.next(below: 3) { mutate(&bytes, words: words, &random) }
            do {
                let text = String(decoding: bytes, as: UTF8.self)
                let definition = try DefinitionParser.parse(text: text, fileName: isJSON ? "a.json" : "a.yaml")
                valid += 1
                guard round % 16 == 0 else { continue }
                #expect(try WorkflowDefinition(canonicalJSON: definition.canonicalJSON()) == definition)
            } catch let error as DefinitionErrors {
                guard let first = error.faults.first, first.line >= 1, first.column >= 1 else {
                    Issue.record("faults without a place: \(error) in \(String(decoding: bytes, as: UTF8.self))")
                    return
                }
            }
        }
        #expect(valid > 1000, "the mutations should leave many definitions valid, not \(valid)")
    }

    @Test("Nested aliases and deep nesting are refused at once")
    func bombs() {
        var laughs = "a: &a [x, x]\n"
        for letter in "bcdefghijklmnopqrstuvwxyz" {
            let previous = String(UnicodeScalar(UInt8(letter.asciiValue ?? 0) - 1))
            laughs += "\(letter): &\(letter) [*\(previous), *\(previous)]\n"
        }
        let texts = [
            laughs, laughs + "? *z\n: 1\n", String(repeating: "[", count: 200_000),
            String(repeating: "{a: ", count: 60_000),
            String(repeating: "- ", count: 100_000), String(repeating: "? ", count: 100_000),
        ]
        for text in texts {
            #expect(throws: DefinitionErrors.self) { try DefinitionParser.parse(text: text, fileName: "a.yaml") }
            #expect(throws: DefinitionErrors.self) { try DefinitionParser.parse(text: text, fileName: "a.json") }
        }
    }

    /// Changes, inserts, deletes, copies or moves some bytes.
    private func mutate(_ bytes: inout [UInt8], words: [String], _ random: inout SplitMix64) {
        let alphabet = Array("{}[],:-'\"#&*!|>%@`?~ \n\t019azA_.\\\u{e9}".utf8)
        let position = random.next(below: bytes.count + 1)
        switch random.next(below: 6) {
        case 0: bytes.insert(alphabet[random.next(below: alphabet.count)], at: position)
        case 1: if position < bytes.count { bytes[position] = alphabet[random.next(below: alphabet.count)] }
        case 2: if position < bytes.count { bytes.remove(at: position) }
        case 3: bytes.insert(contentsOf: words[random.next(below: words.count)].utf8, at: position)
        case 4: bytes.removeSubrange(position..<min(bytes.count, position + random.next(below: 20)))
        default:
            let end = min(bytes.count, position + random.next(below: 40))
            bytes.insert(contentsOf: bytes[position..<end], at: random.next(below: bytes.count + 1))
        }
    }
}

/// A small generator with a seed (Steele, Lea, Flood 2014), so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
