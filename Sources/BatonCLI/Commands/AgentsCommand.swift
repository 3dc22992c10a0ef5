import ArgumentParser
import Foundation
import Glibc
import JSONTools
import LocalStack

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
        let page = try await options.client().get("/agents")
        if options.json {
            Output.line(page.prettyPrinted())
            return .ok
        }
        let items = page["items"]?.arrayValue ?? []
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

/// `baton agents new`.
struct AgentsNewCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Begin an agent of your own: a folder with the agent, a workflow type and a test."
    )

    @Argument(help: "The agent's type, which definitions name: a-z, 0-9, '_' and '-', a letter first.")
    var name: String

    @Option(name: .long, help: "The language: python.")
    var lang = "python"

    @Option(name: .long, help: ArgumentHelp("Where the folder is made; here by default.", valueName: "directory"))
    var into = "."

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        guard name.wholeMatch(of: /[a-z][a-z0-9_-]{0,63}/) != nil else {
            throw CommandError(.usage, "\"\(name)\" can't be an agent type: a-z, 0-9, '_' and '-', a letter first")
        }
        guard let share = Programs.shareDirectory(binDirectory: Programs.binDirectory()) else {
            throw CommandError(.unavailable, "the templates are not found", hint: "set BATON_SHARE_DIR")
        }
        let template = "\(share)/agents/\(lang)"
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: template).sorted() else {
            let languages = (try? FileManager.default.contentsOfDirectory(atPath: share + "/agents").sorted()) ?? []
            throw CommandError(
                .usage, "there is no template for \(lang); there is \(languages.joined(separator: ", "))")
        }
        let folder = URL(fileURLWithPath: into).appendingPathComponent(name).path
        guard !FileManager.default.fileExists(atPath: folder) else {
            throw CommandError(.dataError, "\(folder) is there already", hint: "choose another name, or --into")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for file in files {
                let text = try String(contentsOfFile: "\(template)/\(file)", encoding: .utf8)
                let target = "\(folder)/\(file.replacing("NAME", with: name))"
                try Data(text.replacing("__NAME__", with: name).utf8).write(to: URL(fileURLWithPath: target))
            }
        } catch {
            throw CommandError(.dataError, "\(folder) can't be written: \(error.localizedDescription)")
        }
        if options.json {
            Output.line(JSONValue.object(["folder": .string(folder), "type": .string(name)]).prettyPrinted())
        } else {
            Output.line("\(folder) has an agent of type \(name), a workflow type of the same name, and a test.")
            Output.line("next: \(folder)/README.md says how to run and test it")
        }
        return .ok
    }
}

/// `baton agents check`.
struct AgentsCheckCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Play orchestrator to an agent, and report which rules it keeps.",
        discussion: """
            Starts a private Redis and the agent with BATON_REDIS_URL set, as in `baton agents check words -- python \
            agent.py`; needs no stack. The agent has to offer the action noop. Takes about two minutes.
            """)

    @Argument(help: "The agent's type.")
    var type: String

    @Argument(parsing: .postTerminator, help: "After --, the command that starts it.")
    var command: [String] = []

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        guard let program = command.first else {
            throw CommandError(.usage, "the command that starts the agent is missing; write it after --")
        }
        guard Programs.find("redis-cli") != nil else {
            throw CommandError(.unavailable, "redis-cli is not on PATH", hint: "sudo apt-get install redis-tools")
        }
        guard let path = Programs.find(program) else {
            throw CommandError(.notFound, "\(program) is no program", hint: "write its path, or put it on PATH")
        }
        let name = "baton-check-" + UUID().uuidString.lowercased().prefix(8)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        var configuration = StackConfiguration.ephemeral(dataDirectory: folder, agents: [], orchestrators: 0)
        configuration.usesPostgres = false
        let stack = LocalStack(configuration)
        do {
            try await stack.start()
        } catch {
            await stack.destroy()
            throw CommandError(error)
        }
        let status = await examine(stack, path, folder)
        await stack.destroy()
        return status
    }

    private func examine(_ stack: LocalStack, _ path: String, _ folder: String) async -> ExitStatus {
        let url = await stack.redisURL ?? ""
        var environment = ProcessInfo.processInfo.environment
        for name in ["BATON_NAMESPACE", "BATON_URL", "BATON_TOKEN", "BATON_DATABASE_URL"] { environment[name] = nil }
        environment["BATON_REDIS_URL"] = url
        environment["BATON_DATA_DIR"] = folder
        let log = folder + "/agent.log"
        let process: DetachedProcess
        do {
            process = try await DetachedProcess.spawn(
                DaemonCommand(
                    executable: path, arguments: Array(command.dropFirst()), environment: environment,
                    workingDirectory: FileManager.default.currentDirectoryPath, logFile: log))
        } catch {
            Output.error("error: the agent can't be started: \(error)")
            return .unavailable
        }
        let isTalkative = !options.json
        let rules = AgentRules(examiner: AgentExaminer(type: type, url: url), process: process) { outcome in
            guard isTalkative else { return }
            let mark = outcome.trouble == nil ? "✔" : "✘"
            Output.line("\(mark) \(outcome.rule)\(outcome.trouble.map { ": \($0)" } ?? "")")
        }
        let outcomes = await rules.all()
        if process.exitReason == nil { _ = process.identity.sendToGroup(SIGKILL) }
        let broken = outcomes.filter { $0.trouble != nil }
        if options.json {
            let items = outcomes.map { outcome -> JSONValue in
                [
                    "rule": .string(outcome.rule), "kept": .bool(outcome.trouble == nil),
                    "found": outcome.trouble.map { .string($0) } ?? .null,
                ]
            }
            Output.line(
                JSONValue.object(["type": .string(type), "kept": .bool(broken.isEmpty), "rules": .array(items)])
                    .prettyPrinted())
        } else if broken.isEmpty {
            Output.line("All rules are kept.")
        } else {
            Output.line("\(broken.count) of \(outcomes.count) rules are broken; the last lines of the agent:")
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            for line in text.split(separator: "\n").suffix(10) { Output.line("  | \(line)") }
        }
        return broken.isEmpty ? .ok : .failed
    }
}
