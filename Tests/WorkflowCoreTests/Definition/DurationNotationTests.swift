import Testing
import WorkflowCore

@Suite struct DurationNotationTests {
    @Test(
        "Durations are read",
        arguments: [
            ("10m", 600_000), ("1h30m", 5_400_000), ("250ms", 250), ("45s", 45_000), ("0s", 0), ("90s", 90_000),
            ("1d2h3m4s5ms", 93_784_005), ("365d", 31_536_000_000), ("007s", 7000),
        ])
    func reading(text: String, milliseconds: Int) throws {
        #expect(try DurationNotation.parse(text) == .milliseconds(milliseconds))
    }

    @Test(
        "What is no duration is refused",
        arguments: [
            "", "10", "m", "1.5h", "-1s", "1 h", "1h 30m", "1m1h", "1s1s", "1M", "1w", "366d", "9e3s",
            "99999999999999999999s", "1h30", "٣s",
        ])
    func refusal(text: String) {
        #expect(throws: DurationNotation.Failure.self) { try DurationNotation.parse(text) }
    }

    @Test(
        "Durations are written so that they can be read back",
        arguments: [
            (0, "0s"), (250, "250ms"), (60_000, "1m"), (90_000, "1m30s"), (5_400_000, "1h30m"),
            (90_061_001, "1d1h1m1s1ms"),
        ])
    func writing(milliseconds: Int, text: String) throws {
        #expect(DurationNotation.format(.milliseconds(milliseconds)) == text)
        #expect(try DurationNotation.parse(text) == .milliseconds(milliseconds))
    }
}
