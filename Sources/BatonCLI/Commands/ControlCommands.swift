import ArgumentParser
import JSONTools

/// A word of people to a workflow that needs nothing but the word: `pause`, `resume`, `cancel`.
protocol WorkflowOrder: BatonSubcommand {
    /// The last part of the route.
    static var route: String { get }
    var argument: WorkflowArgument { get }
    /// Why, for the trail; nil where none can be given.
    var reason: String? { get }
    /// What came of it, for people.
    func lines(_ workflow: WorkflowView) -> [String]
}

extension WorkflowOrder {
    func perform() async throws(CommandError) -> ExitStatus {
        let control = WorkflowControl(client: try options.client(), asJSON: options.json)
        let workflow = try await control.client.find(argument.workflow)
        let body: JSONObject = reason.map { ["reason": .string($0)] } ?? [:]
        let answer = try await control.post(Self.route, .object(body), to: workflow)
        if options.json {
            Output.line(answer.prettyPrinted())
        } else {
            for line in lines(WorkflowView(answer)) { Output.line(line) }
        }
        return .ok
    }
}

/// `baton pause`.
struct PauseCommand: WorkflowOrder {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Let a workflow start nothing new until it is resumed.",
        discussion: "What is under way goes on, and its results are kept.")
    static let route = "pause"

    @OptionGroup var argument: WorkflowArgument

    @Option(name: [.customShort("m"), .long], help: "Why, for the workflow's trail.")
    var reason: String?

    @OptionGroup var options: GlobalOptions

    func lines(_ workflow: WorkflowView) -> [String] {
        let working = workflow.stages.filter { $0.status == "running" }.map(\.name)
        let rest = working.isEmpty ? "" : " What is under way goes on: \(working.joined(separator: ", "))."
        return ["\(workflow.name) is paused.\(rest)", "next: `\(CommandName.current) resume \(workflow.id)` goes on"]
    }
}

/// `baton resume`.
struct ResumeCommand: WorkflowOrder {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let a paused workflow go on.")
    static let route = "resume"

    @OptionGroup var argument: WorkflowArgument
    @OptionGroup var options: GlobalOptions

    var reason: String? { nil }

    func lines(_ workflow: WorkflowView) -> [String] {
        [
            "\(workflow.name) goes on: it is \(workflow.status).",
            "next: `\(CommandName.current) watch \(workflow.id)` follows it",
        ]
    }
}

/// `baton cancel`.
struct CancelCommand: WorkflowOrder {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Cancel a workflow.")
    static let route = "cancel"

    @OptionGroup var argument: WorkflowArgument

    @Option(name: [.customShort("m"), .long], help: "Why, for the workflow's trail.")
    var reason: String?

    @OptionGroup var options: GlobalOptions

    func lines(_ workflow: WorkflowView) -> [String] {
        ["\(workflow.name) is \(workflow.status == "cancelled" ? "cancelled" : "being cancelled")."]
    }
}

/// `baton retry`.
struct RetryCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Run a workflow that has ended again, from a stage on.",
        discussion: """
            Without --from, what did not end well runs again. All stages that depend on what runs again do so too; the \
            others keep their results.
            """)

    @OptionGroup var argument: WorkflowArgument

    @Option(name: .long, help: ArgumentHelp("The stage to run again from.", valueName: "stage"))
    var from: String?

    @Flag(name: .long, help: "Only list what would run again.")
    var dryRun = false

    @Option(
        name: .long,
        help: ArgumentHelp("Only if the workflow is at this version still; a dry run tells it.", valueName: "version"))
    var expectVersion: Int64?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let control = WorkflowControl(client: try options.client(), asJSON: options.json)
        let workflow = try await control.client.find(argument.workflow)
        var body: JSONObject = [:]
        if let from { body["from_stage"] = .string(from) }
        if dryRun { body["dry_run"] = true }
        if let expectVersion { body["expected_version"] = .integer(expectVersion) }
        let answer = try await control.post("retry", .object(body), to: workflow)
        if options.json {
            Output.line(answer.prettyPrinted())
        } else if dryRun {
            printPlan(answer, of: workflow)
        } else {
            let again = WorkflowView(answer)
            let stages = again.stages.filter { !$0.hasEnded }.map(\.name)
            Output.line("\(again.name) runs again: \(stages.joined(separator: ", ")).")
            Output.line("next: `\(CommandName.current) watch \(again.id)` follows it")
        }
        return .ok
    }

    private func printPlan(_ plan: JSONValue, of workflow: WorkflowView) {
        let rows = (plan["runs_again"]?.arrayValue ?? []).map { stage in
            ["name", "agent", "status"].map { Formatting.clean(stage[$0]?.stringValue ?? "") }
                + ["\(stage["generation"]?.intValue ?? 0)"]
        }
        Output.line("A retry of \(workflow.name) would run again:")
        for line in Formatting.table(["STAGE", "AGENT", "WAS", "GENERATION"], rows) { Output.line("  \(line)") }
        let kept = (plan["keeps"]?.arrayValue ?? []).compactMap(\.stringValue).map(Formatting.clean)
        if !kept.isEmpty { Output.line("It would keep the results of \(kept.joined(separator: ", ")).") }
        let selection = from.map { " --from \(Formatting.shellWord($0))" } ?? ""
        let version = plan["version"]?.intValue.map { " --expect-version \($0)" } ?? ""
        Output.line("next: `\(CommandName.current) retry \(workflow.id)\(selection)\(version)` does it")
    }
}

/// `baton answer`.
struct AnswerCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "answer", abstract: "Answer what a stage asks, or show what is asked.",
        discussion: "All questions of a stage are answered at once. Without answers the questions are listed.")

    @OptionGroup var argument: WorkflowArgument

    @Argument(
        help: ArgumentHelp(
            "An answer: QUESTION=VALUE, where QUESTION is the question's id. VALUE is text, or JSON if it is JSON and the "
                + "question has no options; @FILE is the text of a file.", valueName: "question=value"))
    var answers: [String] = []

    @Option(name: .long, help: "The stage that asked, if several ask the same.")
    var stage: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Only if this round of questions is open; the one shown now otherwise.", valueName: "n"))
    var round: Int?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let control = WorkflowControl(client: try options.client(), asJSON: options.json)
        let workflow = try await control.client.find(argument.workflow)
        guard !answers.isEmpty else { return list(workflow) }
        var body: JSONObject = [
            "answers": .array(
                try answers.map { item throws(CommandError) in
                    try answer(item, to: workflow)
                })
        ]
        if let stage { body["stage"] = .string(stage) }
        if let round = round ?? openRound(in: workflow) { body["round"] = .integer(Int64(round)) }
        let answered = WorkflowView(try await control.post("answers", .object(body), to: workflow))
        if options.json {
            Output.line(answered.json.prettyPrinted())
        } else {
            Output.line("Answered. \(answered.name) is \(answered.status).")
            Output.line("next: `\(CommandName.current) watch \(answered.id)` follows it")
        }
        return .ok
    }

    /// The round of the questions that are answered, if it is one.
    private func openRound(in workflow: WorkflowView) -> Int? {
        let ids = Set(answers.map { $0.prefix { $0 != "=" } })
        let rounds = Set(
            workflow.questions.filter { ids.contains($0.id[...]) && (stage == nil || $0.stage == stage) }.map(\.round))
        return rounds.count == 1 ? rounds.first : nil
    }

    private func list(_ workflow: WorkflowView) -> ExitStatus {
        let questions = workflow.questions.filter { stage == nil || $0.stage == stage }
        if options.json {
            Output.line((workflow.json["questions"] ?? []).prettyPrinted())
        } else if questions.isEmpty {
            Output.line("\(workflow.name) asks nothing: it is \(workflow.status).")
        } else {
            for stage in workflow.stages.map(\.name) {
                let asked = questions.filter { $0.stage == stage }
                guard !asked.isEmpty else { continue }
                Output.line("\(stage) asks:")
                for question in asked { Output.line("  \(question.line)") }
                Output.line("next: `\(workflow.answerCommand(for: asked))`")
            }
        }
        return .ok
    }

    private func answer(_ item: String, to workflow: WorkflowView) throws(CommandError) -> JSONValue {
        let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
            let asked = workflow.questions.isEmpty ? [] : workflow.questions
            throw CommandError(
                .usage, "\(item) is not QUESTION=VALUE", details: asked.map(\.line),
                hint: asked.isEmpty
                    ? "`\(CommandName.current) answer \(workflow.id)` lists the questions"
                    : "`\(workflow.answerCommand(for: asked))`")
        }
        let id = String(parts[0])
        let text = try InputArgument.text(String(parts[1]))
        let hasOptions = workflow.questions.contains { $0.id == id && !$0.options.isEmpty }
        let isFile = parts[1].hasPrefix("@")
        return ["id": .string(id), "value": hasOptions || isFile ? .string(text) : InputArgument.value(text)]
    }
}

/// Sends what people want of a workflow, with errors that name the next command.
struct WorkflowControl {
    let client: APIClient
    let asJSON: Bool

    /// Sends a command about a workflow.
    func post(_ command: String, _ body: JSONValue, to workflow: WorkflowView) async throws(CommandError) -> JSONValue {
        do {
            return try await client.post("/workflows/\(workflow.id)/\(command)", body)
        } catch {
            var error = error
            if error.hint == nil || error.status == .conflict { error.hint = next(after: command, error, workflow) }
            throw error
        }
    }

    private func next(after command: String, _ error: CommandError, _ workflow: WorkflowView) -> String {
        let name = CommandName.current
        let show = "`\(name) show \(workflow.id)` tells the present state"
        switch command {
        case "answers":
            return workflow.questions.isEmpty
                ? show : "`\(name) answer \(workflow.id)` lists the questions"
        case "retry" where !workflow.hasEnded:
            return "`\(name) cancel \(workflow.id)` ends it, \(show)"
        case "retry":
            return "`\(name) retry \(workflow.id) --dry-run` lists what would run again, \(show)"
        case "pause", "resume", "cancel":
            return workflow.hasEnded ? "`\(name) retry \(workflow.id) --dry-run` lists what could run again" : show
        default:
            return show
        }
    }
}
