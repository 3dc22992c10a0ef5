import Testing

@testable import RedisDriver

@Suite struct ReplyParserTests {
    private let wire =
        "+OK\r\n:-7\r\n$5\r\nhe\r\no\r\n$-1\r\n*-1\r\n*0\r\n-NOGROUP No such key\r\n"
        + "*2\r\n*2\r\n$1\r\na\r\n*0\r\n*3\r\n:1\r\n*1\r\n$-1\r\n+x\r\n:99\r\n"

    @Test(arguments: [1, 2, 7, 1_000])
    func repliesAreTheSameHoweverTheBytesArrive(pieceSize: Int) throws {
        let parser = try ReplyParser(maximumBytes: 10_000)
        var count = 0
        var rest = Array(wire.utf8)[...]
        while !rest.isEmpty {
            try rest.prefix(pieceSize).withUnsafeBytes { try parser.feed($0) }
            rest = rest.dropFirst(pieceSize)
            while try parser.parseReply() { count += 1 }
        }
        #expect(count == 9)
        let values = RedisValues(tape: parser.takeTape(), start: 0, count: count)
        let shown = values.map(\.description)
        #expect(
            shown == [
                "\"OK\"", "-7", "\"he\r\no\"", "null", "null", "[]", "\"NOGROUP No such key\"",
                "[[\"a\", []], [1, [null], \"x\"]]", "99",
            ])
        #expect(values[6]?.error?.code == .noGroup)
        #expect(values[7]?.elements[1]?.elements[2]?.string == "x")
        #expect(values[8]?.integer == 99)
    }

    @Test func aReplyThatIsNotCompleteIsLeftOut() throws {
        let parser = try ReplyParser(maximumBytes: 10_000)
        try Array("+one\r\n*2\r\n$3\r\ntwo\r\n*3\r\n:1\r\n".utf8).withUnsafeBytes { try parser.feed($0) }
        #expect(try parser.parseReply())
        #expect(try !parser.parseReply())
        let values = RedisValues(tape: parser.takeTape(replies: 1), start: 0, count: 1)
        #expect(values.map(\.description) == ["\"one\""])
    }

    @Test(arguments: [
        "$100000\r\nabcdefghijklmnopqrstuvwxyz", "*3\r\n$40\r\n0123456789012345678901234567890123456789\r\n",
    ])
    func aReplyBeyondTheLimitIsRefusedBeforeItHasAllCome(wire: String) throws {
        let parser = try ReplyParser(maximumBytes: 16)
        try Array(wire.utf8).withUnsafeBytes { try parser.feed($0) }
        let error = #expect(throws: RedisError.self) { try parser.parseReply() }
        #expect(error?.code == .replyTooLarge)
    }

    @Test func whatIsNotTheProtocolIsNamed() throws {
        let parser = try ReplyParser(maximumBytes: 1_000)
        try Array("HTTP/1.1 400 Bad Request\r\n".utf8).withUnsafeBytes { try parser.feed($0) }
        let error = #expect(throws: RedisError.self) { try parser.parseReply() }
        #expect(error?.code == .unexpectedReply)
    }
}

@Suite struct ReconnectBackoffTests {
    @Test func pausesGrowToTheMaximumAndKeepAtLeastHalf() {
        var random = SystemRandomNumberGenerator()
        var backoff = ReconnectBackoff(maximum: .seconds(1))
        for expected: UInt64 in [20, 40, 80, 160, 320, 640, 1_000, 1_000] {
            let pause = backoff.pause(using: &random)
            #expect((expected * 500_000...expected * 1_000_000).contains(pause))
        }
        backoff.reset()
        #expect(backoff.pause(using: &random) <= 20_000_000)
    }
}
