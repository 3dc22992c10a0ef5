extension TestSummary {
    /// Reads the totals that a test runner prints at the end of its run: `node --test` (spec and TAP), pytest and
    /// Python's unittest.
    ///
    /// Only totals that a runner writes are understood; the last ones win, as a suite of several commands prints several.
    ///
    /// - Parameter text: What the command printed; colours are ignored.
    /// - Returns: nil when there are no totals, which is not the same as no tests.
    public init?(console text: String) {
        let lines = text.split(whereSeparator: \.isNewline).map { Self.withoutColours($0) }
        if let node = Self.node(lines) {
            self = node
        } else if let pytest = lines.lazy.reversed().compactMap(Self.pytest).first {
            self = pytest
        } else if let unittest = Self.unittest(lines) {
            self = unittest
        } else {
            return nil
        }
    }

    /// `# pass 12` in TAP, `ℹ pass 12` in the spec reporter.
    private static func node(_ lines: [String]) -> TestSummary? {
        var totals: [String: Int] = [:]
        var milliseconds = 0.0
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "#" || words[0] == "ℹ" else { continue }
            if words[1] == "duration_ms" {
                if let number = Double(words[2]), number.isFinite, number >= 0 { milliseconds = number }
            } else if let number = count(words[2]) {
                totals[String(words[1])] = number
            }
        }
        guard totals["tests"] != nil, let passed = totals["pass"], let failed = totals["fail"] else { return nil }
        return TestSummary(
            passed: passed,
            failed: failed + (totals["cancelled"] ?? 0),
            skipped: (totals["skipped"] ?? 0) + (totals["todo"] ?? 0),
            seconds: milliseconds / 1000
        )
    }

    /// A number of tests; nil for what no runner counts to, so that sums of them can't overflow.
    private static func count(_ text: Substring) -> Int? {
        Int(text).flatMap { (0...1_000_000_000).contains($0) ? $0 : nil }
    }

    /// `=== 2 failed, 3 passed, 1 skipped in 8.72s ===`, with or without the signs around it.
    private static func pytest(_ line: String) -> TestSummary? {
        var words = line.split(separator: " ").filter { !$0.allSatisfy { $0 == "=" } }
        guard let place = words.lastIndex(of: "in"), place + 1 < words.count, words[place + 1].hasSuffix("s"),
            let seconds = Double(words[place + 1].dropLast()), seconds.isFinite
        else { return nil }
        words.removeSubrange(place...)
        guard !words.isEmpty, words.count % 2 == 0 else { return nil }
        var counts: [String: Int] = [:]
        for index in stride(from: 0, to: words.count, by: 2) {
            guard let count = count(words[index]) else { return nil }
            counts[words[index + 1].filter { $0 != "," }] = count
        }
        let known = ["passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed", "warning", "warnings"]
        guard counts.keys.allSatisfy({ known.contains($0) || $0 == "deselected" }) else { return nil }
        return TestSummary(
            passed: (counts["passed"] ?? 0) + (counts["xpassed"] ?? 0),
            failed: (counts["failed"] ?? 0) + (counts["error"] ?? 0) + (counts["errors"] ?? 0),
            skipped: (counts["skipped"] ?? 0) + (counts["xfailed"] ?? 0),
            seconds: seconds
        )
    }

    /// `Ran 12 tests in 0.034s`, and below it `OK`, `OK (skipped=1)` or `FAILED (failures=2, errors=1, skipped=1)`.
    private static func unittest(_ lines: [String]) -> TestSummary? {
        guard let place = lines.lastIndex(where: { $0.hasPrefix("Ran ") }), place + 1 < lines.count else { return nil }
        let words = lines[place].split(separator: " ")
        guard words.count == 5, let total = count(words[1]), words[2] == "test" || words[2] == "tests",
            words[3] == "in",
            words[4].hasSuffix("s"), let seconds = Double(words[4].dropLast()), seconds.isFinite
        else { return nil }
        let verdict = lines[place + 1]
        guard ["OK", "FAILED"].contains(where: { verdict == $0 || verdict.hasPrefix($0 + " (") }) else { return nil }
        var counts: [Substring: Int] = [:]
        for part in verdict.split(whereSeparator: { "(),".contains($0) }).dropFirst() {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let number = count(pair[1]) else { continue }
            counts[pair[0].drop { $0 == " " }] = number
        }
        let failed = (counts["failures"] ?? 0) + (counts["errors"] ?? 0) + (counts["unexpected successes"] ?? 0)
        let skipped = (counts["skipped"] ?? 0) + (counts["expected failures"] ?? 0)
        guard failed + skipped <= total else { return nil }
        return TestSummary(passed: total - failed - skipped, failed: failed, skipped: skipped, seconds: seconds)
    }

    private static func withoutColours(_ line: Substring) -> String {
        guard line.utf8.contains(0x1B) else { return String(line) }
        var result = ""
        var inEscape = false
        for scalar in line.unicodeScalars {
            if scalar == "\u{1B}" {
                inEscape = true
            } else if inEscape {
                // A colour ends with its letter: ESC [ 3 1 m
                inEscape = !(scalar.properties.isAlphabetic && scalar.isASCII)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
