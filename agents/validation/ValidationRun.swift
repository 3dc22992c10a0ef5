import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Runs the checks of a project.
struct ValidationRun: Sendable {
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
    /// are as they were committed. Those of the project's own commands that only look follow, as many at once as there
    /// are cores; build and tests come after them one by one, as they write what the others read.
    func checks() async throws -> [CheckRecord] {
        let files = try await TrackedFiles.list(with: context)
        let commands = CommandChecks(runner: runner, workspace: context.workspace, files: files)
        let tools = ToolChecks(context: context, runner: runner, files: files)
        let licenceCheck = LicenceCheck(context: context, files: files)
        let rules = try licenceCheck.rules()
        context.report(progress: 0.02, note: "reading the sources")
        async let secrets = timed("secrets") { try SecretCheck(context: context, files: files).run() }
        async let licencesOfFiles = timed("licences", isLogged: false) { try licenceCheck.run(rules) }
        async let source = SourceChecks(context: context, files: files).run()
        async let syntax = timed("syntax") { try await SyntaxCheck(context: context, files: files).run() }
        async let shell = tools.shell(isLint: manifest.commands("lint") == nil)
        let still = try await (secrets, licencesOfFiles, source, syntax, shell)
        for record in still.2 { log(record) }
        if let record = still.4 { log(record) }
        var licences = still.1

        let install = try await timed("install", 0.05) { try await commands.install() }
        var records = [install, still.3]
        var audit: CheckRecord?
        if install.status == .broken {
            for name in ["lint", "tests", "coverage"] {
                records.append(
                    CheckRecord(
                        name: name, status: .skipped(reason: "the installation failed", help: nil),
                        isRequired: name == "tests"))
            }
        } else {
            let packages = try await PackageList(context: context, runner: runner, files: files).all()
            LicenceCheck.add(packages, to: &licences, rules)
            let own: [CheckRecord]
            (own, audit) = try await self.own(commands, files, packages)
            records += own
        }
        log(licences)
        return records + (audit.map { [$0] } ?? []) + [still.0, licences] + still.2 + (still.4.map { [$0] } ?? [])
    }

    /// How many commands of the project run at once.
    static var width: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The project's own checks and tests, and the audit of what it depends on.
    private func own(
        _ commands: CommandChecks, _ files: TrackedFiles, _ packages: [InstalledPackage]
    ) async throws -> ([CheckRecord], audit: CheckRecord?) {
        let looking: [(command: String, name: String, metric: Metric)] = [
            ("format", "format", .formatErrors), ("lint", "lint", .lintErrors), ("typecheck", "types", .typeErrors),
        ]
        let sarif = try manifest.reports["sarif"].map { try Workspace(root: context.workspace).resolve($0) }
        context.report(progress: 0.15, note: "looking at the sources")
        var jobs: [@Sendable () async throws -> CheckRecord?] = looking.filter { check in
            // Linting is what every project is asked for; the others appear where the project has them.
            check.command == "lint" || manifest.commands(check.command) != nil
        }.map { check in
            {
                try await timed(check.name) {
                    try await commands.check(
                        check.command, as: check.name, check.metric, sarif: check.command == "lint" ? sarif : nil)
                }
            }
        }
        let osv = context.input["osv_url"]?.stringValue ?? ValidationAction.osv
        jobs.append {
            guard let record = try await AuditCheck(context: context, runner: runner, osv: osv).run(packages) else {
                return nil
            }
            log(record)
            return record
        }
        var looked = try await Self.all(jobs, width: Self.width)
        let audit = looked.removeLast()
        var records = looked.compactMap { $0 }
        if manifest.commands("build") != nil {
            records.append(
                try await timed("build", 0.3) { try await commands.check("build", as: "build", .buildErrors) })
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
        return (records + [tests, coverage], audit)
    }

    /// Runs jobs, so many at once; their results in the order of the jobs.
    static func all<Value: Sendable>(
        _ jobs: [@Sendable () async throws -> Value], width: Int
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            var results: [Int: Value] = [:]
            for (index, job) in jobs.enumerated() {
                if index >= width, let (done, value) = try await group.next() { results[done] = value }
                group.addTask { (index, try await job()) }
            }
            for try await (done, value) in group { results[done] = value }
            return jobs.indices.compactMap { results[$0] }
        }
    }

    private func timed(
        _ name: String, _ progress: Double? = nil, isLogged: Bool = true, _ check: () async throws -> CheckRecord
    ) async throws -> CheckRecord {
        if let progress { context.report(progress: progress, note: name) }
        let start = ContinuousClock.now
        var record = try await check()
        record.seconds = Self.seconds(since: start)
        if isLogged { log(record) }
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
