import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `validation`: runs what the project's manifest names, each as a check, and judges the measurements by its policy.
struct ValidationAction: AgentAction {
    let description = ActionDescription(
        name: "validation",
        inputSchema: [
            "type": "object",
            "properties": [
                "osv_url": [
                    "type": "string", "pattern": "^https?://[^ ]+$", "maxLength": 500, "default": .string(osv),
                    "description": "Where the known vulnerabilities of Python and Swift packages are asked for.",
                ]
            ],
        ],
        workspace: .read,
        exclusive: false
    )

    /// The public list of vulnerabilities.
    static let osv = "https://api.osv.dev"

    /// So many findings of each check go into the stage's output; the reports have all.
    private static let findingsInOutput = 10

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let workspace = try Workspace(root: context.workspace)
        let project = try await FoundProject.look(context)
        let manifest = project.manifest
        let policy = try Policy.load(from: workspace)
        let checks = try await ValidationRun(context, project).checks()
        var report = ValidationReport(
            project: manifest.name, commit: context.envelope.workspace.commit, checks: checks, policy: policy)
        report.tools = await Self.versions(context.tools)
        try keep(report, in: context.artifacts)
        return outcome(report, context.logger)
    }

    private func outcome(_ report: ValidationReport, _ logger: TaskLogger) -> ActionOutcome {
        var outcome = ActionOutcome(
            status: report.passes ? .success : .failure, output: report.json(maxFindings: Self.findingsInOutput))
        outcome.warnings = report.warnings
        for warning in report.warnings { logger.warning(warning) }
        guard let first = report.problems.first else { return outcome }
        let others = report.problems.dropFirst().map(\.name)
        let also = others.isEmpty ? "" : "; also: \(others.joined(separator: ", "))"
        outcome.faults = [
            TaskFault(
                code: "CHECK_FAILED", message: first.sentence + also, retryable: false,
                detail: ["problems": .array(report.problems.prefix(20).map { .string($0.sentence) })])
        ]
        return outcome
    }

    private func keep(_ report: ValidationReport, in artifacts: ArtifactSink) throws {
        let json = JSONValue.object(report.json(maxFindings: .max)).prettyPrinted() + "\n"
        try artifacts.add(
            bytes: Array(ReportPage(report).html().utf8), name: "report.html", type: "text/html",
            label: "Validation report")
        try artifacts.add(
            bytes: Array(json.utf8), name: "report.json", type: "application/json", label: "Validation report as JSON")
        try artifacts.add(
            bytes: Array((report.sarif().prettyPrinted() + "\n").utf8), name: "report.sarif",
            type: "application/sarif+json", label: "Findings in SARIF")
    }

    private static func versions(_ tools: Toolbox) async -> [(name: String, version: String)] {
        var versions: [(String, String)] = []
        if let node = await tools.node, let version = await tools.version(of: node) {
            versions.append(("node", version))
        }
        if let git = await tools.version(of: "git") {
            versions.append(("git", String(git.split(separator: " ").last ?? "")))
        }
        return versions
    }
}
