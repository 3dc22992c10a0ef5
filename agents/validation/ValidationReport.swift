import JSONTools

/// All checks of a project, judged by its policy.
struct ValidationReport: Sendable, Hashable {
    /// A reason why the project doesn't pass.
    struct Problem: Sendable, Hashable {
        /// Name of the check or metric.
        var name: String
        /// With the first finding's file and line, where there is one.
        var sentence: String
        /// In a few words, for a summary.
        var fact: String
    }

    var project: String
    var commit: String?
    private(set) var checks: [CheckRecord]
    let verdicts: [RuleVerdict]
    let policyFile: String?
    var tools: [(name: String, version: String)] = []
    /// Why it doesn't pass, worst first; empty when it passes.
    let problems: [Problem]

    static func == (left: Self, right: Self) -> Bool {
        left.project == right.project && left.checks == right.checks && left.verdicts == right.verdicts
            && left.problems == right.problems
    }

    func hash(into hasher: inout Hasher) { hasher.combine(checks) }

    /// Judges checks.
    ///
    /// It doesn't pass when a check is broken, a required one was skipped, a blocking rule doesn't hold, or a check found
    /// something and no rule of the policy is about that.
    init(project: String, commit: String?, checks: [CheckRecord], policy: Policy) {
        self.project = project
        self.commit = commit
        policyFile = policy.file
        let verdicts = policy.judge { metric, path in
            checks.lazy.compactMap { $0.value(of: metric, in: path) }.first
        }
        self.verdicts = verdicts
        self.checks = checks.map { check in
            var check = check
            let isViolated = verdicts.contains { $0.isBlocking && check.metrics[$0.rule.metric] != nil }
            if isViolated, check.status == .passed { check.status = .failed }
            return check
        }
        problems = Self.problems(self.checks, verdicts)
    }

    private static func problems(_ checks: [CheckRecord], _ verdicts: [RuleVerdict]) -> [Problem] {
        var problems: [Problem] = []
        var explained: Set<Metric> = []
        for check in checks {
            let broken = verdicts.filter { $0.isBlocking && check.metrics[$0.rule.metric] != nil }
            let isJudged =
                check.decidingMetric.map { metric in verdicts.contains { $0.rule.metric == metric } } ?? false
            switch check.status {
            case .passed:
                continue
            case .skipped(let reason, let help):
                guard check.isRequired else { continue }
                let hint = help.map { "; \($0)" } ?? ""
                problems.append(
                    Problem(
                        name: check.name, sentence: "\(check.name) was skipped, but is required: \(reason)\(hint)",
                        fact: "\(check.name) skipped"))
            case .failed where isJudged && broken.isEmpty:
                // The policy has a rule about it, and that rule holds or only warns.
                continue
            case .failed, .broken:
                problems.append(problem(of: check, broken))
            }
            explained.formUnion(broken.map(\.rule.metric))
        }
        for verdict in verdicts where verdict.isBlocking && !explained.contains(verdict.rule.metric) {
            problems.append(
                Problem(name: verdict.rule.metric.rawValue, sentence: verdict.sentence, fact: verdict.sentence))
        }
        return problems
    }

    private static func problem(of check: CheckRecord, _ broken: [RuleVerdict]) -> Problem {
        let finding = check.findings.first { $0.severity == .error } ?? check.findings.first
        let more = check.findings.count > 1 ? " (and \(check.findings.count - 1) more)" : ""
        // A threshold that was missed says more than the first of many warnings.
        let isThreshold = check.findings.allSatisfy { $0.severity == .warning }
        var parts: [String] = []
        if isThreshold { parts.append(broken.map(\.sentence).joined(separator: ", ")) }
        if let finding { parts.append(finding.sentence + more) }
        let text = parts.filter { !$0.isEmpty }.joined(separator: "; ")
        let fact = isThreshold ? broken.map(\.sentence).joined(separator: ", ") : check.fact
        return Problem(
            name: check.name, sentence: "\(check.name): \(text.isEmpty ? check.fact : text)",
            fact: fact.isEmpty ? "\(check.name) failed" : fact)
    }

    var passes: Bool { problems.isEmpty }

    /// Everything that was measured.
    var metrics: [Metric: Double] {
        var metrics: [Metric: Double] = [:]
        for check in checks { metrics.merge(check.metrics) { first, _ in first } }
        return metrics
    }

    /// One fact: "14 tests, 96 % lines", or what is wrong.
    var summary: String {
        if let problem = problems.first {
            let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
            return problem.fact + more
        }
        var facts: [String] = []
        if let tests = metrics[.testsTotal] {
            facts.append("\(Metric.testsTotal.shown(tests)) \(tests == 1 ? "test" : "tests")")
        }
        if let lines = metrics[.lineCoverage] { facts.append("\(Int(lines.rounded(.down))) % lines") }
        return facts.isEmpty ? "\(checks.count) checks" : facts.joined(separator: ", ")
    }

    /// What a person should know although it passes: rules that warn, findings that don't count.
    var warnings: [String] {
        var warnings = verdicts.filter { verdict in
            verdict.rule.level == .warn && (verdict.outcome == .violated || verdict.outcome == .withoutData)
        }.map(\.sentence)
        for check in checks {
            if case .skipped(let reason, _) = check.status, !check.isRequired {
                warnings.append("\(check.name) was skipped: \(reason)")
            }
            if check.name == "secrets" {
                warnings += check.findings.filter { $0.severity == .warning }.prefix(5).map(\.sentence)
            }
        }
        return warnings
    }

    /// The whole as JSON.
    ///
    /// - Parameter maxFindings: so many findings of each check are listed; all are counted.
    func json(maxFindings: Int) -> JSONObject {
        let metrics = metrics
        let measured = Metric.allCases.compactMap { metric in
            metrics[metric].map { (metric.rawValue, JSONValue(measured: $0)) }
        }
        return [
            "summary": .string(summary), "passes": .bool(passes),
            "checks": .array(checks.map { .object($0.json(maxFindings: maxFindings)) }),
            "metrics": .object(JSONObject(measured)), "policy": .array(verdicts.map(\.json)),
            "policy_file": policyFile.map { .string($0) } ?? nil,
            "tools": .object(JSONObject(tools.map { ($0.name, .string($0.version)) })),
        ]
    }
}
