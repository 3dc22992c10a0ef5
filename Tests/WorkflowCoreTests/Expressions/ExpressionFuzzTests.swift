import JSONTools
import Testing
import WorkflowCore

@Suite struct ExpressionFuzzTests {
    @Test("50,000 mutations of expressions are read and evaluated without a crash, and errors point into the source")
    func mutations() {
        var random = SplitMix64(seed: 0x5eed)
        let seeds =
            ExpressionTests.values.map { Array($0.0.utf8) }
            + ExpressionErrorTests.unreadableSources.map { Array($0.0.utf8) }
        var readable = 0
        for _ in 0..<50_000 {
            var bytes = seeds[random.next(below: seeds.count)]
            for _ in 0...random.next(below: 4) { mutate(&bytes, with: seeds, &random) }
            let source = String(decoding: bytes, as: UTF8.self)
            do {
                let expression = try CompiledExpression(source: source)
                readable += 1
                _ = try expression.evaluate(in: ExpressionTests.scope)
            } catch {
                let length = source.unicodeScalars.count
                guard (1...(length + 1)).contains(error.column), !error.message.isEmpty else {
                    Issue.record("column \(error.column) of \(length) in '\(source)': \(error.message)")
                    return
                }
            }
        }
        #expect(readable > 1000, "the mutations should leave many expressions readable, not \(readable)")
    }

    @Test("20,000 mutations of templates and patterns are handled without a crash")
    func templates() {
        var random = SplitMix64(seed: 7)
        let templates = TemplateTests.renderings.compactMap { $0.0.stringValue.map { Array($0.utf8) } }
        let patterns = TextPatternTests.decisions.map { Array($0.0.utf8) }
        var rendered = 0
        for round in 0..<20_000 {
            let seeds = round % 2 == 0 ? templates : patterns
            var bytes = seeds[random.next(below: seeds.count)]
            for _ in 0...random.next(below: 4) { mutate(&bytes, with: seeds, &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            let quoted = text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            let source = round % 2 == 0 ? text : "{{ 'aab_1 cat' matches '\(quoted)' }}"
            if (try? CompiledTemplate(.string(source)).render(in: ExpressionTests.scope)) != nil { rendered += 1 }
        }
        #expect(rendered > 1000, "the mutations should leave many templates usable, not \(rendered)")
    }

    /// Changes, inserts, deletes or copies some bytes.
    private func mutate(_ bytes: inout [UInt8], with seeds: [[UInt8]], _ random: inout SplitMix64) {
        let alphabet = Array("()[]{}.,'\"\\=!<>+-*/|&^$? 0aeinotx_\n\u{fc}".utf8)
        let position = random.next(below: bytes.count + 1)
        switch random.next(below: 5) {
        case 0: bytes.insert(alphabet[random.next(below: alphabet.count)], at: position)
        case 1: if position < bytes.count { bytes[position] = alphabet[random.next(below: alphabet.count)] }
        case 2: if position < bytes.count { bytes.remove(at: position) }
        case 3: bytes.insert(contentsOf: seeds[random.next(below: seeds.count)], at: position)
        default:
            let end = min(bytes.count, position + random.next(below: 8))
            if bytes.count < 2000 { bytes.insert(contentsOf: bytes[position..<end], at: position) }
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
