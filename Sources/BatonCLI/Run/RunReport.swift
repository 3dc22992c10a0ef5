import Foundation
import JSONTools
import LocalStack

/// What `run` prints when the workflow has ended: where the app, its source and its report are, or why it failed.
struct RunReport: Sendable {
    let client: APIClient
    let terminal: Terminal

    /// Prints the end of a workflow.
    func print(_ workflow: WorkflowView) async {
        Output.line()
        switch workflow.exitStatus {
        case .ok: await printSuccess(workflow)
        case .cancelled:
            Output.line("\(terminal.paint("■", .yellow)) \(workflow.name) was cancelled.")
            Output.line("next: `\(CommandName.current) retry \(workflow.id)` lets it go on after all")
        default: await printFailure(workflow)
        }
    }

    private func printSuccess(_ workflow: WorkflowView) async {
        let duration = workflow.milliseconds.map { " in \(Formatting.duration(milliseconds: $0))" } ?? ""
        let mark = terminal.paint("✔", .green)
        guard let deployed = workflow.stages.last(where: { $0.output?["url"]?.stringValue != nil }),
            let url = deployed.output?["url"]?.stringValue
        else {
            Output.line("\(mark) \(terminal.paint(workflow.name, .bold)) completed\(duration).")
            await printPlaces(workflow)
            return
        }
        let live = terminal.paint(Formatting.clean(url), .blue)
        Output.line("\(mark) \(terminal.paint(workflow.name, .bold)) completed\(duration) and runs at \(live)")
        let deployment = deployed.output?["deployment"]?.stringValue ?? workflow.name
        await printExample(of: deployment, at: url)
        await printPlaces(workflow)
        Output.line("  stop it   \(CommandName.current) apps stop \(Formatting.shellWord(deployment))")
    }

    private func printExample(of deployment: String, at url: String) async {
        let example = DeployedExample.find(dataDirectory: client.connection.dataDirectory, deployment: deployment)
        Output.line("  try it    \(example.curl(url))")
        guard let answer = await PlainHTTP.ask(example.method, url + example.path, body: example.body) else { return }
        let text = Formatting.cut(Formatting.clean(answer.text.split(separator: "\n").joined(separator: " ")), to: 300)
        Output.line("            \(terminal.paint(text.isEmpty ? "status \(answer.status)" : text, .dim))")
    }

    /// Source and report.
    private func printPlaces(_ workflow: WorkflowView) async {
        let directory = client.connection.dataDirectory
        let repository = "\(directory)/workspaces/\(workflow.id).git"
        if let (branch, place) = workflow.published {
            Output.line("  merged    branch \(branch) of \(place)")
        } else if FileManager.default.fileExists(atPath: repository) {
            let words = [repository, workflow.name].map(Formatting.shellWord).joined(separator: " ")
            Output.line("  source    git clone \(words)")
        }
        guard let report = ReportFile.choose(workflow) else { return }
        do {
            let path = try await ReportFile.save(report, of: workflow, with: client)
            Output.line("  report    \(path)")
        } catch {
            Output.line("  report    \(CommandName.current) artifacts \(workflow.id) --download .")
        }
    }

    private func printFailure(_ workflow: WorkflowView) async {
        let failed = workflow.stages.last { $0.status == "failed" }
        let stage = workflow.fault?.stage ?? failed?.name
        let cause = workflow.fault?.text ?? failed?.fault?.text ?? "no cause is recorded"
        let place = stage.map { " in \($0)" } ?? ""
        Output.line("\(terminal.paint("✘", .red)) \(terminal.paint(workflow.name, .bold)) failed\(place)")
        Output.line("  \(terminal.paint(cause, .red))")
        // Log lines travel apart from results: the last ones may still be on their way.
        try? await Task.sleep(for: .seconds(1))
        let lines = (try? await client.logs(of: workflow.id, stage: stage)) ?? []
        for line in lines.suffix(15) { Output.line(terminal.paint("  | \(line.text)", .dim)) }
        let selection = stage.map { " --stage \($0)" } ?? ""
        Output.line("next: `\(CommandName.current) logs \(workflow.id)\(selection)` shows the whole log,")
        Output.line("      `\(CommandName.current) show \(workflow.id)` the stages and their results,")
        Output.line("      `\(CommandName.current) retry \(workflow.id) --dry-run` what would run again")
    }
}

extension WorkflowView {
    /// The branch of somebody's own repository that the work was published on, if it was.
    var published: (branch: String, repository: String)? {
        for stage in stages.reversed() {
            guard let branch = stage.output?["branch"]?.stringValue,
                let repository = stage.output?["repository"]?.stringValue
            else { continue }
            return (Formatting.clean(branch), Formatting.clean(repository))
        }
        return nil
    }

    /// From creation to end.
    var milliseconds: Int64? {
        guard let start = createdAt.flatMap(Timestamp.init(rfc3339:)),
            let end = json["completed_at"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
        else { return nil }
        return end.milliseconds - start.milliseconds
    }
}

/// A request that shows what a deployed app does: the first endpoint that its manifest (`baton.json`) lists for the
/// tests, otherwise its health check.
struct DeployedExample: Sendable, Hashable {
    var method = "GET"
    var path: String
    var body: JSONValue?

    static func find(dataDirectory: String, deployment: String) -> DeployedExample {
        let path = "\(dataDirectory)/deployments/\(deployment)/current/baton.json"
        guard let data = FileManager.default.contents(atPath: path), let manifest = try? JSONValue(parsing: Array(data))
        else { return DeployedExample(path: "/health") }
        return DeployedExample(manifest: manifest)
    }

    init(method: String = "GET", path: String, body: JSONValue? = nil) {
        self.method = method
        self.path = path
        self.body = body
    }

    init(manifest: JSONValue) {
        let health = manifest["health"]?.stringValue ?? "/health"
        let endpoints = (manifest["e2e"]?["endpoints"]?.arrayValue ?? []).filter { endpoint in
            let status = endpoint["status"]?.intValue ?? 200
            return (200..<300).contains(status) && endpoint["path"]?.stringValue.map { $0 != health } == true
        }
        guard let first = endpoints.first, let path = first["path"]?.stringValue, path.hasPrefix("/") else {
            self.init(path: health)
            return
        }
        self.init(method: first["method"]?.stringValue ?? "GET", path: path, body: first["body"])
    }

    /// The request as a line for a shell.
    func curl(_ url: String) -> String {
        var words = ["curl", "-s"]
        if method != (body == nil ? "GET" : "POST") { words += ["-X", method] }
        if let body { words += ["-H", "Content-Type: application/json", "-d", "\(body)"] }
        return (words + [url + path]).map(Formatting.shellWord).joined(separator: " ")
    }
}

/// The report of a workflow, as a file that a browser opens.
enum ReportFile {
    /// The HTML artifact that is most of a report: of the browser tests if there are any, otherwise the newest.
    static func choose(_ workflow: WorkflowView) -> WorkflowView.Artifact? {
        let pages = workflow.stages.reversed().flatMap { stage in
            stage.artifacts.filter { $0.name.hasSuffix(".html") }.map { (stage.name.contains("e2e"), $0) }
        }
        return (pages.first { $0.0 } ?? pages.first)?.1
    }

    /// Puts the artifact into `reports/<workflow>/` of the data directory.
    static func save(
        _ artifact: WorkflowView.Artifact, of workflow: WorkflowView, with client: APIClient
    ) async throws
        -> String
    {
        let bytes = try await client.content(of: artifact)
        let directory = "\(client.connection.dataDirectory)/reports/\(safeName(workflow.name))-\(workflow.id.suffix(8))"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = "\(directory)/\(safeName(artifact.name))"
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        return path
    }

    /// The last component of a name, without what could lead out of a directory.
    static func safeName(_ name: String) -> String {
        let last = name.split(separator: "/").last.map(String.init) ?? ""
        let kept = last.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        return kept.isEmpty || kept.hasPrefix(".") ? "report" + kept : kept
    }
}
