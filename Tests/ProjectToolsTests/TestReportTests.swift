import ProjectTools
import Testing

@Suite("Test reports")
struct TestReportTests {
    @Test("pytest's report: failures, errors and skips are told apart, and reasons kept")
    func pytest() throws {
        let xml = """
            <?xml version="1.0" encoding="utf-8"?>
            <testsuites><testsuite name="pytest" errors="0" failures="9" skipped="0" tests="99" time="8.7">
            <testcase classname="e2e.test_x" name="test_a" time="1.5" />
            <testcase classname="e2e.test_x" name="test_b" time="0.5"><failure message="it is &lt;b&gt;">long</failure></testcase>
            <testcase classname="e2e.test_x" name="test_c" time="0"><error>
              no fixture </error></testcase>
            <testcase classname="" name="test_d" time="0"><skipped message="no"/></testcase>
            </testsuite></testsuites>
            """
        let summary = TestSummary(try JUnitReport.parse(Array(xml.utf8)))
        #expect(summary.passed == 1)
        #expect(summary.failed == 2)
        #expect(summary.skipped == 1)
        #expect(summary.seconds == 2)
        #expect(summary.failures.map(\.name) == ["e2e.test_x.test_b", "e2e.test_x.test_c"])
        #expect(summary.failures.map(\.message) == ["it is <b>", "no fixture"])
        #expect(summary.sentence == "1 of 4 tests passed, 1 skipped")
    }

    @Test("node's report, with tests in suites")
    func node() throws {
        let xml = """
            <?xml version="1.0" encoding="utf-8"?>
            <testsuites>
              <testcase name="adds" time="0.001" classname="test"/>
              <testsuite name="api" time="0.02" tests="1"><testcase name="answers" time="0.01" classname="test"/></testsuite>
            </testsuites>
            """
        let cases = try JUnitReport.parse(Array(xml.utf8))
        #expect(cases.map(\.name) == ["adds", "answers"])
        #expect(TestSummary(cases).sentence == "2 tests")
    }

    @Test("what is no report is refused", arguments: ["", "plain text", "<testsuites>", "<html/>"])
    func refusals(text: String) {
        #expect(throws: JUnitReport.ParsingError.self) { try JUnitReport.parse(Array(text.utf8)) }
    }

    @Test("an external entity is not read")
    func externalEntity() throws {
        let xml = """
            <?xml version="1.0"?><!DOCTYPE t [<!ENTITY e SYSTEM "file:///etc/passwd">]>
            <testsuite><testcase name="a"><failure>&e;</failure></testcase></testsuite>
            """
        let cases = (try? JUnitReport.parse(Array(xml.utf8))) ?? []
        #expect(
            !cases.contains { if case .failed(let reason) = $0.outcome { reason.contains("root:") } else { false } })
    }

    @Test(
        "totals that runners print",
        arguments: [
            (
                "# tests 14\n# suites 0\n# pass 12\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n# duration_ms 150.5",
                12, 2, 0
            ),
            ("ℹ tests 3\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 5", 2, 0, 1),
            ("\u{1B}[34mℹ tests 1\u{1B}[39m\n\u{1B}[34mℹ pass 1\u{1B}[39m\n\u{1B}[34mℹ fail 0\u{1B}[39m", 1, 0, 0),
            ("x\n=== 2 failed, 3 passed, 1 skipped, 4 warnings in 8.72s ===", 3, 2, 1),
            ("5 passed in 0.10s", 5, 0, 0),
            ("1 passed, 1 error in 1.00s", 1, 1, 0),
            ("test_a (t.T.test_a) ... ok\n\n-----\nRan 1 test in 0.000s\n\nOK\n", 1, 0, 0),
            ("Ran 9 tests in 1.250s\n\nFAILED (failures=2, errors=1, skipped=1, expected failures=1)", 4, 3, 2),
            ("Ran 3 tests in 0.1s\n\nOK (skipped=3)", 0, 0, 3),
        ]
    )
    func totals(text: String, passed: Int, failed: Int, skipped: Int) throws {
        let summary = try #require(TestSummary(console: text))
        #expect([summary.passed, summary.failed, summary.skipped] == [passed, failed, skipped])
    }

    @Test(
        "text without totals has none",
        arguments: [
            "", "all fine", "42 people came in 3 s", "# pass 3", "5 apples in 2s", "checked in 3s",
            "# tests inf\n# pass inf\n# fail 0", "# tests nan\n# pass 1\n# fail nan", "# tests 1\n# pass -1\n# fail 0",
            "# tests 1e300\n# pass 1e300\n# fail 0", "9223372036854775807 passed, 9223372036854775807 failed in 1s",
            "1 passed in infs", "Ran 3 tests in 0.1s", "Ran 3 tests in 0.1s\nand then",
            "Ran 1 test in 0s\nFAILED (errors=2)",
        ]
    )
    func noTotals(text: String) {
        #expect(TestSummary(console: text) == nil)
    }
}
