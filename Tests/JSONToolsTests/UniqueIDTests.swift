import JSONTestSupport
import JSONTools
import Testing

@Suite struct UniqueIDTests {
    @Test func `the text form is read in either case and written in lower case`() {
        let id = UniqueID(high: 0x0190_1234_5678_7abc, low: 0x89ab_cdef_0123_4567)
        #expect(id.description == "01901234-5678-7abc-89ab-cdef01234567")
        #expect(UniqueID("01901234-5678-7ABC-89AB-CDEF01234567") == id)
        #expect(id.bytes.prefix(3) == [0x01, 0x90, 0x12])
        #expect(id.bytes.suffix(2) == [0x45, 0x67])
    }

    @Test(arguments: [
        "", "01901234-5678-7abc-89ab-cdef0123456", "01901234-5678-7abc-89ab-cdef012345678",
        "0190123405678-7abc-89ab-cdef01234567", "g1901234-5678-7abc-89ab-cdef01234567",
        "{01901234-5678-7abc-89ab-cdef0123456}", "01901234-5678-7abc-89ab-cdef0123456é",
    ])
    func `anything else is refused`(text: String) {
        #expect(UniqueID(text) == nil)
    }

    @Test func `version 7 ids follow RFC 9562 and the clock`() {
        var generator = SeededGenerator(seed: 1)
        let moment = Timestamp(microseconds: 1_790_000_000_123_456)
        let id = UniqueID.v7(at: moment, using: &generator)
        #expect(id.version == 7)
        #expect(id.low >> 62 == 0b10)
        #expect(id.timestamp == Timestamp(milliseconds: 1_790_000_000_123))
        #expect(id.high & 0xFFF == 456 * 4096 / 1000)
    }

    @Test func `ids of later microseconds come later, as values and as text`() {
        var generator = SeededGenerator(seed: 2)
        var last = UniqueID.v7(at: Timestamp(microseconds: 999_000), using: &generator)
        for microseconds in Int64(999_001)..<1_003_000 {
            let next = UniqueID.v7(at: Timestamp(microseconds: microseconds), using: &generator)
            if last >= next || last.description >= next.description { Issue.record("\(next) after \(last)") }
            last = next
        }
    }

    @Test func `a hundred thousand ids of one microsecond are all different and read back`() {
        var generator = SeededGenerator(seed: 3)
        var ids: Set<UniqueID> = []
        for _ in 0..<100_000 { ids.insert(UniqueID.v7(at: Timestamp(microseconds: 5), using: &generator)) }
        #expect(ids.count == 100_000)
        #expect(ids.prefix(1000).allSatisfy { UniqueID($0.description) == $0 })
    }
}
