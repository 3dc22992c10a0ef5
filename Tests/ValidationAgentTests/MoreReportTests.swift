import ProjectTools
import Testing

@testable import ValidationAgent

@Suite("other report formats, and what sources are like")
struct MoreReportTests {
    @Test("SARIF: errors and warnings with their places; what is suppressed doesn't count")
    func sarif() throws {
        let text = """
            {"version": "2.1.0", "runs": [{"results": [
              {"ruleId": "a", "level": "error", "message": {"text": "bad"}, "locations": [{"physicalLocation":
                {"artifactLocation": {"uri": "file:///p/src/a.c"}, "region": {"startLine": 3}}}]},
              {"ruleId": "b", "message": {"text": "odd"}, "locations": [{"physicalLocation":
                {"artifactLocation": {"uri": "src/b.c"}}}]},
              {"ruleId": "c", "level": "error", "message": {"text": "fine"}, "suppressions": [{"kind": "inSource"}]}
            ]}]}
            """
        let found = try SARIFReport.findings(in: Array(text.utf8), project: "/p")
        #expect(
            found == [
                Finding(file: "src/a.c", line: 3, message: "bad", rule: "a"),
                Finding(file: "src/b.c", message: "odd", rule: "b", severity: .warning),
            ])
        #expect(throws: SARIFReport.ParsingError.self) { try SARIFReport.findings(in: Array("{}".utf8), project: "/") }
    }

    @Test("TAP: results, directives, subtests once, and places from what is told")
    func tap() throws {
        let text = """
            TAP version 14
            # Subtest: group
                ok 1 - inner good
                not ok 2 - inner bad
                  ---
                  message: 'one is not two'
                  at: /p/tests/a.t:7:3
                  ...
                1..2
            not ok 1 - group
            ok 2 - later # SKIP not today
            ok 3
            1..3
            """
        let tests = try TAPReport.tests(in: text, project: "/p")
        #expect(tests.map(\.name) == ["inner good", "inner bad", "later", "unnamed"])
        #expect(tests.map(\.outcome) == [.passed, .failed(message: "one is not two"), .skipped, .passed])
        #expect(tests[1].file == "tests/a.t" && tests[1].line == 7)
        for wrong in ["", "1..2\nok 1\n", "ok 1\nBail out! no server\n"] {
            #expect(throws: TAPReport.ParsingError.self) { try TAPReport.tests(in: wrong, project: "/p") }
        }
    }

    @Test("Cobertura: lines and branches of the project's own files")
    func cobertura() throws {
        let text = """
            <?xml version="1.0" ?><coverage line-rate="0.5"><sources><source>/p</source></sources><packages><package>
            <classes><class filename="src/a.py" name="a"><methods/><lines>
            <line number="1" hits="2"/><line number="2" hits="1" branch="true" condition-coverage="50% (1/2)"/>
            <line number="3" hits="0"/></lines></class>
            <class filename="tests/test_a.py" name="t"><lines><line number="1" hits="0"/></lines></class>
            </classes></package></packages></coverage>
            """
        let report = try CoverageReport(cobertura: Array(text.utf8), project: "/p")
        #expect(report.files.map(\.path) == ["src/a.py"])
        #expect(report.branchCoverage == 50 && Int(report.lineCoverage ?? 0) == 66)
        #expect(report.files[0].partlyCovered == [2] && report.files[0].uncovered == [3])
        for wrong in ["<a/>", "<coverage>"] {
            #expect(throws: CoverageReport.ParsingError.self) {
                try CoverageReport(cobertura: Array(wrong.utf8), project: "/p")
            }
        }
    }

    @Test(
        "the places in what checkers print",
        arguments: [
            ("src/a.ts:3:5: bad thing", 3), ("./src/a.ts:4: error: bad", 4), ("/p/src/a.ts(7,2): error TS1: bad", 7),
            ("/p/src/a.ts\n  9:1  error  bad  some-rule\n", 9),
            (
                #"[{"filePath": "/p/src/a.ts", "messages": [{"line": 5, "severity": 2, "message": "bad", "ruleId": "r"}]}]"#,
                5
            ),
        ])
    func places(text: String, line: Int) {
        let files = TrackedFiles(listing: Array("100644 0 0\tsrc/a.ts\0".utf8))
        let found = CheckerOutput(project: "/p", files: files, rule: "lint").findings(in: text)
        #expect(found.map(\.file) == ["src/a.ts"] && found.map(\.line) == [line])
        #expect(found.first?.message.contains("bad") == true && found.first?.severity == .error)
    }

    @Test("Swift Testing's places come from what it prints")
    func swiftTesting() throws {
        var report = TestReport(tests: [
            .init(name: "ShopTests › adds()", outcome: .failed(message: "?"), seconds: 0)
        ])
        let files = TrackedFiles(listing: Array("100644 0 0\tTests/A/ATests.swift\0".utf8))
        report.addPlaces(
            swiftTesting: "✘ Test adds() recorded an issue at ATests.swift:6:9: Expectation failed: 1 == 2",
            files: files)
        #expect(report.tests[0].file == "Tests/A/ATests.swift" && report.tests[0].line == 6)
    }

    @Test("complexity is counted by function, without comments and quoted text")
    func complexity() throws {
        let swift = """
            func simple() { print("if for while") } // if
            func harder(_ a: Int) -> Int {
                if a > 1 && a < 9 { return 1 }
                for b in 0..<a where b > 2 { print(b) }
                return a
            }
            """
        let found = try #require(SourceText(path: "a.swift", text: swift)).functions
        #expect(
            found == [
                .init(name: "simple", line: 1, complexity: 1), .init(name: "harder", line: 2, complexity: 4),
            ])
        let python =
            "def a(x):\n    if x and x > 1:\n        return 1\n    # if\n    return 'if'\n\ndef b():\n    pass\n"
        #expect(
            try #require(SourceText(path: "a.py", text: python)).functions == [
                .init(name: "a", line: 1, complexity: 3), .init(name: "b", line: 7, complexity: 1),
            ])
        let script = "class A {\n  run(a) {\n    if (a) b();\n  }\n}\nconst go = (x) => {\n  while (x) x--;\n};\n"
        #expect(
            try #require(SourceText(path: "a.js", text: script)).functions == [
                .init(name: "run", line: 2, complexity: 2), .init(name: "go", line: 6, complexity: 2),
            ])
        #expect(SourceText(path: "a.txt", text: "if") == nil)
    }

    @Test("the same lines in two places are found, once")
    func duplication() throws {
        let block = (1...12).map { "    step\($0)(a, b)" }.joined(separator: "\n")
        let first = try #require(SourceText(path: "a.js", text: "one();\n\(block)\n"))
        let second = try #require(SourceText(path: "b.js", text: "import x\n\n\(block)\nother();\n"))
        let found = Duplication([("a.js", first), ("b.js", second)])
        #expect(found.blocks == [.init(file: "b.js", line: 3, otherFile: "a.js", otherLine: 2, length: 12)])
        #expect(found.codeLines == 26 && found.duplicatedLines == 12)
        #expect(Duplication([("a.js", first)]).duplicatedLines == 0)
    }

    @Test(
        "which licences demand the same of the whole",
        arguments: [
            ("GPL-3.0-only", true), ("AGPL-3.0", true), ("MIT", false), ("LGPL-2.1", false), ("MIT OR GPL-2.0", false),
            ("(GPL-2.0 OR GPL-3.0)", true), ("MIT AND GPL-2.0", true), ("Apache-2.0", false), ("", false),
        ])
    func licences(expression: String, isProblem: Bool) {
        #expect(LicenceCheck.demandsTheSame(expression) == isProblem)
    }

    @Test("packages of npm's lock file by their line, without those that only build the project")
    func packages() {
        let lock = """
            {"packages": {
              "": {"name": "a"},
              "node_modules/left": {"license": "GPL-3.0"},
              "node_modules/right": {"license": "GPL-3.0", "dev": true},
              "node_modules/fine": {"license": "MIT"}
            }}
            """
        let found = LicenceCheck.packages(in: Array(lock.utf8), "package-lock.json")
        #expect(found.map(\.line) == [3] && found.first?.message.hasPrefix("left is under GPL-3.0") == true)
    }

    @Test("a rule of a policy may be about a part of the files")
    func pathRules() throws {
        let policy = try Policy(
            yaml: """
                rules:
                  - { metric: line_coverage, operator: ">=", threshold: 90, path: "core/*" }
                  - { metric: lint_errors, operator: "==", threshold: 0, path: "core/*" }
                """)
        var coverage = CheckRecord(name: "coverage", status: .passed, isRequired: false)
        coverage.take(
            CoverageReport(files: [
                .init(path: "core/a.js", lines: [1: 1, 2: 1]), .init(path: "shell/b.js", lines: [1: 0, 2: 0]),
            ]))
        var lint = CheckRecord(name: "lint", status: .failed, isRequired: true, decidingMetric: .lintErrors)
        lint.findings = [Finding(file: "shell/b.js", line: 1, message: "bad", rule: "lint")]
        lint.metrics[.lintErrors] = 1
        let report = ValidationReport(project: "p", commit: nil, checks: [coverage, lint], policy: policy)
        #expect(report.passes, "\(report.problems)")
        #expect(report.verdicts.map(\.value) == [100, 0])
    }
}
