import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `e2e_testing`: starts the app, looks at every page of it in a browser, writes browser tests if the project has none,
/// and runs them. A test that could not run never counts as passed.
struct E2ETestingAction: AgentAction {
    let description = ActionDescription(
        name: "e2e_testing",
        inputSchema: [
            "type": "object",
            "properties": [
                "health_timeout_seconds": [
                    "type": "number", "minimum": 1, "maximum": 600, "default": 30,
                    "description": "How long the app may take from its start until it is healthy.",
                ],
                "max_pages": [
                    "type": "integer", "minimum": 1, "maximum": 100, "default": 20,
                    "description": "How many pages are looked at.",
                ],
                "screenshots": AcceptedPictures.schema,
                "slow_page_ms": [
                    "type": "integer", "minimum": 1, "maximum": 600_000, "default": 5000,
                    "description": "A page that takes longer each time that it is opened is told as slow.",
                ],
                "press_buttons": [
                    "type": "boolean", "default": true,
                    "description": "Press every button after the tests, and tell those that do nothing.",
                ],
            ],
        ],
        workspace: .write,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let project: FoundProject
        do {
            project = try await FoundProject.look(context)
        } catch let failure as ActionFailure where failure.code == ManifestError.Code.missing.rawValue {
            return Self.skipped("no \(ProjectManifest.fileName), and no language that is known by its files")
        }
        let manifest = project.manifest
        if project.isDetected, manifest.commands("start") == nil {
            return Self.skipped(
                "nothing in this \(manifest.stack) project shows a server that obeys PORT, as a library has none; "
                    + "if it is an app, name its start command in \(ProjectManifest.fileName)")
        }
        let plan: E2EPlan
        do throws(ManifestError) { plan = try E2EPlan(manifest) } catch { throw ActionFailure(error) }
        context.report(progress: 0.05, note: "looking for the browser")
        let tools = try await BrowserTools.find(context.tools)
        let runner = ProjectRunner(context: context, manifest: manifest, directory: context.workspace)
        context.report(progress: 0.1, note: "installing")
        try await runner.runChecked("install", failureCode: "INSTALL_FAILED")

        context.report(progress: 0.2, note: "starting the app")
        let seconds = context.input["health_timeout_seconds"]?.doubleValue ?? AppUnderTest.startSeconds
        let app = try await AppUnderTest.start(project, in: context, runner: runner, healthSeconds: seconds)
        let evidence: E2EEvidence
        do {
            let session = try BrowserSession(context: context, tools: tools, app: app)
            defer { session.close() }
            evidence = try await gather(context, project: project, plan: plan, session: session)
        } catch {
            let log = await app.stop()
            if let log { keep(log: log, in: context) }
            throw error
        }
        let diedAlone = app.hasEnded
        let log = await app.stop()
        if let log { keep(log: log, in: context) }
        try evidence.keep(title: manifest.name, in: context.artifacts)
        var outcome = evidence.outcome(tools: tools, diedAlone: diedAlone, appLog: log?.lastLines() ?? "")
        outcome.commit = evidence.commit
        if outcome.status == .success { try AcceptedPictures(context).accept(evidence.survey, in: evidence.directory) }
        return outcome
    }

    /// Survey, generated tests, test run: what needs the running app.
    private func gather(
        _ context: ActionContext,
        project: FoundProject,
        plan: E2EPlan,
        session: BrowserSession
    ) async throws -> E2EEvidence {
        context.report(progress: 0.3, note: "looking at the pages")
        var pages = ["/"] + plan.pages
        // Of an app that nobody has described, the first page may be missing: it may answer other programs only.
        if project.isDetected, await session.status(of: "/").map({ $0 < 400 }) != true { pages.removeFirst() }
        var survey = try await session.survey(
            plan, pages: pages, maxPages: context.input["max_pages"]?.intValue ?? 20,
            accepted: AcceptedPictures(context))
        survey.addSlowPages(over: context.input["slow_page_ms"]?.intValue ?? 5000)
        let suite = ProjectTests(context: context)
        var commit = try await suite.head()
        let isGenerated = try !suite.exist()
        if isGenerated {
            context.report(progress: 0.5, note: "writing tests")
            let manifest = project.manifest
            var generator = TestGenerator(health: manifest.health, plan: plan, survey: survey)
            generator.knowsHealth = project.detection?.namesHealth ?? true
            // A site of files answers no API: what describes one there is for its pages' own storage.
            if !["static", "static-site"].contains(manifest.stack) {
                generator.api = try await api(context, plan, session)
            }
            let files = try suite.write(generator.files())
            if project.isDetected {
                // A repository that was never made for Baton gets no files that nobody asked for.
                for file in files {
                    let name = String(file.path.dropFirst("e2e/".count))
                    try context.artifacts.add(
                        bytes: Array(file.text.utf8), name: name, type: "text/x-python", label: "Browser tests")
                }
            } else {
                commit = try await suite.commit(files, manifest: manifest)
            }
        }
        context.report(progress: 0.6, note: "running the tests")
        let (cases, flaky) = try await session.runTests()
        if context.input["press_buttons"]?.boolValue ?? true {
            // Last, as it changes what the app has stored.
            context.report(progress: 0.85, note: "pressing the buttons")
            try await session.pressButtons(&survey, seconds: Self.pressSeconds)
        }
        return E2EEvidence(
            survey: survey,
            directory: session.output,
            cases: cases,
            flaky: flaky,
            isGenerated: isGenerated,
            commit: commit
        )
    }

    /// How long the buttons are pressed at most, in seconds.
    private static let pressSeconds: Double = 90

    /// What the app's OpenAPI document tells to ask; nil without one.
    private func api(
        _ context: ActionContext, _ plan: E2EPlan, _ session: BrowserSession
    ) async throws -> (APIPlan, String)? {
        let workspace = try Workspace(root: context.workspace)
        let found = await APIPlan.find(
            files: try await TrackedFiles.list(with: context).paths,
            read: { path in
                guard let place = try? workspace.resolve(path) else { return nil }
                return SmallFile.read(place, maxBytes: LocatedValue.maxBytes).map {
                    String(decoding: $0, as: UTF8.self)
                }
            },
            ask: { await session.body(of: $0) })
        if let problem = found.problem { context.logger.warning("the API description can't be used: \(problem)") }
        guard let api = found.api else { return nil }
        let wanted = APIPlan(api, ignoring: plan.ignore)
        context.logger.info(
            "\(found.place): \(wanted.probes.count) requests and \(wanted.roundTrips.count) round trips")
        return (wanted, found.place)
    }

    private static func skipped(_ reason: String) -> ActionOutcome {
        var outcome = ActionOutcome(output: [
            "summary": .string("skipped: there is no app to test"), "skipped": .string(reason), "tools": [:],
        ])
        outcome.warnings = ["browser tests were skipped: \(reason)"]
        return outcome
    }

    private func keep(log: ToolOutput, in context: ActionContext) {
        let bytes = log.standardOutput + log.standardError
        guard !bytes.isEmpty else { return }
        do {
            try context.artifacts.add(bytes: bytes, name: "app.log", type: "text/plain", label: "What the app printed")
        } catch {
            context.logger.warning("\(error)")
        }
    }
}
