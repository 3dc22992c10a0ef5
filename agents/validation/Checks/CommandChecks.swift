import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// The checks that are a command of the project's manifest: `install`, `format`, `lint`, `typecheck`, `build`.
struct CommandChecks {
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

    /// One of the project's own checkers: `format`, `lint`, `typecheck`, `build`.
    ///
    /// - Parameters:
    ///   - command: its name in the manifest.
    ///   - name: the check's name.
    ///   - metric: what its findings are counted as.
    ///   - sarif: where it leaves a report in SARIF, if it does.
    func check(_ command: String, as name: String, _ metric: Metric, sarif: String? = nil) async throws -> CheckRecord {
        var record = CheckRecord(name: name, status: .passed, isRequired: true, decidingMetric: metric)
        if let sarif { unlink(sarif) }
        guard let run = try await outcome(of: command, into: &record) else { return record }
        record.fact = "no errors"
        let printed = run.outputs.last.map { $0.text + "\n" + $0.errorText } ?? ""
        if let sarif, let bytes = SmallFile.read(sarif, maxBytes: SARIFReport.maxBytes) {
            do throws(SARIFReport.ParsingError) {
                record.findings = try SARIFReport.findings(in: bytes, project: workspace)
            } catch {
                record.status = .broken
                record.findings = [Finding(message: "SARIF: \(error)", rule: "sarif")]
                return record
            }
        } else if !run.succeeded {
            record.findings = CheckerOutput(project: workspace, files: files, rule: name).findings(in: printed)
        }
        if let failure = run.failure(code: "CHECK_FAILED") {
            if !record.findings.contains(where: { $0.severity == .error }) {
                record.findings.insert(Finding(message: failure.message, rule: name), at: 0)
            }
        }
        let errors = record.findings.count { $0.severity == .error }
        if errors > 0 {
            record.status = .failed
            record.fact = "\(errors) \(errors == 1 ? "error" : "errors")"
        }
        record.metrics[metric] = Double(errors)
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
        case "eslint", "tsc", "shellcheck":
            "install it (on Debian: apt-get install \(tool == "tsc" ? "node-typescript" : tool)), or name it among the "
                + "project's own dependencies"
        default: "install \(tool) and see that it is in PATH"
        }
    }
}
