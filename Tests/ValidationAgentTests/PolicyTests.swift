import Testing

@testable import ValidationAgent

@Suite("policies")
struct PolicyTests {
    @Test(
        "comparisons",
        arguments: [
            ("==", 2.0, 2.0, true), ("==", 2, 3, false), ("!=", 2, 3, true), ("!=", 2, 2, false), ("<", 1, 2, true),
            ("<", 2, 2, false), ("<=", 2, 2, true), ("<=", 3, 2, false), (">", 3, 2, true), (">", 2, 2, false),
            (">=", 2, 2, true), (">=", 1.999, 2, false),
        ])
    func comparisons(sign: String, value: Double, threshold: Double, holds: Bool) throws {
        #expect(try #require(Policy.Comparison(rawValue: sign)).holds(value, threshold) == holds)
    }

    @Test("a blocking rule without data blocks, one that asks only for what is measured doesn't")
    func withoutData() {
        let verdicts = Policy.standard.judge([.testsTotal: 3, .testsFailed: 0, .secretsFound: 0])
        #expect(verdicts.prefix(5).map(\.outcome) == [.withoutData, .holds, .holds, .notMeasured, .holds])
        #expect(verdicts.map(\.isBlocking) == [true] + Array(repeating: false, count: verdicts.count - 1))
        #expect(verdicts[0].sentence == "syntax_errors was not measured, but has to be == 0")
    }

    @Test("the standard policy")
    func standard() {
        let good: [Metric: Double] = [
            .syntaxErrors: 0, .testsTotal: 1, .testsFailed: 0, .lineCoverage: 80, .secretsFound: 0,
        ]
        #expect(!Policy.standard.judge(good).contains { $0.isBlocking })
        for (metric, value) in [
            (Metric.syntaxErrors, 1.0), (.testsTotal, 0), (.testsFailed, 1), (.lineCoverage, 79.999),
        ] {
            var bad = good
            bad[metric] = value
            #expect(Policy.standard.judge(bad).filter(\.isBlocking).map(\.rule.metric) == [metric])
        }
        #expect(
            Policy.standard.judge([.lineCoverage: 79.999])[3].sentence
                == "line_coverage is 79.99 %, but has to be >= 80 %")
    }

    @Test("a file's rules, with the level blocking unless it says otherwise")
    func file() throws {
        let policy = try Policy(
            yaml: """
                # comment
                rules:
                  - { metric: line_coverage, operator: ">=", threshold: 92.5, if_measured: true }
                  - metric: tests_skipped
                    operator: ==
                    threshold: 0
                    level: warn
                """)
        #expect(
            policy.rules == [
                Policy.Rule(
                    metric: .lineCoverage, comparison: .atLeast, threshold: 92.5, level: .blocking, onlyIfMeasured: true
                ),
                Policy.Rule(metric: .testsSkipped, comparison: .equal, threshold: 0, level: .warn),
            ])
    }

    @Test("everything that is wrong is said at once, with its line")
    func faults() {
        let yaml = """
            rules:
              - { metric: line_covrage, operator: ">=", threshold: 80 }
              - { metric: tests_failed, operator: "=", threshold: none, levle: warn }
              - 7
              - { metric: tests_failed, operator: "==", threshold: 0, level: hard, if_measured: perhaps }
            rule: []
            """
        let faults = #expect(throws: Policy.Faults.self) { try Policy(yaml: yaml) }
        let text = (faults?.messages ?? []).joined(separator: "\n")
        for part in [
            "policy.yaml:2: metric", "did you mean line_coverage?", "policy.yaml:3: operator",
            "policy.yaml:3: threshold",
            "levle is not known here, did you mean level?", "policy.yaml:4: expected an object", "policy.yaml:5: level",
            "if_measured: expected", "policy.yaml:6: rule is not known",
        ] {
            #expect(text.contains(part), "\(part) in\n\(text)")
        }
    }

    @Test("absurd thresholds are judged like others")
    func absurd() throws {
        let policy = try Policy(
            yaml: "rules: [{metric: tests_total, operator: \">=\", threshold: 1e300}, "
                + "{metric: tests_failed, operator: \"<\", threshold: -9e99}]")
        #expect(policy.judge([.testsTotal: 9.3e18, .testsFailed: 0]).map(\.isBlocking) == [true, true])
        #expect(policy.judge([.testsTotal: 1])[0].sentence.contains("has to be >= 1"))
        #expect(throws: Policy.Faults.self) {
            try Policy(yaml: "rules: [{metric: tests_total, operator: \">=\", threshold: .inf}]")
        }
    }

    @Test("no rules at all are no policy", arguments: ["", "rules: []", "rules: 7", "[]", "rules: [", "a: 1"])
    func empty(yaml: String) {
        #expect(throws: Policy.Faults.self) { try Policy(yaml: yaml) }
    }
}
