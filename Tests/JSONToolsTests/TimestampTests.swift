import JSONTools
import Testing

@Suite struct TimestampTests {
    private static let pairs: [(Int64, String)] = [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_790_000_000_123, "2026-09-21T14:13:20.123Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
    ]

    @Test(arguments: pairs)
    func `milliseconds and RFC 3339 say the same`(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
        #expect(Timestamp(rfc3339: text) == Timestamp(milliseconds: milliseconds))
        #expect(Timestamp(milliseconds: milliseconds).milliseconds == milliseconds)
    }

    @Test func `every day of eight centuries reads back, in order, and no month has a gap`() throws {
        var last = Timestamp(milliseconds: -150_001 * 86_400_000).description
        #expect(last.hasPrefix("1559-04-25"))
        for number in Int64(-150_000)..<150_000 {
            let text = Timestamp(milliseconds: number * 86_400_000).description
            let readsBack = Timestamp(rfc3339: text)?.milliseconds == number * 86_400_000
            let day = try #require(Int(text.dropFirst(8).prefix(2)))
            let lastDay = try #require(Int(last.dropFirst(8).prefix(2)))
            let follows = text.prefix(7) == last.prefix(7) ? day == lastDay + 1 : day == 1 && lastDay >= 28
            if !readsBack || !follows { Issue.record("\(text) after \(last)") }
            last = text
        }
    }

    private static let variants: [(String, String)] = [
        ("2026-01-31T09:05:07Z", "2026-01-31T09:05:07.000Z"), ("2026-01-31t09:05:07.25z", "2026-01-31T09:05:07.250Z"),
        ("2026-01-31 09:05:07.123456789+02:00", "2026-01-31T07:05:07.123Z"),
        ("2026-01-01T00:30:00-01:30", "2026-01-01T02:00:00.000Z"), ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ]

    @Test(arguments: variants)
    func `offsets, fractions and leap seconds are understood`(text: String, expected: String) {
        #expect(Timestamp(rfc3339: text)?.description == expected)
    }

    @Test(arguments: [
        "", "2026-01-31", "2026-01-31T09:05Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T09:60:00Z", "2026-01-31T09:05:61Z",
        "2026-01-31T09:05:07", "2026-01-31T09:05:07.Z", "2026-01-31T09:05:07+0200", "2026-01-31T09:05:07Zx",
        "2026-1-31T09:05:07Z", "+026-01-31T09:05:07Z", "2026-01-31T09:05:07+24:00", "1900-02-29T00:00:00Z",
    ])
    func `what is no RFC 3339 time is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `microseconds are kept, and written when asked for`() {
        let moment = Timestamp(microseconds: 1_790_000_000_123_456)
        #expect(moment.descriptionWithMicroseconds == "2026-09-21T14:13:20.123456Z")
        #expect(Timestamp(rfc3339: moment.descriptionWithMicroseconds) == moment)
        #expect(Timestamp(microseconds: -1).milliseconds == -1)
    }

    @Test func `durations move a moment and lie between moments`() {
        let moment = Timestamp(milliseconds: 1000)
        #expect(moment + .seconds(2) == Timestamp(milliseconds: 3000))
        #expect(moment - .milliseconds(1500) == Timestamp(milliseconds: -500))
        #expect(Timestamp(milliseconds: 3000) - moment == .seconds(2))
        #expect(moment < moment + .microseconds(1))
        #expect(Duration.milliseconds(-1500).wholeMilliseconds == -1500)
    }

    @Test func `moments that RFC 3339 cannot say are clamped instead of trapping`() {
        #expect(Timestamp(microseconds: .max).description == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(microseconds: .min).description == "0000-01-01T00:00:00.000Z")
    }

    @Test func `the wall clock stands after this was written`() {
        #expect(Timestamp.now() > Timestamp(milliseconds: 1_700_000_000_000))
    }
}
