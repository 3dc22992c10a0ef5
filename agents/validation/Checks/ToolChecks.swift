import AgentRuntime
import JSONTools
import ProjectTools

/// Checks by tools that Baton itself knows to call: `shell` and `audit`.
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

    /// `audit`: known vulnerabilities of what the project depends on, where their list can be reached; nil for a project
    /// without npm's lock file, for others have no list that is to be had without an account or a tool of its own.
    func audit() async throws -> CheckRecord? {
        var record = CheckRecord(name: "audit", status: .passed, isRequired: false, decidingMetric: .vulnerabilities)
        guard let bytes = SmallFile.read(context.workspace + "/package-lock.json", maxBytes: 16 << 20),
            let lock = try? JSONValue(parsing: bytes, limits: JSONLimits(depth: 64, maxBytes: 16 << 20))
        else { return nil }
        guard lock["packages"]?.objectValue?.keys.contains(where: { !$0.isEmpty }) == true else {
            record.metrics[.vulnerabilities] = 0
            record.fact = "no dependencies"
            return record
        }
        guard let npm = await context.tools.npm else {
            record.status = .skipped(reason: "npm is not installed", help: "install npm")
            return record
        }
        let output = try await context.tools.run(
            try runner.tool([npm, "audit", "--json"]).with(timeoutSeconds: 60))
        guard let json = try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: 16 << 20)),
            let found = json["vulnerabilities"]?.objectValue
        else {
            record.status = .skipped(reason: "npm's list of vulnerabilities can't be reached", help: nil)
            return record
        }
        for (name, vulnerability) in found.prefix(Self.maxFindings) {
            let severity = vulnerability["severity"]?.stringValue ?? "unknown"
            let title = vulnerability["via"]?.arrayValue?.compactMap { $0["title"]?.stringValue }.first
            record.findings.append(
                Finding(
                    file: "package-lock.json", message: "\(name): \(title ?? "vulnerable") (\(severity))",
                    rule: severity,
                    severity: severity == "high" || severity == "critical" ? .error : .warning))
        }
        let errors = record.findings.count { $0.severity == .error }
        record.metrics[.vulnerabilities] = Double(errors)
        record.fact = found.isEmpty ? "none known" : "\(found.count) known, \(errors) of them high or critical"
        if errors > 0 { record.status = .failed }
        return record
    }
}

extension ToolCommand {
    /// The same with a limit, and without its output in the log.
    fileprivate func with(timeoutSeconds: Double) -> ToolCommand {
        var command = self
        command.timeoutSeconds = timeoutSeconds
        command.logsOutput = false
        return command
    }
}
