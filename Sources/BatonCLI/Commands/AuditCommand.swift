import ArgumentParser
import JSONTools

/// `baton audit`.
struct AuditCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "List who did what, the newest first; takes an admin's token.")

    @Option(name: .long, help: "Only what this one did: a token's name, or token/worker.")
    var actor: String?

    @Option(name: .long, help: "Only this operation, such as cancelWorkflow.")
    var action: String?

    @Option(name: .long, help: "Only what was done to this id or name.")
    var target: String?

    @Option(name: [.customShort("n"), .long], help: "How many at most.")
    var limit = 50

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        var query: [(String, String)] = []
        for (name, value) in [("actor", actor), ("action", action), ("target", target)] {
            if let value { query.append((name, value)) }
        }
        let page = try await options.client().list("/audit", query, atMost: max(limit, 1), pageSize: 100)
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let rows = page.items.map { entry in
            ["at", "actor", "action", "target"].map { Formatting.clean(entry[$0]?.stringValue ?? "") }
                + [
                    entry["status"]?.intValue.map(String.init) ?? "",
                    Formatting.clean(entry["detail"]?.stringValue ?? ""),
                ]
        }
        for line in Formatting.table(["AT", "ACTOR", "ACTION", "TARGET", "STATUS", "DETAIL"], rows) {
            Output.line(line)
        }
        if page.next != nil { Output.line("More with --limit, --actor, --action or --target.") }
        return .ok
    }
}
