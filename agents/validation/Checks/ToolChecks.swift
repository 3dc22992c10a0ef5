import AgentRuntime
import JSONTools
import ProjectTools

/// Checks by tools that Baton itself knows to call: `shell`.
struct ToolChecks {
    static let maxFindings = 200

    let context: ActionContext
    let runner: ProjectRunner
    let files: TrackedFiles

    /// `shell`: shellcheck of the tracked shell scripts; nil when there are none.
    ///
    /// It counts into `lint_errors` where the project has no other linter.
    func shell(isLint: Bool) async throws -> CheckRecord? {
        let scripts = files.paths.filter { $0.hasSuffix(".sh") || $0.hasSuffix(".bash") }.prefix(500)
        guard !scripts.isEmpty else { return nil }
        var record = CheckRecord(
            name: "shell", status: .passed, isRequired: false, decidingMetric: isLint ? .lintErrors : nil)
        do {
            let output = try await context.tools.run(
                ToolCommand(
                    "shellcheck", ["--format=gcc", "--severity=warning", "--"] + scripts.map { "./" + $0 },
                    in: context.workspace, timeoutSeconds: 120, logsOutput: false))
            record.findings = CheckerOutput(project: context.workspace, files: files, rule: "shellcheck")
                .findings(in: output.text)
            if !output.succeeded, record.findings.isEmpty {
                record.status = .broken
                record.findings = [Finding(message: output.lastLines(), rule: "shellcheck")]
            }
        } catch let failure as ActionFailure {
            record.take(failure)
            return record
        }
        let errors = record.findings.count { $0.severity == .error }
        if isLint { record.metrics[.lintErrors] = Double(errors) }
        if errors > 0 {
            if record.status == .passed { record.status = .failed }
            record.fact = "\(errors) \(errors == 1 ? "error" : "errors") in \(scripts.count) scripts"
        } else {
            record.fact = "\(scripts.count) \(scripts.count == 1 ? "script" : "scripts")"
        }
        return record
    }
}
