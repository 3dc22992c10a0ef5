import AgentRuntime
import ProjectTools

/// `syntax`: `node --check` of every JavaScript file that the repository tracks.
struct SyntaxCheck {
    static let maxFiles = 2000
    static let maxFindings = 200
    /// So many run at once.
    static let parallel = 2

    let context: ActionContext
    let files: TrackedFiles

    func run() async throws -> CheckRecord {
        let sources = files.paths.filter(Self.isSource)
        var record = CheckRecord(name: "syntax", status: .passed, isRequired: true, decidingMetric: .syntaxErrors)
        guard !sources.isEmpty else {
            record.metrics[.syntaxErrors] = 0
            record.fact = "no JavaScript files"
            return record
        }
        guard let node = await context.tools.node else {
            record.status = .skipped(
                reason: "there is no Node.js 20 or newer",
                help: "install Node.js 20 or newer, or run `baton up` once, which does")
            return record
        }
        guard sources.count <= Self.maxFiles else {
            record.status = .skipped(
                reason: "\(sources.count) files are more than the limit of \(Self.maxFiles)", help: nil)
            return record
        }
        record.findings = try await check(sources, with: node)
        record.status = record.findings.isEmpty ? .passed : .failed
        record.metrics[.syntaxErrors] = Double(record.findings.count)
        let noun = sources.count == 1 ? "file" : "files"
        record.fact =
            record.findings.isEmpty
            ? "\(sources.count) \(noun)" : "\(record.findings.count) of \(sources.count) \(noun) with errors"
        return record
    }

    private func check(_ sources: [String], with node: String) async throws -> [Finding] {
        let tools = context.tools
        let workspace = context.workspace
        return try await withThrowingTaskGroup(of: (Int, Finding?).self) { group in
            var findings: [(Int, Finding)] = []
            var next = 0
            func start() {
                guard next < sources.count else { return }
                let (index, path) = (next, sources[next])
                next += 1
                group.addTask {
                    let output = try await tools.run(
                        ToolCommand(
                            node, ["--check", "./" + path], in: workspace, timeoutSeconds: 60, logsOutput: false))
                    guard !output.succeeded else { return (index, nil) }
                    return (index, Self.finding(path, output.errorText, exitCode: output.exitCode))
                }
            }
            for _ in 0..<Self.parallel { start() }
            while let (index, finding) = try await group.next() {
                if let finding, findings.count < Self.maxFindings { findings.append((index, finding)) }
                start()
            }
            return findings.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    static func isSource(_ path: String) -> Bool {
        [".js", ".mjs", ".cjs"].contains { path.hasSuffix($0) } && !path.hasPrefix("node_modules/")
            && !path.contains("/node_modules/")
    }

    /// Reads what node says: the place in the first line, and a line that names the error.
    static func finding(_ path: String, _ text: String, exitCode: Int32) -> Finding {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        let place = lines.first { $0.contains(path + ":") }
        let number = place.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
        let error = lines.first { $0.contains("Error: ") } ?? lines.last ?? "node --check exited with \(exitCode)"
        let rule = error.prefix { $0 != ":" }
        return Finding(
            file: path, line: number, message: error, rule: rule.allSatisfy(\.isLetter) ? String(rule) : "syntax")
    }
}
