import JSONTools
import ProjectTools
import Testing

@testable import ValidationAgent

@Suite("the judgement over all checks")
struct ValidationReportTests {
    static let good: [CheckRecord] = [
        CheckRecord(name: "install", status: .passed, isRequired: true, fact: "exit code 0"),
        CheckRecord(
            name: "syntax", status: .passed, isRequired: true, metrics: [.syntaxErrors: 0], fact: "3 files",
            decidingMetric: .syntaxErrors),
        CheckRecord(
            name: "tests", status: .passed, isRequired: true, metrics: [.testsTotal: 14, .testsFailed: 0],
            fact: "14 tests",
            decidingMetric: .testsFailed),
        CheckRecord(name: "coverage", status: .passed, isRequired: false, metrics: [.lineCoverage: 96.9]),
        CheckRecord(
            name: "secrets", status: .passed, isRequired: true, metrics: [.secretsFound: 0],
            decidingMetric: .secretsFound),
    ]

    func report(_ checks: [CheckRecord] = good, _ policy: Policy = .standard) -> ValidationReport {
        ValidationReport(project: "p", commit: "abc", checks: checks, policy: policy)
    }

    func changed(_ name: String, _ change: (inout CheckRecord) -> Void) -> [CheckRecord] {
        Self.good.map { check in
            var check = check
            if check.name == name { change(&check) }
            return check
        }
    }

    @Test("all is well")
    func passes() {
        #expect(report().passes)
        #expect(report().summary == "14 tests, 96 % lines", "percentages are rounded down")
        #expect(report().warnings.isEmpty)
    }

    @Test("the first finding is named with its place")
    func failed() {
        let checks = changed("syntax") { check in
            check.status = .failed
            check.metrics[.syntaxErrors] = 2
            check.fact = "2 of 3 files with errors"
            check.findings = [
                Finding(file: "a.js", line: 3, message: "SyntaxError: x", rule: "SyntaxError"),
                Finding(file: "b.js", message: "y", rule: "SyntaxError"),
            ]
        }
        #expect(report(checks).problems.map(\.sentence) == ["syntax: a.js:3: SyntaxError: x (and 1 more)"])
        #expect(report(checks).summary == "2 of 3 files with errors")
    }

    @Test("a required check that was skipped fails, another is a warning")
    func skipped() {
        let status = CheckRecord.Status.skipped(reason: "no node", help: "install it")
        let required = report(
            changed("syntax") {
                $0.status = status
                $0.metrics = [:]
            })
        #expect(!required.passes)
        #expect(required.problems.first?.sentence == "syntax was skipped, but is required: no node; install it")
        #expect(required.problems.map(\.name) == ["syntax", "syntax_errors"], "nor does the rule hold without data")

        let optional = report(
            changed("coverage") {
                $0.status = status
                $0.metrics = [:]
            })
        #expect(optional.passes)
        #expect(optional.warnings == ["coverage was skipped: no node"])
        #expect(optional.summary == "14 tests")
    }

    @Test("a broken check fails whatever the policy says")
    func broken() {
        let lax = Policy(rules: [Policy.Rule(metric: .testsFailed, comparison: .atLeast, threshold: 0, level: .warn)])
        let checks = changed("tests") { check in
            check.status = .broken
            check.findings = [Finding(message: "exited with 7", rule: "tests")]
        }
        #expect(report(checks, lax).problems.map(\.sentence) == ["tests: exited with 7"])
    }

    @Test("a check that found something fails unless the policy has a rule about it")
    func unjudged() {
        let lint = CheckRecord(
            name: "lint", status: .failed, isRequired: true, findings: [Finding(message: "m", rule: "lint")],
            metrics: [.lintErrors: 1], fact: "1 error", decidingMetric: .lintErrors)
        #expect(!report(Self.good + [lint]).passes)
        var policy = Policy.standard
        policy.rules.append(Policy.Rule(metric: .lintErrors, comparison: .equal, threshold: 0, level: .warn))
        let warned = report(Self.good + [lint], policy)
        #expect(warned.passes)
        #expect(warned.warnings == ["lint_errors is 1, but has to be == 0"])
    }

    @Test("a missed threshold is told with the file that is least covered")
    func threshold() {
        let checks = changed("coverage") { check in
            check.metrics[.lineCoverage] = 61
            check.findings = [
                Finding(file: "a.js", line: 3, message: "no test runs line 3–9", rule: "coverage", severity: .warning)
            ]
        }
        let report = report(checks)
        #expect(
            report.problems.map(\.sentence) == [
                "coverage: line_coverage is 61 %, but has to be >= 80 %; a.js:3: no test runs line 3–9"
            ])
        #expect(report.summary == "line_coverage is 61 %, but has to be >= 80 %")
        #expect(report.checks.first { $0.name == "coverage" }?.status == .failed)
    }

    @Test("the output stays small and counts everything")
    func json() throws {
        let many = (0..<500).map {
            Finding(file: "f\($0).js", line: 1, message: String(repeating: "x", count: 5000), rule: "r")
        }
        let checks = changed("syntax") { check in
            check.status = .failed
            check.metrics[.syntaxErrors] = 500
            check.findings = many
        }
        let json = JSONValue.object(report(checks).json(maxFindings: 10))
        #expect(json.encoded().count < 16_000)
        let syntax = try #require(json["checks"]?.arrayValue?.first { $0["name"] == "syntax" })
        #expect(syntax["findings_total"] == 500 && syntax["findings"]?.arrayValue?.count == 10)
        #expect(json["metrics"]?["tests_total"] == 14 && json["metrics"]?["line_coverage"] == 96.9)
    }

    @Test("the page shows hostile text as text, and allows no script and no style but its own")
    func page() {
        let checks = changed("tests") { check in
            check.status = .failed
            check.metrics[.testsFailed] = 1
            check.findings = [
                Finding(
                    file: "\"><script>alert(1)</script>", line: 1, message: "<img src=x onerror=alert(1)>", rule: "r")
            ]
        }
        let html = ReportPage(
            ValidationReport(project: "</title><script>", commit: nil, checks: checks, policy: .standard)
        ).html()
        #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("style="))
        #expect(html.contains("&lt;img src=x onerror=alert(1)&gt;"))
        #expect(html.contains("default-src 'none'; style-src 'sha256-"))
        #expect(html.contains("<style>\(ReportPage.style)</style>"), "the digest is of exactly this text")
    }
}

@Suite("parts of checks")
struct CheckPartTests {
    @Test("what node says of a broken file")
    func syntax() {
        let text =
            "/w/src/a.js:12\nconst = 1;\n      ^\n\nSyntaxError: Unexpected token '='\n    at x (node:internal:1:2)\n\nNode.js v20\n"
        let finding = SyntaxCheck.finding("src/a.js", text, exitCode: 1)
        #expect(finding.place == "src/a.js:12" && finding.rule == "SyntaxError")
        #expect(finding.message == "SyntaxError: Unexpected token '='")
        #expect(SyntaxCheck.finding("a.js", "", exitCode: 9).message == "node --check exited with 9")
    }

    @Test(
        "which files are JavaScript",
        arguments: [
            ("a.js", true), ("b/a.mjs", true), ("a.cjs", true), ("a.json", false), ("x/node_modules/a.js", false),
        ])
    func sources(path: String, isSource: Bool) {
        #expect(SyntaxCheck.isSource(path) == isSource)
    }

    @Test("places in the output of checkers")
    func places() {
        let files = TrackedFiles(listing: Array("100644 0 0\tsrc/a.js\u{0}100644 0 0\tb.py\u{0}".utf8))
        let output = """
            /w/src/a.js:3
            const = 1;

            SyntaxError: Unexpected token '='
            ./b.py:7:12: E501 line too long: 130 > 120
            b.py:7:40: another in the same line
              src/a.js:9 - warning
            other.js:1: not tracked
            src/a.js:zero: no number
            """
        let found = CheckerOutput(project: "/w", files: files, rule: "lint").findings(in: output)
        #expect(
            found.map(\.sentence) == [
                "src/a.js:3: SyntaxError: Unexpected token '='", "b.py:7: E501 line too long: 130 > 120",
                "b.py:7: another in the same line",
            ])
    }

    @Test("links, submodules and broken names are not looked at")
    func tracked() {
        let listing =
            "100644 a 0\ta\u{0}120000 b 0\tlink\u{0}160000 c 0\tmodule\u{0}100755 d 0\twith space\u{0}100644 e 0\t"
        #expect(TrackedFiles(listing: Array(listing.utf8) + [0xFF, 0]).paths == ["a", "with space"])
    }
}
