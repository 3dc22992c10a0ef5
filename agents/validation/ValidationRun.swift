import AgentRuntime
import ProjectTools

/// Runs the checks of a project.
struct ValidationRun {
    private let context: ActionContext
    private let project: FoundProject
    private var manifest: ProjectManifest { project.manifest }
    private let runner: ProjectRunner

    init(_ context: ActionContext, _ project: FoundProject) {
        self.context = context
        self.project = project
        runner = ProjectRunner(context: context, manifest: project.manifest, directory: context.workspace)
    }

    /// The records of all checks, in their order.
    ///
    /// What only reads the tracked files goes first and all at once: nothing of the project has run then, so the files
    /// are as they were committed. The project's own commands follow one by one, as they may write the same files.
    func checks() async throws -> [CheckRecord] {
        let files = try await TrackedFiles.list(with: context)
        let commands = CommandChecks(runner: runner, workspace: context.workspace, files: files)
        let tools = ToolChecks(context: context, runner: runner, files: files)
        context.report(progress: 0.02, note: "reading the sources")
        async let secrets = timed("secrets") { try SecretCheck(context: context, files: files).run() }
        async let licences = timed("licences") { try LicenceCheck(context: context, files: files).run() }
        async let source = SourceChecks(context: context, files: files).run()
        async let syntax = timed("syntax") { try await SyntaxCheck(context: context, files: files).run() }
        async let shell = tools.shell(isLint: manifest.commands("lint") == nil)
        let still = try await (secrets, licences, source, syntax, shell)
        for record in still.2 { log(record) }
        if let record = still.4 { log(record) }

        let install = try await timed("install", 0.05) { try await commands.install() }
        var records = [install, still.3]
        if install.status == .broken {
            for name in ["lint", "tests", "coverage"] {
                records.append(
                    CheckRecord(
                        name: name, status: .skipped(reason: "the installation failed", help: nil),
                        isRequired: name == "tests"))
            }
        } else {
            records += try await own(commands, files)
            context.report(progress: 0.95, note: "audit")
            if let audit = try await tools.audit() {
                log(audit)
                records.append(audit)
            }
        }
        return records + [still.0, still.1] + still.2 + (still.4.map { [$0] } ?? [])
    }

    /// The project's own checks and tests.
    private func own(_ commands: CommandChecks, _ files: TrackedFiles) async throws -> [CheckRecord] {
        let checks: [(command: String, name: String, metric: Metric)] = [
            ("format", "format", .formatErrors), ("lint", "lint", .lintErrors), ("typecheck", "types", .typeErrors),
            ("build", "build", .buildErrors),
        ]
        let sarif = try manifest.reports["sarif"].map { try Workspace(root: context.workspace).resolve($0) }
        var records: [CheckRecord] = []
        for (index, check) in checks.enumerated() {
            // Linting is what every project is asked for; the others appear where the project has them.
            guard check.command == "lint" || manifest.commands(check.command) != nil else { continue }
            records.append(
                try await timed(check.name, 0.15 + 0.05 * Double(index)) {
                    try await commands.check(
                        check.command, as: check.name, check.metric, sarif: check.command == "lint" ? sarif : nil)
                })
        }
        context.report(progress: 0.35, note: "tests")
        let start = ContinuousClock.now
        var (tests, coverage) = try await TestChecks(
            context: context, project: project, runner: runner, files: files
        ).run()
        tests.seconds = Self.seconds(since: start)
        coverage.seconds = 0
        log(tests)
        log(coverage)
        return records + [tests, coverage]
    }

    private func timed(
        _ name: String, _ progress: Double? = nil, _ check: () async throws -> CheckRecord
    ) async throws -> CheckRecord {
        if let progress { context.report(progress: progress, note: name) }
        let start = ContinuousClock.now
        var record = try await check()
        record.seconds = Self.seconds(since: start)
        log(record)
        return record
    }

    private func log(_ record: CheckRecord) {
        switch record.status {
        case .passed:
            context.logger.info("\(record.name): \(record.fact)")
        case .skipped(let reason, let help):
            context.logger.warning("\(record.name) skipped: \(reason)\(help.map { "; \($0)" } ?? "")")
        case .failed, .broken:
            context.logger.error("\(record.name) failed: \(record.fact)")
            for finding in record.findings.prefix(20) { context.logger.error("  \(finding.sentence)") }
        }
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let parts = start.duration(to: .now).components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }
}
