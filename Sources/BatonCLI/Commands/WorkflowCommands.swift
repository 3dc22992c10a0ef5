import ArgumentParser
import Foundation
import JSONTools

/// The argument that names a workflow.
struct WorkflowArgument: ParsableArguments {
    @Argument(help: "The workflow: its id, the beginning of it, its name, or last.")
    var workflow: String
}

/// `baton list`.
struct ListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List workflows, the newest first.")

    @Option(name: .long, help: "Only those with this status.")
    var status: String?

    @Option(name: .long, help: "Only those of this type.")
    var type: String?

    @Option(name: [.customShort("q"), .long], help: "Only those whose name contains this.")
    var search: String?

    @Option(name: [.customShort("n"), .long], help: "How many at most.")
    var limit = 20

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let filters = [("status", status), ("type", type), ("q", search)].compactMap { name, value in
            value.map { (name, $0) }
        }
        let page = try await options.client().list("/workflows", filters, atMost: max(limit, 1), pageSize: 100)
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let now = Timestamp.now()
        let rows = page.items.map(WorkflowView.init).map { workflow in
            [
                workflow.id, workflow.type, workflow.name, workflow.status,
                workflow.hasEnded ? "" : workflow.currentStage ?? "", Formatting.age(workflow.createdAt, now: now),
            ]
        }
        guard !rows.isEmpty else {
            let words = filters.map { name, value in
                "\(name == "q" ? "-q" : "--\(name)") \(Formatting.shellWord(Formatting.clean(value)))"
            }
            Output.line(
                words.isEmpty
                    ? "No workflows. `\(CommandName.current) run app calculator-app` makes one."
                    : "No workflow fits \(words.joined(separator: " ")). `\(CommandName.current) list` shows all.")
            return .ok
        }
        for line in Formatting.table(["ID", "TYPE", "NAME", "STATUS", "STAGE", "CREATED"], rows) { Output.line(line) }
        if page.next != nil { Output.line("More with --limit or --search.") }
        return .ok
    }
}

/// `baton show`.
struct ShowCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a workflow: its stages, results and artifacts.")

    @OptionGroup var argument: WorkflowArgument
    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let workflow = try await options.client().find(argument.workflow)
        if options.json {
            Output.line(workflow.json.prettyPrinted())
            return .ok
        }
        let terminal = Terminal.current()
        let now = Timestamp.now()
        Output.line("\(terminal.paint(workflow.name, .bold))  \(workflow.type)  \(workflow.id)")
        Output.line("status     \(workflow.status)\(workflow.progress.map { ", \(Int($0.rounded())) %" } ?? "")")
        Output.line("created    \(workflow.createdAt ?? "?") (\(Formatting.age(workflow.createdAt, now: now)))")
        if let took = workflow.milliseconds { Output.line("took       \(Formatting.duration(milliseconds: took))") }
        if let wait = workflow.wait { Output.line("waits for  \(wait.sentence(now: now))") }
        if let fault = workflow.fault { Output.line("error      \(terminal.paint(fault.text, .red))") }
        Output.line()
        let rows = workflow.stages.map { stage in
            [
                stage.name, stage.agent, stage.status, stage.attempt > 1 ? "\(stage.attempt)" : "",
                stage.milliseconds.map { Formatting.duration(milliseconds: $0) } ?? "",
                stage.commit.map { String($0.prefix(10)) } ?? "", stage.fault?.text ?? stage.summary ?? "",
            ]
        }
        let headings = ["STAGE", "AGENT", "STATUS", "ATTEMPT", "TOOK", "COMMIT", "RESULT"]
        for line in Formatting.table(headings, rows) {
            Output.line(terminal.isInteractive ? Formatting.cut(line, to: terminal.width) : line)
        }
        for stage in workflow.stages {
            let questions = workflow.questions.filter { $0.stage == stage.name }
            guard !questions.isEmpty else { continue }
            Output.line("\n\(stage.name) asks:")
            for question in questions { Output.line("  \(question.line)") }
            Output.line("answer: `\(workflow.answerCommand(for: questions))`")
        }
        let count = workflow.stages.reduce(0) { $0 + $1.artifacts.count }
        if count > 0 { Output.line("\n\(count) artifacts: `\(CommandName.current) artifacts \(workflow.id)`") }
        return .ok
    }
}

/// `baton watch`.
struct WatchCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow a workflow to its end.",
        discussion: "Exits with 0 if it completed, 1 if it failed, 2 if it was cancelled.")

    @OptionGroup var argument: WorkflowArgument
    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        return try await FollowToEnd(client: client, asJSON: options.json).run(try await client.find(argument.workflow))
    }
}

/// `baton logs`.
struct LogsCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print what agents and tools wrote while they worked on a workflow.")

    @OptionGroup var argument: WorkflowArgument

    @Flag(name: [.customShort("f"), .long], help: "Go on printing until the workflow has ended.")
    var follow = false

    @Option(name: .long, help: "Only this stage.")
    var stage: String?

    @Option(name: [.customShort("n"), .long], help: "Only the last so many lines.")
    var tail: Int?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let workflow = try await client.find(argument.workflow)
        if let stage, workflow.stage(stage) == nil {
            let names = workflow.stages.map(\.name)
            let nearest = closestMatch(stage, in: names).map { "; did you mean \($0)?" } ?? ""
            throw CommandError(.notFound, "\(workflow.name) has no stage \"\(stage)\"\(nearest)", details: names)
        }
        let width = workflow.stages.map(\.name.count).max() ?? 0
        if follow && !workflow.hasEnded { return try await followLogs(client, workflow, width) }
        let all = try await client.logs(of: workflow.id, stage: stage)
        let lines = tail.map { Array(all.suffix(max($0, 0))) } ?? all
        let terminal = Terminal.current()
        if options.json {
            for line in lines { Output.line(line.json.description) }
        } else {
            for line in lines { Output.line(line.rendered(terminal, stageWidth: width)) }
            if all.isEmpty { Output.error(silence(of: workflow)) }
        }
        return .ok
    }

    /// Why there is no line.
    private func silence(of workflow: WorkflowView) -> String {
        if let stage, workflow.stage(stage)?.hasEnded == true { return "This stage wrote no log." }
        return workflow.hasEnded ? "This workflow wrote no log." : "No log lines yet."
    }

    private func followLogs(
        _ client: APIClient, _ workflow: WorkflowView, _ width: Int
    ) async throws(CommandError)
        -> ExitStatus
    {
        let terminal = Terminal.current()
        let asJSON = options.json
        let query = stage.map { [("stage", $0)] } ?? []
        var last = ""
        // The server ends the stream when the workflow has ended and its last lines are there; a stream that breaks is
        // taken up again after the last line.
        while true {
            var failure: CommandError?
            do {
                try await client.stream("/workflows/\(workflow.id)/logs", query, after: last) { event in
                    if !event.id.isEmpty { last = event.id }
                    guard let json = try? JSONValue(parsing: event.data), json["text"] != nil else { return }
                    Output.line(asJSON ? json.description : LogLine(json).rendered(terminal, stageWidth: width))
                }
            } catch {
                failure = error
            }
            if let failure, failure.status != .unavailable && failure.status != .temporary { throw failure }
            if failure == nil, try await client.workflow(id: workflow.id).hasEnded { return .ok }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}

/// `baton artifacts`.
struct ArtifactsCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "artifacts", abstract: "List the files that the stages of a workflow stored, or download them.")

    @OptionGroup var argument: WorkflowArgument

    @Option(name: .long, help: ArgumentHelp("Download all of them into this directory.", valueName: "directory"))
    var download: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let workflow = try await client.find(argument.workflow)
        let all = workflow.stages.flatMap { stage in stage.artifacts.map { (stage: stage.name, artifact: $0) } }
        if let download {
            for (stage, artifact) in all {
                let directory = "\(download)/\(ReportFile.safeName(stage))"
                let bytes = try await client.content(of: artifact)
                do {
                    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                    let path = "\(directory)/\(ReportFile.safeName(artifact.name))"
                    try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
                    if !options.json { Output.line(path) }
                } catch {
                    throw CommandError(.dataError, "cannot write to \(directory): \(error.localizedDescription)")
                }
            }
        }
        if options.json {
            Output.line(
                JSONValue.array(workflow.stages.flatMap { $0.artifactDocuments }).prettyPrinted())
        } else if download == nil {
            let rows = all.map { stage, artifact in
                [stage, artifact.name, artifact.type, Formatting.bytes(artifact.bytes), artifact.label]
            }
            if rows.isEmpty { Output.line("No artifacts.") }
            let headings = ["STAGE", "NAME", "TYPE", "SIZE", "LABEL"]
            if !rows.isEmpty { for line in Formatting.table(headings, rows) { Output.line(line) } }
        }
        return .ok
    }
}

extension WorkflowView.Stage {
    /// The artifacts as JSON, each with the name of its stage.
    fileprivate var artifactDocuments: [JSONValue] {
        artifacts.map { artifact in
            [
                "stage": .string(name), "name": .string(artifact.name), "type": .string(artifact.type),
                "sha256": .string(artifact.digest), "size_bytes": .integer(Int64(artifact.bytes)),
                "label": .string(artifact.label),
            ]
        }
    }
}
