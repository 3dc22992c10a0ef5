import JSONTools

/// What checks measure and policies judge.
enum Metric: String, Sendable, Hashable, CaseIterable {
    case syntaxErrors = "syntax_errors"
    case lintErrors = "lint_errors"
    case testsTotal = "tests_total"
    case testsPassed = "tests_passed"
    case testsFailed = "tests_failed"
    case testsSkipped = "tests_skipped"
    /// Percent, 0...100.
    case lineCoverage = "line_coverage"
    /// Percent, 0...100.
    case branchCoverage = "branch_coverage"
    /// Percent, 0...100.
    case functionCoverage = "function_coverage"
    case secretsFound = "secrets_found"

    /// A value as people read it.
    func shown(_ value: Double) -> String {
        let text = JSONValue(measured: value).description
        switch self {
        case .lineCoverage, .branchCoverage, .functionCoverage: return text + " %"
        case .syntaxErrors, .lintErrors, .testsTotal, .testsPassed, .testsFailed, .testsSkipped, .secretsFound:
            return text
        }
    }
}
