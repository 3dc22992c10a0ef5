import JSONTools

/// What came of one check.
struct CheckRecord: Sendable, Hashable {
    enum Status: Sendable, Hashable {
        case passed
        /// It ran and found something.
        case failed
        /// It could not do its work: a tool crashed, ran out of time or left no report. Nothing excuses it.
        case broken
        /// It did not run, for this reason; `help` says how to make it run.
        case skipped(reason: String, help: String?)

        /// How people and programs see it: passed, failed or skipped.
        var name: String {
            switch self {
            case .passed: "passed"
            case .failed, .broken: "failed"
            case .skipped: "skipped"
            }
        }
    }

    /// `install`, `syntax`, `format`, `lint`, `types`, `build`, `tests`, `coverage`, `secrets`, `licences`, `audit`,
    /// `complexity`, `duplication`, `shell`.
    var name: String
    var status: Status
    /// Whether the stage fails when it is skipped.
    var isRequired: Bool
    var findings: [Finding] = []
    /// What it measured.
    var metrics: [Metric: Double] = [:]
    /// One fact, such as "14 tests".
    var fact: String = ""
    var seconds: Double = 0

    /// What was covered, file by file; of the check `coverage`.
    var coverage: CoverageReport?

    /// The metric that a policy judges this check by; without a rule on it, the check itself decides.
    var decidingMetric: Metric?
}

extension CheckRecord {
    /// What this check measured of the files that match; nil when it measures something else, or nothing.
    ///
    /// Of a part of the files, what is counted are the findings in them.
    func value(of metric: Metric, in path: PathPattern?) -> Double? {
        guard let whole = metrics[metric] else { return nil }
        guard let path else { return whole }
        if var coverage {
            coverage.files.removeAll { !path.matches($0.path) }
            switch metric {
            case .lineCoverage: return coverage.lineCoverage
            case .branchCoverage: return coverage.branchCoverage
            case .functionCoverage: return coverage.functionCoverage
            case .syntaxErrors, .formatErrors, .lintErrors, .typeErrors, .buildErrors, .testsTotal, .testsPassed,
                .testsFailed, .testsSkipped, .secretsFound, .licenceProblems, .vulnerabilities, .maxComplexity,
                .duplicatedLines:
                return nil
            }
        }
        guard metric == decidingMetric, metric != .maxComplexity, metric != .duplicatedLines else { return nil }
        return Double(findings.count { $0.severity == .error && $0.file.map(path.matches) == true })
    }

    /// - Parameter maxFindings: so many findings are listed; all are counted.
    func json(maxFindings: Int) -> JSONObject {
        var object: JSONObject = [
            "name": .string(name), "status": .string(status.name), "required": .bool(isRequired), "fact": .string(fact),
            "duration_ms": .integer(Int64((seconds * 1000).rounded())),
            "findings_total": .integer(Int64(findings.count)),
            "findings": .array(findings.prefix(maxFindings).map(\.json)),
        ]
        if case .skipped(let reason, let help) = status {
            object["reason"] = .string(reason)
            if let help { object["help"] = .string(help) }
        }
        return object
    }
}
