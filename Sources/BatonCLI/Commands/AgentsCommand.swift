import ArgumentParser
import JSONTools

/// `baton agents`.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents", abstract: "List the agents that were heard, drain one, begin or check one of your own.",
        subcommands: [
            AgentsListCommand.self, AgentsDrainCommand.self, AgentsNewCommand.self, AgentsCheckCommand.self,
        ],
        defaultSubcommand: AgentsListCommand.self)
}

/// `baton agents list`.
struct AgentsListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the agents that were heard.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let page = try await options.client().list("/agents")
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let items = page.items
        guard !items.isEmpty else {
            Output.line("No agent has been heard. `\(CommandName.current) status` shows which run.")
            return .ok
        }
        let now = Timestamp.now()
        let rows = items.map { agent in
            var words = ["agent_id", "agent_type", "status", "version", "host"].map { agent[$0]?.stringValue ?? "" }
            if words[2] == "running", agent["draining"]?.boolValue == true { words[2] = "draining" }
            let slots = [agent["running"], agent["slots"]].compactMap { $0?.intValue.map(String.init) }
            let heard = Formatting.age(agent["last_heartbeat_at"]?.stringValue, now: now)
            return words.map(Formatting.clean) + [slots.joined(separator: "/"), heard]
        }
        let headings = ["AGENT", "TYPE", "STATUS", "VERSION", "HOST", "BUSY", "HEARD"]
        for line in Formatting.table(headings, rows) { Output.line(line) }
        return .ok
    }
}

/// `baton agents drain`.
struct AgentsDrainCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let an agent take no more tasks; what it runs goes on.")

    @Argument(help: "The agent's id, as `baton agents` lists it.")
    var agent: String

    @Flag(name: .long, help: "Let it take tasks again.")
    var undo = false

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        guard agent.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"/?#%".utf8.contains($0) }) else {
            throw CommandError(.usage, "\"\(agent)\" can't be the id of an agent")
        }
        let answer = try await options.client().post("/agents/\(agent)/drain", ["drain": .bool(!undo)])
        if options.json {
            Output.line(answer.prettyPrinted())
        } else {
            Output.line("\(agent) \(undo ? "takes tasks again" : "takes no more tasks"); it is told within 15 s.")
        }
        return .ok
    }
}
