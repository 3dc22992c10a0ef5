import Testing

@testable import RedisDriver

@Suite struct RedisBatchTests {
    private func text(_ batch: RedisBatch) -> String { String(decoding: batch.bytes, as: UTF8.self) }

    @Test func argumentsBecomeBulkStrings() {
        var batch = RedisBatch()
        batch.command("CMD", argumentCount: 6)
        batch.add("grüße")
        batch.add([0, 0xFF, 0x0D])
        batch.add(-120)
        batch.add(Int.min)
        batch.add(StreamEntryID(milliseconds: 1_700_000_000_123, sequence: .max))
        batch.add("")
        var expected = Array(
            "*7\r\n$3\r\nCMD\r\n$7\r\ngrüße\r\n$3\r\n".utf8)
        expected += [0, 0xFF, 0x0D, 0x0D, 0x0A]
        expected += Array(
            "$4\r\n-120\r\n$20\r\n-9223372036854775808\r\n$34\r\n1700000000123-18446744073709551615\r\n$0\r\n\r\n".utf8)
        #expect(batch.bytes == expected)
        #expect(batch.count == 1)
    }

    @Test func commandsFollowEachOther() {
        var batch = RedisBatch()
        batch.beginTransaction()
        batch.append(RedisCommand("GET", "k"))
        batch.endTransaction()
        #expect(text(batch) == "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n")
        #expect(batch.count == 3)
    }

    @Test func aReadOfSeveralStreamsNamesEachOnce() {
        var batch = RedisBatch()
        batch.xreadgroup(
            RedisGroupRead(group: "g", consumer: "c", streams: ["a", "b"], count: 7, block: .milliseconds(1_500)))
        let words = text(batch).split(separator: "\r\n").filter { !$0.hasPrefix("$") && !$0.hasPrefix("*") }
        #expect(words == "XREADGROUP GROUP g c COUNT 7 BLOCK 1500 STREAMS a b > >".split(separator: " "))
        #expect(text(batch).hasPrefix("*13\r\n"))
    }
}

@Suite struct StreamEntryIDTests {
    @Test(
        arguments: [
            ("0-0", 0, 0), ("1700000000000-12", 1_700_000_000_000, 12), ("5", 5, 0),
            ("9223372036854775807-1", UInt64(Int64.max), 1),
        ] as [(String, UInt64, UInt64)])
    func anIDIsTwoNumbers(text: String, milliseconds: UInt64, sequence: UInt64) {
        #expect(StreamEntryID(text) == StreamEntryID(milliseconds: milliseconds, sequence: sequence))
    }

    @Test(arguments: ["", "-", "1-", "-1", "1-2-3", "a-1", "1 -2", "99999999999999999999-0"])
    func anythingElseIsNone(text: String) {
        #expect(StreamEntryID(text) == nil)
    }

    @Test func idsAreOrderedByTimeThenNumber() {
        let ids = ["0-1", "5-0", "5-9", "5-10", "50-0"].compactMap { StreamEntryID($0) }
        #expect(ids.sorted() == ids)
        #expect(StreamEntryID(milliseconds: 5, sequence: .max).next == StreamEntryID(milliseconds: 6, sequence: 0))
    }
}
