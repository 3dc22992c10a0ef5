import AgentRuntime
import ProjectTools

/// Runs the checks of a project, one after the other.
struct ValidationRun {
    private let context: ActionContext
    private let manifest: ProjectManifest
    private let runner: ProjectRunner

    init(_ context: ActionContext, _ manifest: ProjectManifest) {
        self.context = context
        self.manifest = manifest
        runner = ProjectRunner(context: context, manifest: manifest, directory: context.workspace)
    }

    /// The records of all checks, in their order.
    ///
    /// The secrets are looked for first: nothing of the project has run then, so the files are as they were committed.
    func checks() async throws -> [CheckRecord] {
        let files = try await TrackedFiles.list(with: context)
        let commands = CommandChecks(runner: runner, workspace: context.workspace, files: files)
        var records: [CheckRecord] = []

        let secrets = try await timed("secrets", 0.02) {
            try SecretCheck(context: context, files: files).run()
        }
        let install = try await timed("install", 0.05) { try await commands.install() }
        records.append(install)
        records.append(try await timed("syntax", 0.15) { try await SyntaxCheck(context: context, files: files).run() })

        if install.status == .broken {
            for name in ["lint", "tests", "coverage"] {
                records.append(
                    CheckRecord(
                        name: name, status: .skipped(reason: "the installation failed", help: nil),
                        isRequired: name == "tests"))
            }
        } else {
            records.append(try await timed("lint", 0.25) { try await commands.lint() })
            context.report(progress: 0.35, note: "tests")
            let start = ContinuousClock.now
            var (tests, coverage) = try await TestChecks(context: context, manifest: manifest, runner: runner).run()
            tests.seconds = Self.seconds(since: start)
            coverage.seconds = 0
            log(tests)
            log(coverage)
            records += [tests, coverage]
        }
        records.append(secrets)
        return records
    }

    private func timed(
        _ name: String, _ progress: Double, _ check: () async throws -> CheckRecord
    ) async throws -> CheckRecord {
        context.report(progress: progress, note: name)
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
