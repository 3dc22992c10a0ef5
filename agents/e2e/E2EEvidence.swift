import AgentProtocol
import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// What a browser test run brought to light, and what the stage says of it.
struct E2EEvidence: Sendable {
    var survey: BrowserSurvey
    /// Where pictures, traces and the JUnit report lie.
    var directory: String
    var cases: [TestCase]
    /// Tests that failed and passed when they were run again, with what they had failed of; none of ``cases``.
    var flaky: [TestCase] = []
    /// Whether the tests were written in this run.
    var isGenerated: Bool
    /// The commit with the tests.
    var commit: String

    static let maxFindingsInOutput = 50
    static let maxPagesInOutput = 50
    /// Pictures that are kept, and how much of them goes into the report, in bytes.
    static let maxPictures = 80
    static let maxPictureBytes = 64 << 20
    /// One picture, and one trace, in bytes; larger ones are left out.
    static let maxPictureFileBytes = 8 << 20
    static let maxTraceBytes = 256 << 20

    var tests: TestSummary { TestSummary(cases) }

    /// Whether something passed, nothing failed and no page had an error.
    var passed: Bool { tests.passed > 0 && tests.failed == 0 && !survey.findings.contains(where: \.isError) }

    /// "5 browser tests, 3 pages", with what went wrong if anything did.
    var summary: String {
        let tests = tests
        let all = tests.tests + flaky.count
        let noun = all == 1 ? "browser test" : "browser tests"
        var text = tests.passed == all ? "\(all) \(noun)" : "\(tests.passed) of \(all) \(noun) passed"
        if !flaky.isEmpty { text += ", \(flaky.count) flaky" }
        if tests.skipped > 0 { text += ", \(tests.skipped) skipped" }
        let pages = survey.pages.count { $0.isHTML }
        text += pages == 1 ? ", 1 page" : ", \(pages) pages"
        let errors = survey.findings.count(where: \.isError)
        if errors > 0 { text += errors == 1 ? ", 1 error on them" : ", \(errors) errors on them" }
        return text
    }

    /// The result of the stage.
    ///
    /// - Parameters:
    ///   - tools: what was used.
    ///   - diedAlone: whether the app ended before it was told to.
    ///   - appLog: its last lines.
    func outcome(tools: BrowserTools, diedAlone: Bool, appLog: String) -> ActionOutcome {
        var versions = tools.versions
        versions["browser"] = .string(survey.browser)
        var outcome = ActionOutcome(output: [
            "summary": .string(summary),
            "tests": .object(tests.json),
            "flaky": .array(flaky.map(Self.json)),
            "generated": .bool(isGenerated),
            "pages": .array(survey.pages.prefix(Self.maxPagesInOutput).map(Self.json)),
            "findings": .array(survey.findings.prefix(Self.maxFindingsInOutput).map(Self.json)),
            "tools": .object(versions),
        ])
        outcome.warnings = warnings
        outcome.faults = faults(diedAlone: diedAlone, appLog: appLog)
        if !outcome.faults.isEmpty { outcome.status = .failure }
        return outcome
    }

    private var warnings: [String] {
        var warnings = survey.findings.filter { !$0.isError }.prefix(20).map {
            "\($0.kind) on \($0.page): \($0.message)"
        }
        for test in flaky.prefix(20) {
            if case .failed(let reason) = test.outcome {
                warnings.append(
                    "\(test.name) is flaky: it passed when it was run again, and had failed: \(reason.prefix(300))")
            }
        }
        if tests.skipped > 0 { warnings.append("\(tests.skipped) of \(tests.tests) browser tests did not run") }
        if survey.unvisited > 0 { warnings.append("\(survey.unvisited) more pages were linked but not looked at") }
        if survey.unpressed > 0 { warnings.append("\(survey.unpressed) buttons were not pressed one by one") }
        return warnings
    }

    private func faults(diedAlone: Bool, appLog: String) -> [TaskFault] {
        var faults: [TaskFault] = []
        let tests = tests
        if diedAlone {
            faults.append(Self.fault("APP_ENDED", "The app ended during its tests. Its last lines:\n" + appLog))
        }
        if tests.failed > 0 {
            let first = tests.failures.first.map { "; first: \($0.name): \($0.message)" } ?? ""
            faults.append(
                Self.fault("E2E_TESTS_FAILED", "\(tests.failed) of \(tests.tests) browser tests failed\(first)"))
        }
        if tests.passed == 0, tests.failed == 0 {
            faults.append(Self.fault("TESTS_DID_NOT_RUN", "all \(tests.tests) browser tests were skipped"))
        }
        let errors = survey.findings.filter(\.isError)
        if let first = errors.first {
            let more = errors.count == 1 ? "" : " (and \(errors.count - 1) more)"
            faults.append(
                Self.fault("PAGE_ERRORS", "\(first.kind) on \(first.page): \(first.message)\(more)"))
        }
        return faults
    }

    private static func fault(_ code: String, _ message: String) -> TaskFault {
        TaskFault(code: code, message: message, retryable: false, detail: [:])
    }

    private static func json(_ test: TestCase) -> JSONValue {
        var reason = ""
        if case .failed(let text) = test.outcome { reason = String(text.prefix(500)) }
        return ["name": .string(test.name), "message": .string(reason)]
    }

    private static func json(_ page: BrowserSurvey.Page) -> JSONValue {
        [
            "path": .string(page.path), "title": .string(page.title),
            "status": page.status.map { .integer(Int64($0)) } ?? .null,
            "load_ms": .integer(Int64(page.loadMilliseconds)), "forms": .integer(Int64(page.forms)),
            "buttons": .integer(Int64(page.buttons.count)),
        ]
    }

    private static func json(_ finding: BrowserSurvey.Finding) -> JSONValue {
        [
            "severity": finding.isError ? "error" : "warning", "kind": .string(finding.kind),
            "page": .string(finding.page), "message": .string(finding.message),
        ]
    }
}

extension E2EEvidence {
    /// Keeps report, JUnit file, pictures and traces as artifacts.
    func keep(title: String, in sink: ArtifactSink) throws {
        let pagePictures = survey.pages.flatMap { page in
            page.screenshots.map { name in
                let kind =
                    name.hasSuffix("-phone.png") ? "phone" : name.hasSuffix("-dark.png") ? "dark colours" : "desktop"
                return (file: name, caption: "\(page.path), \(kind)")
            } + page.evidence.map { (file: $0, caption: "\(page.path): what a finding is about") }
        }
        let testFiles = SmallFile.names(in: directory + "/tests")
        let testPictures = testFiles.filter { $0.hasSuffix(".png") }
            .map { (file: "tests/\($0)", caption: "end of \($0.dropLast(4))") }
        var pictures: [ReportPage.Picture] = []
        var room = Self.maxPictureBytes
        for (file, caption) in (testPictures + pagePictures).prefix(Self.maxPictures) {
            guard isKept(file, maxBytes: Self.maxPictureFileBytes), let bytes = SmallFile.read(directory + "/" + file),
                bytes.count <= room
            else { continue }
            room -= bytes.count
            pictures.append(.init(caption: caption, bytes: bytes, isPhone: file.hasSuffix("-phone.png")))
        }
        let report = ReportPage(
            title: title, summary: summary, passed: passed, cases: cases + flaky, survey: survey, pictures: pictures)
        try sink.add(
            bytes: Array(report.html().utf8), name: "e2e-report.html", type: "text/html", label: "Browser test report")
        try sink.add(
            file: directory + "/junit.xml", name: "e2e-junit.xml", type: "application/xml", label: "JUnit report")
        for (file, caption) in (pagePictures + testPictures).prefix(Self.maxPictures) {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            guard isKept(file, maxBytes: Self.maxPictureFileBytes) else { continue }
            try sink.add(file: directory + "/" + file, name: name, type: "image/png", label: caption)
        }
        let label = "Trace; open it with: playwright show-trace"
        if isKept("trace.zip", maxBytes: Self.maxTraceBytes) {
            try sink.add(file: directory + "/trace.zip", name: "trace.zip", type: "application/zip", label: label)
        }
        for name in testFiles.filter({ $0.hasSuffix(".trace.zip") }).prefix(20)
        where isKept("tests/" + name, maxBytes: Self.maxTraceBytes) {
            try sink.add(file: directory + "/tests/" + name, name: name, type: "application/zip", label: label)
        }
    }

    /// Whether something is a regular file of the evidence: the project's tests write there, too, and what they link to is
    /// not taken along.
    private func isKept(_ file: String, maxBytes: Int) -> Bool {
        var status = stat()
        guard let path = try? Workspace(root: directory).resolve(file), path.hasSuffix("/" + file),
            lstat(path, &status) == 0
        else { return false }
        return status.st_mode & S_IFMT == S_IFREG && status.st_size <= maxBytes
    }
}
