import ArgumentParser
import JSONTools

/// `baton dead`.
struct DeadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Look after what was set aside: unreadable messages, tasks whose attempts are spent.",
        subcommands: [
            DeadListCommand.self, DeadShowCommand.self, DeadRedriveCommand.self, DeadDropCommand.self,
        ],
        defaultSubcommand: DeadListCommand.self)
}

/// The argument that names a dead letter.
struct DeadLetterArgument: ParsableArguments {
    @Argument(help: "The dead letter: its id, or the beginning of it.")
    var letter: String

    /// The whole id.
    func id(_ client: APIClient) async throws(CommandError) -> String {
        let word = letter.lowercased()
        if UniqueID(word) != nil { return word }
        let letters = try await client.list("/dead-letters", [("state", "all")], pageSize: 100)
        let ids = letters.items.compactMap { $0["id"]?.stringValue }
        let found = word.count >= 4 ? ids.filter { $0.hasPrefix(word) } : []
        guard let id = found.first, found.count == 1 else {
            throw CommandError(
                .notFound, found.isEmpty ? "no dead letter has the id \"\(letter)\"" : "several ids begin so",
                details: found, hint: "`\(CommandName.current) dead list --all` shows the dead letters there are")
        }
        return id
    }
}

/// `baton dead list`.
struct DeadListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the dead letters, the newest first.")

    @Option(name: .long, help: "Only those of this kind: message or task.")
    var kind: String?

    @Option(name: .long, help: "Only those of this workflow.")
    var workflow: String?

    @Flag(name: .long, help: "Also those that were redriven or dropped.")
    var all = false

    @Option(name: [.customShort("n"), .long], help: "How many at most.")
    var limit = 50

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        var query: [(String, String)] = []
        if let kind { query.append(("kind", kind)) }
        if let workflow { query.append(("workflow_id", try await client.find(workflow).id)) }
        if all { query.append(("state", "all")) }
        let page = try await client.list("/dead-letters", query, atMost: max(limit, 1), pageSize: 100)
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let letters = page.items.map(DeadLetterView.init)
        guard !letters.isEmpty else {
            Output.line(all ? "There are no dead letters." : "No dead letter is open.")
            return .ok
        }
        let now = Timestamp.now()
        let rows = letters.map { letter in
            [
                letter.id, letter.kind, letter.state, letter.cause, letter.workflowName ?? "", letter.place,
                Formatting.age(letter.createdAt, now: now), Formatting.cut(letter.detail, to: 100),
            ]
        }
        for line in Formatting.table(["ID", "KIND", "STATE", "CAUSE", "WORKFLOW", "WHERE", "SINCE", "DETAIL"], rows) {
            Output.line(line)
        }
        if page.next != nil { Output.line("More with --limit.") }
        Output.line("next: `\(CommandName.current) dead show ID`, then `dead redrive ID` or `dead drop ID`")
        return .ok
    }
}

/// `baton dead show`.
struct DeadShowCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a dead letter with what is in it.")

    @OptionGroup var argument: DeadLetterArgument
    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let document = try await client.get("/dead-letters/\(try await argument.id(client))")
        if options.json {
            Output.line(document.prettyPrinted())
            return .ok
        }
        let letter = DeadLetterView(document)
        let now = Timestamp.now()
        Output.line("\(letter.kind) \(letter.id)")
        Output.line("state      \(letter.state)\(letter.resolvedBy.map { " by \($0)" } ?? "")")
        Output.line("cause      \(letter.cause) (\(letter.causeClass))")
        Output.line("detail     \(letter.detail)")
        Output.line("from       \(letter.source)")
        if let workflow = letter.workflowID {
            Output.line("workflow   \(letter.workflowName ?? "") \(workflow)")
        }
        if let stage = letter.stage {
            Output.line("stage      \(stage), generation \(letter.generation), attempt \(letter.attempt)")
        }
        Output.line("since      \(letter.createdAt ?? "?") (\(Formatting.age(letter.createdAt, now: now)))")
        let isWhole = document["is_whole"]?.boolValue ?? true
        Output.line("content    \(Formatting.bytes(letter.bytes))\(isWhole ? "" : ", cut")")
        Output.line(letter.content(in: document))
        if letter.state == "open" {
            Output.line("next: `\(CommandName.current) dead redrive \(letter.id)` \(letter.redriving),")
            Output.line("      `\(CommandName.current) dead drop \(letter.id)` puts it away")
        }
        return .ok
    }
}

/// `baton dead redrive`.
struct DeadRedriveCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Try again: a message goes back onto its stream, a workflow runs from the stage.")

    @OptionGroup var argument: DeadLetterArgument
    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let id = try await argument.id(client)
        let answer: JSONValue
        do {
            answer = try await client.post("/dead-letters/\(id)/redrive", .object([:]))
        } catch {
            var error = error
            if error.status == .conflict { error.hint = "`\(CommandName.current) dead show \(id)` tells what it is" }
            throw error
        }
        if options.json {
            Output.line(answer.prettyPrinted())
            return .ok
        }
        let letter = DeadLetterView(answer["dead_letter"] ?? .null)
        if let document = answer["workflow"], document["id"] != nil {
            let workflow = WorkflowView(document)
            Output.line("\(workflow.name) runs again from \(letter.stage ?? "its stage").")
            Output.line("next: `\(CommandName.current) watch \(workflow.id)` follows it")
        } else {
            Output.line("The message is back on \(letter.source).")
            Output.line("next: `\(CommandName.current) dead list` shows whether it was set aside again")
        }
        return .ok
    }
}

/// `baton dead drop`.
struct DeadDropCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Put a dead letter away: it is not needed.")

    @OptionGroup var argument: DeadLetterArgument
    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let id = try await argument.id(client)
        do {
            try await client.delete("/dead-letters/\(id)")
        } catch {
            var error = error
            if error.status == .conflict {
                error.hint = "`\(CommandName.current) dead show \(id)` tells what became of it"
            }
            throw error
        }
        if options.json {
            Output.line(JSONValue.object(["id": .string(id), "state": "dropped"]).prettyPrinted())
        } else {
            Output.line("\(id) is dropped; `\(CommandName.current) dead list --all` still lists it.")
        }
        return .ok
    }
}

/// A dead letter as the API shows it.
struct DeadLetterView: Sendable {
    /// The longest content that is printed, in characters.
    static let maxContent = 4000

    var id: String
    var kind: String
    var state: String
    var source: String
    var cause: String
    var causeClass: String
    var detail: String
    var workflowID: String?
    var workflowName: String?
    var stage: String?
    var generation: Int
    var attempt: Int
    var bytes: Int
    var createdAt: String?
    var resolvedBy: String?

    init(_ json: JSONValue) {
        func text(_ key: String) -> String? { json[key]?.stringValue.map(Formatting.clean) }
        id = text("id") ?? ""
        kind = text("kind") ?? ""
        state = text("state") ?? ""
        source = text("source") ?? ""
        cause = text("cause") ?? ""
        causeClass = text("cause_class") ?? ""
        detail = text("detail") ?? ""
        workflowID = text("workflow_id")
        workflowName = text("workflow_name")
        stage = text("stage")
        generation = json["generation"]?.intValue ?? 1
        attempt = json["attempt"]?.intValue ?? 1
        bytes = json["size_bytes"]?.intValue ?? 0
        createdAt = json["created_at"]?.stringValue
        resolvedBy = text("resolved_by")
    }

    /// The stage of a task, the stream of a message.
    var place: String { stage ?? source }

    /// What redriving it does.
    var redriving: String {
        stage.map { "runs the workflow again from \($0)" } ?? "puts it back onto its stream"
    }

    /// The content for people: indented if it is JSON, cut if it is long.
    func content(in document: JSONValue) -> String {
        guard let text = document["content"]?.stringValue else {
            return Formatting.cut(document["content_base64"]?.stringValue ?? "", to: Self.maxContent)
        }
        let shown = (try? JSONValue(parsing: text))?.prettyPrinted() ?? text
        let lines = shown.split(separator: "\n", omittingEmptySubsequences: false).map { Formatting.clean(String($0)) }
        return Formatting.cut(lines.joined(separator: "\n"), to: Self.maxContent)
    }
}
