import ArgumentParser
import Foundation
import Glibc
import JSONTools
import LocalStack

/// `baton agents check`.
struct AgentsCheckCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Play orchestrator to an agent, and report which rules it keeps.",
        discussion: """
            Starts a private Redis, and the agent with BATON_REDIS_URL set to a user that may do only what agents have to, \
            as in `baton agents check words -- python agent.py`; needs no stack. The agent has to offer the action noop. \
            Takes about two and a half minutes. Exits with 0 if all rules are kept, otherwise with 1.
            """)

    @Argument(help: "The agent's type.")
    var type: String

    @Argument(parsing: .postTerminator, help: "After --, the command that starts it.")
    var command: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Try only this rule, several times; --list names them.", valueName: "rule"))
    var only: [String] = []

    @Flag(name: .long, help: "List the rules.")
    var list = false

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        if list { return listRules() }
        let examples = "`\(CommandName.current) agents check words -- python agent.py`"
        guard type.wholeMatch(of: /[a-z][a-z0-9_-]{0,63}/) != nil else {
            throw CommandError(
                .usage, "\"\(type)\" can't be an agent type: a-z, 0-9, '_' and '-', a letter first", hint: examples)
        }
        guard let program = command.first else {
            throw CommandError(
                .usage, "the command that starts the agent is missing; write it after --", hint: examples)
        }
        for word in only where AgentRule(rawValue: word) == nil {
            let names = AgentRule.allCases.map(\.rawValue)
            let nearest = closestMatch(word, in: names).map { "; did you mean \($0)?" } ?? ""
            throw CommandError(
                .usage, "there is no rule \"\(word)\"\(nearest)",
                hint: "`\(CommandName.current) agents check \(type) --list` names them")
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

    private func listRules() -> ExitStatus {
        if options.json {
            let items = AgentRule.allCases.map { rule -> JSONValue in
                ["id": .string(rule.rawValue), "rule": .string(rule.sentence)]
            }
            Output.line(JSONValue.object(["rules": .array(items)]).prettyPrinted())
        } else {
            for line in Formatting.table(["RULE", ""], AgentRule.allCases.map { [$0.rawValue, $0.sentence] }) {
                Output.line(line)
            }
        }
        return .ok
    }

    private func examine(_ stack: LocalStack, _ path: String, _ folder: String) async -> ExitStatus {
        let url = await stack.redisURL ?? ""
        let log = folder + "/agent.log"
        let terminal = Terminal.current()
        let isTalkative = !options.json
        let examiner = AgentExaminer(type: type, url: url, traceFile: folder + "/monitor.log")
        let launcher = AgentLauncher(
            executable: path, arguments: Array(command.dropFirst()), dataDirectory: folder, log: log)
        let chosen = only.isEmpty ? Set(AgentRule.allCases) : Set(only.compactMap(AgentRule.init(rawValue:)))
        let rules = AgentRules(examiner: examiner, launcher: launcher, chosen: chosen) { outcome in
            guard isTalkative else { return }
            let mark = outcome.trouble == nil ? terminal.paint("✔", .green) : terminal.paint("✘", .red)
            let found = outcome.trouble.map { ": \(Formatting.clean($0))" } ?? ""
            Output.line("\(mark) \(Formatting.pad(outcome.rule.rawValue, to: 12)) \(outcome.rule.sentence)\(found)")
        }
        let outcomes = await rules.all()
        let broken = outcomes.filter { $0.trouble != nil }
        if options.json {
            let items = outcomes.map { outcome -> JSONValue in
                [
                    "id": .string(outcome.rule.rawValue), "rule": .string(outcome.rule.sentence),
                    "kept": .bool(outcome.trouble == nil), "found": outcome.trouble.map { .string($0) } ?? .null,
                ]
            }
            let document: JSONObject = [
                "type": .string(type), "kept": .bool(broken.isEmpty), "rules": .array(items),
            ]
            Output.line(JSONValue.object(document).prettyPrinted())
        } else {
            if let first = broken.first {
                Output.line("The last lines of the agent:")
                for line in LogTail.lines(of: log, count: 10) { Output.line("  | \(Formatting.clean(line))") }
                Output.line(
                    "next: `\(CommandName.current) agents check \(type) --only \(first.rule.rawValue) -- …` tries one alone"
                )
            }
            Output.line(AgentRule.verdict(outcomes, of: chosen.union([.register]).count))
        }
        return broken.isEmpty ? .ok : .failed
    }
}

/// Starts the agent that is examined, again and again.
struct AgentLauncher: Sendable {
    let executable: String
    let arguments: [String]
    let dataDirectory: String
    let log: String

    /// Starts it as the stack would: with the URL of its own Redis user.
    func start(redisURL: String, namespace: String) async throws(StackError) -> DetachedProcess {
        var environment = ProcessInfo.processInfo.environment
        for name in ["BATON_NAMESPACE", "BATON_URL", "BATON_TOKEN", "BATON_DATABASE_URL"] { environment[name] = nil }
        environment["BATON_REDIS_URL"] = redisURL
        environment["BATON_DATA_DIR"] = dataDirectory
        if !namespace.isEmpty { environment["BATON_NAMESPACE"] = namespace }
        return try await DetachedProcess.spawn(
            DaemonCommand(
                executable: executable, arguments: arguments, environment: environment,
                workingDirectory: FileManager.default.currentDirectoryPath, logFile: log))
    }
}
