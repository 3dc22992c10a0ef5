import ArgumentParser
import JSONTools

/// Yes or no to all that a stage asks: `approve`, `reject`.
protocol VerdictCommand: BatonSubcommand {
    static var verdict: Verdict { get }
    var argument: WorkflowArgument { get }
    var stage: String? { get }
    var reason: String? { get }
}

extension VerdictCommand {
    func perform() async throws(CommandError) -> ExitStatus {
        let control = WorkflowControl(client: try options.client(), asJSON: options.json)
        let workflow = try await control.client.find(argument.workflow)
        let questions = try Self.verdict.questions(of: workflow, stage: stage)
        let values = try questions.map { question throws(CommandError) -> JSONValue in
            ["id": .string(question.id), "value": .string(try Self.verdict.option(of: question, in: workflow))]
        }
        var body: JSONObject = ["answers": .array(values)]
        if let first = questions.first {
            // What is asked by now may be something else.
            body["stage"] = .string(first.stage)
            body["round"] = .integer(Int64(first.round))
        }
        if let reason { body["reason"] = .string(reason) }
        let answered = WorkflowView(try await control.post("answers", .object(body), to: workflow))
        if options.json {
            Output.line(answered.json.prettyPrinted())
        } else {
            for (question, value) in zip(questions, values) {
                Output.line("\(question.text) \(value["value"]?.stringValue ?? "")")
            }
            Output.line("next: `\(CommandName.current) watch \(answered.id)` follows it; it is \(answered.status)")
        }
        return .ok
    }
}

/// `baton approve`.
struct ApproveCommand: VerdictCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Say yes to what a stage asks.", discussion: Verdict.discussion)
    static let verdict = Verdict.yes

    @OptionGroup var argument: WorkflowArgument

    @Option(name: .long, help: "The stage that asks, if several do.")
    var stage: String?

    @Option(name: [.customShort("m"), .long], help: "Why, for the workflow's trail.")
    var reason: String?

    @OptionGroup var options: GlobalOptions
}

/// `baton reject`.
struct RejectCommand: VerdictCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Say no to what a stage asks.", discussion: Verdict.discussion)
    static let verdict = Verdict.no

    @OptionGroup var argument: WorkflowArgument

    @Option(name: .long, help: "The stage that asks, if several do.")
    var stage: String?

    @Option(name: [.customShort("m"), .long], help: "Why, for the workflow's trail.")
    var reason: String?

    @OptionGroup var options: GlobalOptions
}

/// Yes or no, in the words of a question's own options.
enum Verdict: Sendable, Hashable {
    case yes, no

    static let discussion = """
        For questions with two options, one of which says yes and the other no, such as yes and no, or approve and reject. \
        All questions of the stage get the same answer; for others there is `answer`.
        """

    private static let affirmative: Set<String> = [
        "yes", "y", "true", "ok", "approve", "approved", "accept", "accepted", "agree", "allow", "confirm", "continue",
        "proceed",
    ]
    private static let negative: Set<String> = [
        "no", "n", "false", "reject", "rejected", "decline", "declined", "disagree", "deny", "denied", "refuse",
        "cancel", "abort", "stop",
    ]

    /// The option that says this; nil unless one of two options says yes and the other no.
    func option(among options: [String]) -> String? {
        let yes = options.filter { Self.affirmative.contains($0.lowercased()) }
        let no = options.filter { Self.negative.contains($0.lowercased()) }
        guard options.count == 2, yes.count == 1, no.count == 1 else { return nil }
        return self == .yes ? yes[0] : no[0]
    }

    /// The answer to a question.
    ///
    /// - Throws: `.dataError` with what can be answered, and how, if the question is none of yes or no.
    func option(of question: WorkflowView.Question, in workflow: WorkflowView) throws(CommandError) -> String {
        if let option = option(among: question.options) { return option }
        let asked = workflow.questions.filter { $0.stage == question.stage }
        throw CommandError(
            .dataError, "\(question.stage) asks what yes and no don't answer", details: asked.map(\.line),
            hint: "`\(workflow.answerCommand(for: asked))`")
    }

    /// The questions that are answered: those of the one stage that asks.
    ///
    /// - Throws: `.conflict` if nothing is asked, `.usage` if several stages ask.
    func questions(of workflow: WorkflowView, stage: String?) throws(CommandError) -> [WorkflowView.Question] {
        let open = workflow.hasEnded ? [] : workflow.questions
        if let stage, workflow.stage(stage) == nil {
            let names = workflow.stages.map(\.name)
            let nearest = closestMatch(stage, in: names).map { "; did you mean \($0)?" } ?? ""
            throw CommandError(.notFound, "\(workflow.name) has no stage \"\(stage)\"\(nearest)", details: names)
        }
        let asked = open.filter { stage == nil || $0.stage == stage }
        guard let first = asked.first else {
            throw CommandError(
                .conflict, "\(stage ?? workflow.name) asks nothing: \(workflow.name) is \(workflow.status)",
                hint: "`\(CommandName.current) show \(workflow.id)` tells the present state")
        }
        guard asked.allSatisfy({ $0.stage == first.stage }) else {
            let stages = workflow.stages.map(\.name).filter { name in asked.contains { $0.stage == name } }
            throw CommandError(
                .usage, "several stages ask: \(stages.joined(separator: ", "))", details: asked.map(\.line),
                hint: "name one with --stage")
        }
        return asked
    }
}
