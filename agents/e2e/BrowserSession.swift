import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Runs the two Python programs that drive the browser against the running app: the survey and pytest.
struct BrowserSession: Sendable {
    /// Longest time for one survey or one test run, in seconds; the attempt's own limit may be shorter.
    static let timeoutSeconds: Double = 1200

    private let context: ActionContext
    private let tools: BrowserTools
    private let app: AppUnderTest
    private let temporary: ShortDirectory

    /// Where both programs put what they find.
    let output: String

    init(context: ActionContext, tools: BrowserTools, app: AppUnderTest) throws {
        self.context = context
        self.tools = tools
        self.app = app
        output = context.scratch + "/evidence"
        try SmallFile.makeDirectories(output + "/tests")
        temporary = try ShortDirectory()
    }

    /// Removes the temporary files of the browser.
    func close() { temporary.remove() }

    /// The status that a path answers with; nil without an answer.
    func status(of path: String) async -> Int? { await context.tools.probe(app.url + path).status }

    /// What a path answers with 2xx; nil for any other answer.
    func body(of path: String) async -> String? {
        let probe = await context.tools.probe(app.url + path)
        return probe.status.map { (200..<300).contains($0) } == true ? probe.text : nil
    }

    /// Presses every button of the pages and looks for those that do nothing.
    ///
    /// - Parameters:
    ///   - survey: the pages; gets what is found, and pictures of it.
    ///   - seconds: how long at most.
    func pressButtons(_ survey: inout BrowserSurvey, seconds: Double) async throws {
        let pages = survey.pages.filter { $0.isHTML && !$0.buttons.isEmpty }
        guard !pages.isEmpty, !app.hasEnded else { return }
        let planFile = context.scratch + "/buttons-plan.json"
        let order: JSONValue = [
            "base_url": .string(app.url), "chromium": .string(tools.chromium),
            "seconds": .number(seconds),
            "buttons": .array(
                pages.map { page in
                    let dead = page.findings.filter { $0.kind == "dead_button" }.map(\.message)
                    let alive = page.buttons.filter { button in
                        !dead.contains { $0.contains("(\(button.selector))") }
                    }
                    return [
                        "path": .string(page.path),
                        "buttons": .array(
                            alive.map { ["selector": .string($0.selector), "text": .string($0.text)] }),
                        "fields": .array(
                            page.fields.compactMap { field in
                                TestGenerator.sample(for: field).map { value in
                                    ["selector": .string(field.selector), "value": .string(value)]
                                }
                            }),
                    ]
                }),
        ]
        try SmallFile.replace(planFile, with: order.encoded())
        let script = context.shareDirectory + "/e2e/buttons.py"
        let run = try await python([script, planFile, output], environment: [:])
        guard run.succeeded, let bytes = SmallFile.read(output + "/buttons.json"),
            let json = try? JSONValue(parsing: bytes)
        else {
            context.logger.warning("the buttons could not be pressed: \(run.lastLines(3))")
            return
        }
        survey.add(buttons: json)
    }

    /// Walks through the pages.
    ///
    /// - Parameters:
    ///   - plan: what the project says of its browser tests.
    ///   - pages: where it begins.
    ///   - maxPages: how many are looked at.
    ///   - accepted: the pictures to compare with.
    /// - Throws: ``ActionFailure`` `SURVEY_FAILED` when the browser could not do it.
    func survey(
        _ plan: E2EPlan, pages: [String], maxPages: Int, accepted: AcceptedPictures
    ) async throws -> BrowserSurvey {
        let planFile = context.scratch + "/survey-plan.json"
        let order: JSONValue = [
            "base_url": .string(app.url), "chromium": .string(tools.chromium), "max_pages": .integer(Int64(maxPages)),
            "pages": .array(pages.map { .string($0) }),
            "ignore": .array(plan.ignore.map { .string($0) }),
            "accepted": .string(accepted.directory), "change_fails": .bool(accepted.changeFails),
        ]
        try SmallFile.replace(planFile, with: order.encoded())
        let script = context.shareDirectory + "/e2e/survey.py"
        let run = try await python([script, planFile, output], environment: [:])
        guard run.succeeded, let bytes = SmallFile.read(output + "/survey.json"),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 16 << 20))
        else {
            throw ActionFailure(
                code: "SURVEY_FAILED",
                message: "The browser could not look at the app (exit code \(run.exitCode)):\n" + run.lastLines(),
                retryable: true
            )
        }
        return BrowserSurvey(json: json)
    }

    /// Runs the project's browser tests by pytest; those that fail are run once more.
    ///
    /// - Returns: What its report says of each test, never empty; and of those that failed and then passed, why they had
    ///   failed.
    /// - Throws: ``ActionFailure`` `TESTS_DID_NOT_RUN` when there is no report or no test in it, whatever the exit code.
    func runTests() async throws -> (cases: [TestCase], flaky: [TestCase]) {
        var (cases, run) = try await pytest([], report: output + "/junit.xml")
        if run.exitCode == 1, !cases.contains(where: { $0.outcome != .passed }) {
            cases.append(TestCase(name: "pytest", outcome: .failed("exit code 1: " + run.lastLines(3)), seconds: 0))
        }
        let failed = cases.filter(\.hasFailed)
        guard !failed.isEmpty else { return (cases, []) }
        context.report(progress: 0.8, note: "running again what failed")
        // What can't be run again stays as it was.
        guard let (again, _) = try? await pytest(["--last-failed"], report: output + "/junit-again.xml") else {
            return (cases, [])
        }
        let passed = Set(again.filter { $0.outcome == .passed }.map(\.name))
        let flaky = failed.filter { passed.contains($0.name) }
        return (cases.filter { test in !flaky.contains(test) }, flaky)
    }

    private func pytest(_ more: [String], report: String) async throws -> (cases: [TestCase], run: ToolOutput) {
        let run = try await python(
            [
                "-m", "pytest", "e2e", "-o", "cache_dir=\(context.scratch)/pytest-cache", "--tb=short", "-q", "-o",
                "junit_family=xunit2", "--junitxml", report,
            ] + more,
            environment: [
                "E2E_BASE_URL": app.url, "E2E_CHROMIUM": tools.chromium, "E2E_OUTPUT": output + "/tests",
                "PYTHONDONTWRITEBYTECODE": "1",
            ]
        )
        // 0: all passed, 1: some failed. Everything else says that pytest itself did not come to its end.
        var cases: [TestCase] = []
        var problem = "there is no report"
        if let bytes = SmallFile.read(report) {
            do {
                cases = try JUnitReport.parse(bytes)
                problem = "there are no tests in its report"
            } catch {
                problem = "\(error)"
            }
        }
        guard run.exitCode == 0 || run.exitCode == 1, !cases.isEmpty else {
            throw ActionFailure(
                code: "TESTS_DID_NOT_RUN",
                message: "pytest ended with \(run.exitCode) and \(problem):\n" + run.lastLines()
            )
        }
        return (cases, run)
    }

    private func python(_ arguments: [String], environment: [String: String]) async throws -> ToolOutput {
        let common = ["TMPDIR": temporary.path, "PYTHONUNBUFFERED": "1"]
        return try await context.tools.run(
            ToolCommand(
                tools.python,
                arguments,
                in: context.workspace,
                environment: common.merging(environment) { _, given in given },
                timeoutSeconds: Self.timeoutSeconds
            )
        )
    }
}

extension TestCase {
    /// Whether it ran and did not pass.
    fileprivate var hasFailed: Bool {
        if case .failed = outcome { true } else { false }
    }
}
