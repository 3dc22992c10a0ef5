import JSONTools

/// What checks measure and policies judge.
enum Metric: String, Sendable, Hashable, CaseIterable {
    case syntaxErrors = "syntax_errors"
    case formatErrors = "format_errors"
    case lintErrors = "lint_errors"
    case typeErrors = "type_errors"
    case buildErrors = "build_errors"
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
    case licenceProblems = "licence_problems"
    /// Known vulnerabilities of severity high or critical in what the project depends on.
    case vulnerabilities
    /// Of the function with the most decisions: their number and one.
    case maxComplexity = "max_complexity"
    /// Percent of the lines of code that stand somewhere else as well, 0...100.
    case duplicatedLines = "duplicated_lines"

    /// A value as people read it.
    func shown(_ value: Double) -> String {
        let text = JSONValue(measured: value).description
        switch self {
        case .lineCoverage, .branchCoverage, .functionCoverage, .duplicatedLines: return text + " %"
        case .syntaxErrors, .formatErrors, .lintErrors, .typeErrors, .buildErrors, .testsTotal, .testsPassed,
            .testsFailed, .testsSkipped, .secretsFound, .licenceProblems, .vulnerabilities, .maxComplexity:
            return text
        }
    }
}
