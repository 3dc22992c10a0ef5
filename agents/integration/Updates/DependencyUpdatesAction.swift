import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `dependency_updates`: brings a project's dependencies up to date one by one, and keeps those with which its tests pass.
struct DependencyUpdatesAction: AgentAction {
    let description = ActionDescription(
        name: "dependency_updates",
        inputSchema: [
            "type": "object",
            "properties": [
                "level": [
                    "type": "string", "enum": ["patch", "minor", "major"], "default": "minor",
                    "description": "The largest step; what is newer than that is told and left.",
                ],
                "only": [
                    "type": ["array", "null"], "items": ["type": "string"], "maxItems": 100,
                    "description": "Names of the dependencies that are updated; all if absent.",
                ],
                "max_updates": [
                    "type": "integer", "minimum": 1, "maximum": 100, "default": 20,
                    "description": "How many are tried.",
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
        guard project.manifest.commands("test") != nil else {
            return Self.skipped("the project has no tests, so nothing would say whether an update can be kept")
        }
        let runner = ProjectRunner(context: context, manifest: project.manifest, directory: context.workspace)
        context.report(progress: 0.05, note: "testing as it is")
        try await runner.runChecked("install", failureCode: "INSTALL_FAILED")
        try await runner.runChecked("test", failureCode: "TESTS_FAILED_BEFORE_UPDATES")

        let managers = Self.managers(try await TrackedFiles.list(with: context).paths, context, runner)
        guard !managers.isEmpty else { return Self.skipped("the project has no file that names versions") }
        return try await update(with: managers, context, runner)
    }

    private static func managers(
        _ files: [String], _ context: ActionContext, _ runner: ProjectRunner
    ) -> [any PackageManager] {
        var managers: [any PackageManager] = []
        if files.contains("package.json") {
            managers.append(
                NodeUpdates(context: context, runner: runner, hasLock: files.contains("package-lock.json")))
        }
        let pins = PythonUpdates.files(among: files)
        if !pins.isEmpty { managers.append(PythonUpdates(context: context, runner: runner, files: pins)) }
        if files.contains("Package.swift") {
            managers.append(
                SwiftUpdates(context: context, runner: runner, hasLock: files.contains("Package.resolved")))
        }
        return managers
    }

    private func update(
        with managers: [any PackageManager], _ context: ActionContext, _ runner: ProjectRunner
    ) async throws -> ActionOutcome {
        let level = context.input["level"]?.stringValue.flatMap(PackageVersion.Level.init) ?? .minor
        let only = context.input["only"]?.arrayValue?.compactMap(\.stringValue)
        let most = context.input["max_updates"]?.intValue ?? 20
        var all: [DependencyUpdate] = []
        var outcome = ActionOutcome()
        var tried = 0
        for manager in managers {
            context.report(progress: 0.2, note: "asking for newer versions")
            let found = try await manager.outdated(level)
            if let reason = found.skipped { outcome.warnings.append("updates were skipped: \(reason)") }
            // Small steps first: what breaks by a large one has then the small ones already.
            for update in found.updates.sorted(by: { ($0.level, $0.name) < ($1.level, $1.name) }) {
                var update = update
                if let only, !only.contains(update.name) { continue }
                if update.level > level {
                    update.outcome = .left(reason: "a \(update.level.rawValue) step; level is \(level.rawValue)")
                } else if tried >= most {
                    update.outcome = .left(reason: "max_updates is \(most)")
                } else {
                    tried += 1
                    context.report(progress: min(0.9, 0.2 + 0.05 * Double(tried)), note: update.sentence)
                    update.outcome = try await attempt(update, by: manager, context, runner)
                    let why = update.outcome.reason.map { ": \($0)" } ?? ""
                    context.logger.info("\(update.outcome.name) \(update.sentence)\(why)")
                }
                all.append(update)
            }
        }
        let kept = all.count { $0.outcome == .kept }
        let summary = all.isEmpty ? "no newer versions" : "\(kept) of \(tried) updates kept"
        outcome.output = [
            "summary": .string(outcome.warnings.isEmpty || !all.isEmpty ? summary : outcome.warnings[0]),
            "updates": .array(all.map(\.json)), "kept": .integer(Int64(kept)), "tools": [:],
        ]
        for update in all {
            if case .dropped(let reason) = update.outcome { outcome.warnings.append("\(update.sentence): \(reason)") }
        }
        if kept > 0 { outcome.commit = try await git(context).line(["rev-parse", "HEAD"]) }
        return outcome
    }

    /// One update on its own, on top of those that were kept before it.
    private func attempt(
        _ update: DependencyUpdate, by manager: any PackageManager, _ context: ActionContext, _ runner: ProjectRunner
    ) async throws -> DependencyUpdate.Outcome {
        let git = git(context)
        var problem = try await manager.apply(update)
        if problem == nil { problem = try await runner.run("install")?.failure(code: "").map(Self.short) }
        if problem == nil { problem = try await runner.run("test")?.failure(code: "").map(Self.short) }
        let isChanged = try await !git.answer(["diff", "--quiet", "--"] + manager.files)
        if problem == nil, isChanged {
            try await git.line(["add", "--"] + manager.files)
            let message = "Update \(update.name) from \(update.from) to \(update.to)\n"
            try await git.line(["commit", "--quiet", "--no-verify", "-F", "-"], input: Array(message.utf8))
            return .kept
        }
        // What the tests have written goes, too: the next update starts from what is kept.
        try await git.line(["checkout", "--quiet", "--force", "HEAD", "--", "."])
        return .dropped(reason: problem ?? "nothing in the project's files says its version")
    }

    private func git(_ context: ActionContext) -> GitClient {
        GitClient(
            directory: context.workspace, tools: context.tools,
            dateSeconds: context.envelope.createdAt.milliseconds / 1000)
    }

    private static func short(_ failure: ActionFailure) -> String { String(failure.message.prefix(600)) }

    private static func skipped(_ reason: String) -> ActionOutcome {
        var outcome = ActionOutcome(output: [
            "summary": .string("skipped: \(reason)"), "skipped": .string(reason), "updates": [], "kept": 0,
            "tools": [:],
        ])
        outcome.warnings = ["updates were skipped: \(reason)"]
        return outcome
    }
}
