import JSONTestSupport
import JSONTools
import Testing

/// Rules that hold for all values, tried on values drawn from a seed.
@Suite struct JSONPropertyTests {
    @Test func `what is written reads back as it was, compact, pretty and canonical`() throws {
        var generator = SeededGenerator(seed: 11)
        for round in 0..<5000 {
            let value = RandomJSON.value(depth: 4, using: &generator)
            let encoded = value.encoded()
            let parsed = try JSONValue(parsing: encoded)
            #expect(parsed == value, "round \(round)")
            #expect(parsed.encoded() == encoded, "round \(round)")
            #expect(try JSONValue(parsing: value.prettyPrinted()) == value, "round \(round)")
            #expect(try JSONValue(parsing: value.canonicalBytes()) == value, "round \(round)")
            #expect(parsed.hashValue == value.hashValue, "round \(round)")
        }
    }

    @Test func `numbers are read as the standard library reads them`() throws {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<100_000 {
            let text = RandomJSON.numberText(using: &generator)
            let expected = try #require(Double(text))
            if expected.isFinite {
                if try JSONValue(parsing: text).doubleValue != expected { Issue.record("\(text)") }
            } else {
                #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            }
        }
    }

    @Test func `a hundred thousand damaged documents are read or refused, and never harm`() {
        var generator = SeededGenerator(seed: 13)
        var accepted = 0
        for _ in 0..<2000 {
            let document = RandomJSON.value(depth: 4, using: &generator).encoded()
            for _ in 0..<50 {
                var bytes = document
                for _ in 0...Int.random(in: 0..<4, using: &generator) { damage(&bytes, using: &generator) }
                do {
                    let value = try JSONValue(parsing: bytes)
                    accepted += 1
                    if (try? JSONValue(parsing: value.encoded())) != value { Issue.record("\(bytes)") }
                } catch {
                    let inside = (0...bytes.count).contains(error.offset) && error.line >= 1 && error.column >= 1
                    if !inside { Issue.record("\(error) in \(bytes)") }
                }
            }
        }
        #expect(accepted > 1000 && accepted < 99_000)
    }

    private func damage(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        let position = Int.random(in: 0...bytes.count, using: &generator)
        let telling = Array("{}[]\",:\\u0dE-+.\u{0}tfn\u{FF} \n".utf8) + [0xC3, 0xED, 0xFF]
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes.removeSubrange(position...)
        case 1 where position < bytes.count: bytes.remove(at: position)
        case 2 where position < bytes.count: bytes[position] = .random(in: 0...255, using: &generator)
        case 3 where position < bytes.count:
            let end = Int.random(in: position..<bytes.count, using: &generator)
            bytes.insert(contentsOf: bytes[position...end], at: position)
        default: bytes.insert(telling.randomElement(using: &generator) ?? 0, at: position)
        }
    }
}
