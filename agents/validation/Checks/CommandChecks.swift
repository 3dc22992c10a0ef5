import AgentRuntime
import JSONTools
import ProjectTools

/// The checks that are a command of the project's manifest: `install` and `lint`.
struct CommandChecks {
    static let maxFindings = 200

    let runner: ProjectRunner
    let workspace: String
    let files: TrackedFiles

    /// `install`: without it nothing else can be run.
    func install() async throws -> CheckRecord {
        var record = CheckRecord(name: "install", status: .passed, isRequired: true)
        guard let run = try await outcome(of: "install", into: &record) else { return record }
        record.fact = "exit code 0"
        if let failure = run.failure(code: "INSTALL_FAILED") {
            record.status = .broken
            record.fact = "failed"
            record.findings = [Finding(message: failure.message, rule: "install")]
        }
        return record
    }

    /// `lint`: what the project's own checker says.
    func lint() async throws -> CheckRecord {
        var record = CheckRecord(name: "lint", status: .passed, isRequired: true, decidingMetric: .lintErrors)
        guard let run = try await outcome(of: "lint", into: &record) else { return record }
        record.fact = "no errors"
        if let failure = run.failure(code: "LINT_FAILED") {
            record.findings = Self.places(
                in: run.outputs.last.map { $0.text + "\n" + $0.errorText } ?? "", files, workspace)
            if record.findings.isEmpty { record.findings = [Finding(message: failure.message, rule: "lint")] }
            record.status = .failed
            record.fact = "\(record.findings.count) \(record.findings.count == 1 ? "error" : "errors")"
        }
        record.metrics[.lintErrors] = Double(record.findings.count)
        return record
    }

    /// Runs a command of the manifest.
    ///
    /// - Returns: nil when there was nothing to run; the record then says why.
    private func outcome(of name: String, into record: inout CheckRecord) async throws -> ProjectRunner.Run? {
        do {
            if let run = try await runner.run(name) { return run }
            record.isRequired = false
            record.status = .skipped(reason: "the manifest has no command \"\(name)\"", help: nil)
        } catch let failure as ActionFailure {
            record.take(failure)
        }
        return nil
    }

    /// The lines of an output that name a tracked file and a line in it, as most checkers write them.
    static func places(in output: String, _ files: TrackedFiles, _ workspace: String) -> [Finding] {
        let tracked = Set(files.paths)
        var findings: [Finding] = []
        let lines = output.split(whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            guard findings.count < maxFindings else { break }
            let parts = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard parts.count >= 2, let number = Int(parts[1]), number > 0 else { continue }
            var path = parts[0].split(whereSeparator: \.isWhitespace).last.map(String.init) ?? ""
            if path.hasPrefix(workspace + "/") { path = String(path.dropFirst(workspace.count + 1)) }
            if path.hasPrefix("./") { path = String(path.dropFirst(2)) }
            guard tracked.contains(path), !findings.contains(where: { $0.file == path && $0.line == number }) else {
                continue
            }
            // After the line there may be a column.
            let rest = parts.dropFirst(2).drop { Int($0) != nil }.joined(separator: ":")
            var message = rest.drop { $0.isWhitespace }
            if message.isEmpty {
                // node shows the line and says further down what is wrong with it.
                let error = lines[index...].prefix(6).first { $0.contains("Error: ") }
                message = error ?? "refused by lint"
            }
            findings.append(
                Finding(
                    file: path, line: number, message: message.isEmpty ? "refused by lint" : String(message),
                    rule: "lint"))
        }
        return findings
    }
}

extension CheckRecord {
    /// Takes over why a tool could not be used: missing means skipped, anything else broken.
    mutating func take(_ failure: ActionFailure) {
        if failure.code == "TOOL_MISSING" {
            let tool = failure.detail["tool"]?.stringValue ?? "the tool"
            status = .skipped(reason: failure.message, help: Self.help(for: tool))
        } else {
            status = .broken
            findings.append(Finding(message: failure.message, rule: failure.code))
        }
    }

    private static func help(for tool: String) -> String {
        switch tool.split(separator: "/").last {
        case "node", "npm", "npx": "install Node.js 20 or newer (with npm), or run `baton up` once, which brings node"
        case "python3", "python", "pytest": "install Python 3 and what the project needs"
        case "swift": "install the Swift toolchain"
        default: "install \(tool) and see that it is in PATH"
        }
    }
}
