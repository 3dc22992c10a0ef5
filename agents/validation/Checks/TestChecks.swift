import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// `tests` and `coverage`: the project's own tests, run once, and what they covered.
struct TestChecks {
    static let maxFindings = 200

    let context: ActionContext
    let project: FoundProject
    let runner: ProjectRunner
    let files: TrackedFiles

    private var manifest: ProjectManifest { project.manifest }

    /// Runs the tests.
    ///
    /// - Returns: the records of both checks.
    func run() async throws -> (tests: CheckRecord, coverage: CheckRecord) {
        var tests = CheckRecord(name: "tests", status: .passed, isRequired: true, decidingMetric: .testsFailed)
        var coverage = CheckRecord(name: "coverage", status: .passed, isRequired: false)
        let command = manifest.commands("coverage") != nil ? "coverage" : "test"
        guard manifest.commands(command) != nil else {
            // Of a repository that was never made for Baton, tests are not demanded; that there are none is said.
            tests.isRequired = !project.isDetected
            tests.status = .skipped(
                reason: project.isDetected
                    ? "no tests were found in the repository"
                    : "the manifest has neither a command \"coverage\" nor \"test\"",
                help: "name the tests in \(ProjectManifest.fileName), as in \"test\": [[\"node\", \"--test\"]]")
            coverage.status = .skipped(reason: "there are no tests", help: nil)
            return (tests, coverage)
        }
        try prepareReports()
        var run: ProjectRunner.Run?
        do {
            run = try await runner.run(command)
        } catch let failure as ActionFailure {
            tests.take(failure)
        }
        // Once more: what ran may have put links there that lead out of the workspace.
        let reports = try reportPaths()
        if let run { read(run, reports, into: &tests) }
        readCoverage(reports["coverage"], into: &coverage)
        try keep(reports)
        return (tests, coverage)
    }

    /// Makes room for the reports: what lies there from elsewhere must not be taken for this run's.
    private func prepareReports() throws {
        for path in try reportPaths().values { unlink(path) }
    }

    /// Where the reports are, by their kind.
    private func reportPaths() throws -> [String: String] {
        let workspace = try Workspace(root: context.workspace)
        return try manifest.reports.mapValues { try workspace.resolve($0) }
    }

    private func keep(_ reports: [String: String]) throws {
        let kinds = [
            ("junit", "junit.xml", "application/xml", "Test results"),
            ("coverage", "lcov.info", "text/plain", "Coverage"),
            ("tap", "tests.tap", "text/plain", "Test results"),
        ]
        for (kind, name, type, label) in kinds {
            guard let path = reports[kind], SmallFile.read(path, maxBytes: CoverageReport.maxBytes) != nil else {
                continue
            }
            try context.artifacts.add(file: path, name: name, type: type, label: label)
        }
    }

    // MARK: Tests

    private func read(_ run: ProjectRunner.Run, _ reports: [String: String], into record: inout CheckRecord) {
        if reports["junit"] == nil, let path = reports["tap"],
            let bytes = SmallFile.read(path, maxBytes: JUnitReport.maxBytes)
        {
            readTAP(String(decoding: bytes, as: UTF8.self), run, into: &record)
            return
        }
        guard let path = reports["junit"], let bytes = SmallFile.read(path, maxBytes: JUnitReport.maxBytes) else {
            readConsole(run, into: &record)
            return
        }
        let report: TestReport
        do throws(TestReport.ParsingError) {
            report = try TestReport(junit: bytes, project: context.workspace)
        } catch {
            record.status = .broken
            record.fact = "the report can't be read"
            record.findings = [Finding(file: manifest.reports["junit"], message: "JUnit XML: \(error)", rule: "junit")]
            return
        }
        take(report, run, into: &record)
    }

    private func readTAP(_ text: String, _ run: ProjectRunner.Run, into record: inout CheckRecord) {
        do throws(TAPReport.ParsingError) {
            let tests = try TAPReport.tests(in: text, project: context.workspace)
            take(TestReport(tests: tests), run, into: &record)
        } catch {
            record.status = .broken
            record.fact = "the report can't be read"
            record.findings = [Finding(file: manifest.reports["tap"], message: "TAP: \(error)", rule: "tap")]
        }
    }

    private func take(_ report: TestReport, _ run: ProjectRunner.Run, into record: inout CheckRecord) {
        var report = report
        let printed = run.outputs.map { $0.text + "\n" + $0.errorText }.joined(separator: "\n")
        report.addPlaces(swiftTesting: printed, files: files)
        record.take(report)
        if record.findings.isEmpty, let failure = run.failure(code: "TESTS_FAILED") {
            record.status = .broken
            record.fact += ", but the command failed"
            record.findings = [Finding(message: failure.message, rule: "tests")]
        }
    }

    /// Without a report: what the command printed and how it ended.
    private func readConsole(_ run: ProjectRunner.Run, into record: inout CheckRecord) {
        if let tests = run.tests {
            record.metrics[.testsTotal] = Double(tests.tests)
            record.metrics[.testsPassed] = Double(tests.passed)
            record.metrics[.testsFailed] = Double(tests.failed)
            record.metrics[.testsSkipped] = Double(tests.skipped)
            record.fact = tests.sentence
            if tests.failed > 0 { record.status = .failed }
        } else {
            record.fact = "no report"
        }
        if let failure = run.failure(code: "TESTS_FAILED") {
            if record.status == .passed { record.status = .broken }
            record.findings = [Finding(message: failure.message, rule: "tests")]
        } else if record.status == .failed {
            record.findings = [Finding(message: record.fact, rule: "tests")]
        }
    }

    // MARK: Coverage

    private func readCoverage(_ path: String?, into record: inout CheckRecord) {
        guard let path else {
            record.status = .skipped(
                reason: "the manifest names no coverage report",
                help:
                    "name an LCOV file in \(ProjectManifest.fileName), as in \"reports\": {\"coverage\": \"lcov.info\"}"
            )
            return
        }
        guard let bytes = SmallFile.read(path, maxBytes: CoverageReport.maxBytes) else {
            record.status = .skipped(
                reason: "the run left no \(manifest.reports["coverage"] ?? "coverage report")", help: nil)
            return
        }
        do throws(CoverageReport.ParsingError) {
            let isXML = bytes.first { $0 > 0x20 } == UInt8(ascii: "<")
            record.take(
                isXML
                    ? try CoverageReport(cobertura: bytes, project: context.workspace)
                    : try CoverageReport(
                        lcov: String(decoding: bytes, as: UTF8.self), project: context.workspace))
        } catch {
            record.status = .broken
            record.findings = [
                Finding(file: manifest.reports["coverage"], line: error.line, message: "\(error)", rule: "coverage")
            ]
        }
    }
}

extension CheckRecord {
    /// Takes over the tests of a report.
    mutating func take(_ report: TestReport) {
        let failed = report.failed
        metrics[.testsTotal] = Double(report.tests.count)
        metrics[.testsPassed] = Double(report.count(.passed))
        metrics[.testsFailed] = Double(failed.count)
        metrics[.testsSkipped] = Double(report.count(.skipped))
        findings = failed.prefix(TestChecks.maxFindings).map { test in
            var message = test.name
            if case .failed(let reason) = test.outcome { message += ": " + reason }
            return Finding(file: test.file, line: test.line, message: message, rule: "test")
        }
        status = failed.isEmpty ? .passed : .failed
        let noun = report.tests.count == 1 ? "test" : "tests"
        fact =
            failed.isEmpty ? "\(report.tests.count) \(noun)" : "\(failed.count) of \(report.tests.count) \(noun) failed"
        let skipped = report.count(.skipped)
        if skipped > 0 { fact += ", \(skipped) skipped" }
    }

    /// Takes over what was covered; what was not is a warning for each file.
    mutating func take(_ report: CoverageReport) {
        metrics[.lineCoverage] = report.lineCoverage
        metrics[.branchCoverage] = report.branchCoverage
        metrics[.functionCoverage] = report.functionCoverage
        coverage = report
        let worst = report.files.sorted { ($1.uncovered.count, $0.path) < ($0.uncovered.count, $1.path) }
        findings = worst.prefix(TestChecks.maxFindings).filter { !$0.uncovered.isEmpty }.map { file in
            Finding(
                file: file.path, line: file.uncovered.first,
                message: "no test runs line \(CoverageReport.ranges(file.uncovered))", rule: "coverage",
                severity: .warning)
        }
        findings += report.files.flatMap { file in
            file.partlyCovered.map { line in
                Finding(
                    file: file.path, line: line, message: "a branch here is never taken by a test", rule: "branch",
                    severity: .warning)
            }
        }.prefix(TestChecks.maxFindings)
        var facts: [String] = []
        if let lines = report.lineCoverage { facts.append("\(Metric.lineCoverage.shown(lines)) of the lines") }
        if let branches = report.branchCoverage {
            facts.append("\(Metric.branchCoverage.shown(branches)) of the branches")
        }
        fact = facts.isEmpty ? "no lines of the project's own" : facts.joined(separator: ", ")
    }
}
