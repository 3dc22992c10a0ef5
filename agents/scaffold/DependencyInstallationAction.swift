import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `dependency_installation`: writes the lock file and runs the project's `install` command with a shared cache.
///
/// Of a repository without a manifest nothing is changed: what its files say is installed, and that is all.
struct DependencyInstallationAction: AgentAction {
    let description = ActionDescription(
        name: "dependency_installation",
        inputSchema: ["type": "object"],
        workspace: .write,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let project: FoundProject
        do {
            project = try await FoundProject.look(context)
        } catch let failure as ActionFailure where failure.code == ManifestError.Code.missing.rawValue {
            return Self.skipped(
                "no \(ProjectManifest.fileName), and no language that is known by its files: nothing to install")
        }
        let manifest = project.manifest
        let runner = ProjectRunner(context: context, manifest: manifest, directory: context.workspace)
        if let detection = project.detection { return try await install(detection, with: runner, context) }
        var outcome = ActionOutcome()
        var facts: [String] = []
        if let lock = try await NodeLocker(context, runner).run() {
            facts.append(lock.fact)
            outcome.output["dependencies"] = .integer(Int64(lock.dependencies))
            outcome.output["lock_file"] = .string(NodePackage.lockFileName)
            outcome.output["lock_file_by"] = .string(lock.writer.rawValue)
            outcome.output["tools"] = .object(lock.tools)
            if let warning = lock.warning { outcome.warnings.append(warning) }
        }
        if let lock = try await PythonLocker(context: context, runner: runner).run() {
            facts.append(lock.fact)
            outcome.output["dependencies"] = .integer(Int64(lock.dependencies))
            outcome.output["lock_file"] = .string(lock.written.last ?? PythonLocker.files[0].1)
            outcome.output["lock_file_by"] = .string(lock.written.isEmpty ? "project" : "pip")
            outcome.output["tools"] = .object(lock.tools)
        }
        context.report(progress: 0.5, note: "installing")
        if try await runner.runChecked("install", failureCode: "INSTALL_FAILED") == nil {
            facts.append("the manifest has no install command")
        }
        outcome.output["summary"] = .string(facts.isEmpty ? "installed" : facts.joined(separator: "; "))
        if outcome.output["tools"] == nil { outcome.output["tools"] = [:] }
        for warning in outcome.warnings { context.logger.warning(warning) }
        outcome.commitMessage =
            "Lock the dependencies of \(manifest.name.split(whereSeparator: \.isNewline).first ?? "the project")"
        return outcome
    }

    /// Installs what a repository without a manifest names, as far as that is known.
    private func install(
        _ detection: ProjectDetection, with runner: ProjectRunner, _ context: ActionContext
    ) async throws -> ActionOutcome {
        guard detection.manifest.commands("install") != nil else {
            return Self.skipped("a \(detection.manifest.stack) project that names no dependencies")
        }
        context.report(progress: 0.3, note: "installing")
        try await runner.runChecked("install", failureCode: "INSTALL_FAILED")
        return ActionOutcome(output: [
            "summary": .string("installed as a \(detection.manifest.stack) project; nothing in it was changed"),
            "detected": .string(detection.reasons.joined(separator: ", ")), "tools": [:],
        ])
    }

    private static func skipped(_ reason: String) -> ActionOutcome {
        var outcome = ActionOutcome(output: [
            "summary": .string("skipped: \(reason)"), "skipped": .string(reason), "tools": [:],
        ])
        outcome.warnings = ["skipped: \(reason)"]
        return outcome
    }
}
