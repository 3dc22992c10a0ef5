import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `dependency_installation`: writes the lock file and runs the project's `install` command with a shared cache.
struct DependencyInstallationAction: AgentAction {
    let description = ActionDescription(
        name: "dependency_installation",
        inputSchema: ["type": "object"],
        workspace: .write,
        exclusive: false
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let manifest: ProjectManifest
        do { manifest = try .load(from: context.workspace) } catch { throw ActionFailure(error) }
        let runner = ProjectRunner(context: context, manifest: manifest, directory: context.workspace)
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
}
