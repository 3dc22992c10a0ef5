import AgentRuntime
import JSONTools
import ProjectTools

/// Sees to it that a Python project has its lock files: `requirements.txt` for `requirements.in`, and likewise
/// `requirements-dev.txt`, with the version of everything that pip would install.
struct PythonLocker {
    /// What is to be installed, and what it is locked in; each one is bound by the locks before it.
    static let files = [("requirements.in", "requirements.txt"), ("requirements-dev.in", "requirements-dev.txt")]
    /// Longest list of requirements, in bytes.
    static let maxBytes = 1 << 20

    struct Outcome {
        /// The lock files that were written; empty when all were there.
        var written: [String]
        var dependencies: Int
        var tools: JSONObject

        /// What happened, in a few words.
        var fact: String {
            let count = dependencies == 1 ? "1 dependency" : "\(dependencies) dependencies"
            return written.isEmpty ? "lock files were there" : "\(count), \(written.joined(separator: ", ")) by pip"
        }
    }

    let context: ActionContext
    let runner: ProjectRunner

    /// Writes the lock files that are missing.
    ///
    /// - Returns: nil when the project has no `requirements.in`.
    /// - Throws: ``ActionFailure`` `TOOL_MISSING` without Python, `LOCK_FAILED` when pip fails.
    func run() async throws -> Outcome? {
        let writer = try WorkspaceWriter(context.workspace)
        func text(_ name: String) throws -> String? {
            SmallFile.read(try writer.workspace.resolve(name), maxBytes: Self.maxBytes)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        guard try text(Self.files[0].0) != nil else { return nil }
        var outcome = Outcome(written: [], dependencies: 0, tools: [:])
        var constraints: [String] = []
        for (source, lock) in Self.files {
            guard try text(source) != nil else { continue }
            if try text(lock) == nil {
                guard let python = context.tools.python else {
                    throw ActionFailure(
                        code: "TOOL_MISSING", message: "Python is not installed, so \(lock) can't be written.",
                        detail: ["tool": "python3"])
                }
                outcome.tools["python"] = await context.tools.version(of: python).map { .string($0) }
                let pins = try await resolve(source, constraints, python)
                outcome.dependencies = pins.count
                outcome.written.append(lock)
                let header =
                    "# Every version that \(source) leads to, as pip found them. To bring them up to date: delete\n"
                let hint = "# this file and run python3 scripts/lock.py.\n"
                try writer.write(Array((header + hint + pins.joined(separator: "\n") + "\n").utf8), to: lock)
            }
            constraints += ["--constraint", lock]
        }
        return outcome
    }

    /// The pins of a list of requirements, by name.
    private func resolve(_ source: String, _ constraints: [String], _ python: String) async throws -> [String] {
        let report = context.scratch + "/pip-report.json"
        let output = try await context.tools.run(
            try runner.tool(
                [
                    python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--no-input",
                    "--disable-pip-version-check", "--report", report, "--requirement", source,
                ] + constraints))
        guard output.succeeded else {
            throw ActionFailure(
                code: "LOCK_FAILED", message: "pip could not resolve \(source):\n\(output.lastLines())", retryable: true
            )
        }
        let limits = JSONLimits(depth: 64, maxBytes: 64 << 20)
        guard let bytes = SmallFile.read(report, maxBytes: 64 << 20),
            let json = try? JSONValue(parsing: bytes, limits: limits)
        else {
            throw ActionFailure(
                code: "LOCK_FAILED", message: "pip wrote no report; version 22.2 or newer is needed.", retryable: false)
        }
        return Self.pins(json)
    }

    /// `name==version` for everything in a report of pip.
    static func pins(_ report: JSONValue) -> [String] {
        (report["install"]?.arrayValue ?? []).compactMap { item in
            guard let name = item["metadata"]?["name"]?.stringValue,
                let version = item["metadata"]?["version"]?.stringValue
            else { return nil }
            return "\(name.lowercased())==\(version)"
        }.sorted()
    }
}
