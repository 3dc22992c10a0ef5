import Testing

@testable import ValidationAgent

@Suite("LCOV")
struct CoverageReportTests {
    func read(_ lcov: String) throws -> CoverageReport { try CoverageReport(lcov: lcov, project: "/p") }

    @Test("lines, branches and functions are counted from their records, files by their path in the project")
    func counts() throws {
        let report = try read(
            """
            TN:
            SF:/p/src/a.js
            FN:1,f
            FNDA:2,f
            FNDA:0,g
            DA:1,3
            DA:2,0,checksum
            DA:3,0
            DA:9,0
            DA:10,1
            BRDA:1,0,0,1
            BRDA:1,0,1,-
            BRDA:1,0,2,0
            BRDA:1,1,0,7
            LF:99
            LH:99
            end_of_record
            SF:src/a.js
            DA:3,1
            end_of_record
            SF:./src/b.js
            DA:1,1
            """)
        #expect(report.files.map(\.path) == ["src/a.js", "src/b.js"])
        #expect(report.files[0].uncovered == [2, 9])
        let lines = try #require(report.lineCoverage)
        #expect((lines - 400.0 / 6).magnitude < 1e-9)
        #expect(report.branchCoverage == 50)
        #expect(report.functionCoverage == 50)
    }

    @Test(
        "tests, packages and files outside don't count",
        arguments: [
            ("src/a.js", true), ("a.js", true), ("tests/a.js", false), ("src/a.test.js", false), ("e2e/x.js", false),
            ("node_modules/x/a.js", false), ("../a.js", false), ("/elsewhere/a.js", false), ("contest/a.js", true),
            ("test_a.py", false), ("a_test.go", false),
        ])
    func productCode(path: String, counts: Bool) throws {
        #expect(CoverageReport.isProductCode(path) == counts)
    }

    @Test("without lines of the project there is no percentage")
    func nothing() throws {
        let report = try read("SF:tests/a.test.js\nDA:1,1\nend_of_record\n")
        #expect(report.lineCoverage == nil && report.files.isEmpty)
    }

    @Test(
        "what is no LCOV is refused",
        arguments: ["", "hello", "SF:a\nDA:1", "SF:a\nDA:x,1", "SF:a\nBRDA:1,2", "SF:a\nDA:1,-1"])
    func refused(text: String) {
        #expect(throws: CoverageReport.ParsingError.self) { try read(text) }
    }

    @Test("counts beyond any number don't overflow")
    func overflow() throws {
        let line = "DA:1,9223372036854775807\n"
        let report = try read("SF:a.js\n\(line)\(line)BRDA:1,0,0,9223372036854775807\nend_of_record\n")
        #expect(report.lineCoverage == 100 && report.branchCoverage == 100)
        #expect(throws: CoverageReport.ParsingError.self) { try read("SF:a.js\nDA:1,92233720368547758070") }
    }

    @Test("line numbers as people write them")
    func ranges() {
        #expect(CoverageReport.ranges([1, 2, 3, 5, 7, 8]) == "1–3, 5, 7–8")
        #expect(CoverageReport.ranges([]).isEmpty)
        #expect(CoverageReport.ranges((0..<20).map { $0 * 2 }).hasSuffix("14, …"))
    }
}

@Suite("JUnit")
struct TestReportTests {
    func read(_ xml: String) throws -> TestReport { try TestReport(junit: Array(xml.utf8), project: "/p") }

    @Test("tests of node:test, with the place of what failed and the suites around it")
    func node() throws {
        let report = try read(
            """
            <?xml version="1.0" encoding="utf-8"?>
            <testsuites>
              <testcase name="adds" time="0.5" classname="test"/>
              <testcase name="skips" time="0" classname="test"><skipped type="skipped" message="why"/></testcase>
              <testsuite name="suite" tests="1"><testsuite name="inner">
                <testcase name="is &amp;quot;7&amp;quot;" time="0.1" classname="test" failure="2 == 3">
                  <failure type="testCodeFailure" message="2 == 3">
            Error: 2 == 3
                at node:async_hooks:206:9
                at TestContext.&lt;anonymous> (/p/node_modules/x/y.js:1:1)
                at TestContext.&lt;anonymous> (/p/tests/a.test.js:12:27)
                at TestContext.&lt;anonymous> (/p/tests/b.test.js:13:27)
                  </failure>
                </testcase>
              </testsuite></testsuite>
              <testcase name="/p/tests/c.test.js" classname="test"><failure message="test failed">no place</failure></testcase>
              <testcase name="x" classname="module" file="/p/test_x.py" line="4"><error message="">first line
            second</error></testcase>
              <!-- tests 99 -->
            </testsuites>
            """)
        #expect(
            report.tests.map(\.name) == ["adds", "skips", "suite › inner › is \"7\"", "tests/c.test.js", "module › x"])
        #expect(report.count(.passed) == 1 && report.count(.skipped) == 1 && report.failed.count == 3)
        #expect(report.tests[2].file == "tests/a.test.js" && report.tests[2].line == 12)
        #expect(report.tests[2].outcome == .failed(message: "2 == 3"))
        #expect(report.tests[3].file == "tests/c.test.js" && report.tests[3].line == nil)
        #expect(report.tests[4].file == "test_x.py" && report.tests[4].line == 4)
        #expect(report.tests[4].outcome == .failed(message: "first line"))
    }

    @Test("control characters of test output don't make a report unreadable")
    func control() throws {
        #expect(try read("<testsuite><testcase name=\"a\u{1B}[31m\"/></testsuite>").tests.map(\.name) == ["a[31m"])
    }

    @Test("a report can't read files of this machine")
    func entities() throws {
        let xml = """
            <!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
            <testsuite><testcase name="a"><failure>&e;</failure></testcase></testsuite>
            """
        if let report = try? read(xml) {
            #expect(!report.tests.contains { "\($0)".contains("root:") })
        }
    }

    @Test("what is no JUnit report is refused", arguments: ["", "<a>", "<html/>", "hello", "<testsuite>"])
    func refused(xml: String) {
        #expect(throws: TestReport.ParsingError.self) { try read(xml) }
    }
}
