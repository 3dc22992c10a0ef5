import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton down`.
struct DownCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Stop the stack; nothing is left running but deployed apps.",
        discussion: "Agents get 25 seconds to finish what they have begun; what isn't finished is done again later.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let directory = options.dataDirectoryPath
        let begun = ContinuousClock.now
        let terminal = Terminal.current()
        let ticker = Task {
            var live = LiveLine(terminal)
            while (try? await Task.sleep(for: .milliseconds(500))) != nil {
                let elapsed = ContinuousClock.now - begun
                if elapsed > LiveLine.patience { live.show("  … stopping, \(Formatting.duration(elapsed))") }
            }
            live.show(nil)
        }
        let wasRunning: Bool
        do {
            wasRunning = try await StackRecord.stop(dataDirectory: directory)
        } catch {
            ticker.cancel()
            throw CommandError(error)
        }
        ticker.cancel()
        await ticker.value
        let apps = DeployedApp.all(in: directory).filter(\.isRunning)
        if options.json {
            let names = apps.map { JSONValue.string($0.name) }
            Output.line(JSONValue.object(["was_running": .bool(wasRunning), "apps": .array(names)]).prettyPrinted())
            return .ok
        }
        Output.line(wasRunning ? "Baton is down." : "No stack was running in \(directory).")
        if !apps.isEmpty {
            let names = apps.map(\.name).joined(separator: ", ")
            Output.line("Deployed apps go on: \(names). `\(CommandName.current) apps stop NAME` stops one.")
        }
        return .ok
    }
}

/// `baton status`.
struct StatusCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the processes of the stack, with pids, ports and health.",
        discussion: "Exits with 0 if everything is ready, 69 if the stack is down, 75 if something isn't ready.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let directory = options.dataDirectoryPath
        guard let record = StackRecord.load(from: directory), record.isSupervised || !record.survivors.isEmpty else {
            if options.json {
                let state: JSONObject = ["state": "down", "data_dir": .string(directory), "processes": []]
                Output.line(JSONValue.object(state).prettyPrinted())
                return .unavailable
            }
            throw CommandError(
                .unavailable, "no stack runs in \(directory)",
                hint: "`\(CommandName.current) up --detach` starts one")
        }
        let rows = await Self.health(record)
        if options.json {
            Output.line(Self.document(record, rows).prettyPrinted())
        } else {
            show(record, rows)
        }
        return record.isSupervised && rows.allSatisfy { $0.health == "ok" } ? .ok : .temporary
    }

    /// A process and what it is found to be now.
    struct Row {
        var entry: StackRecord.Entry
        var health: String
    }

    static func printJSON(_ record: StackRecord) async throws(CommandError) {
        Output.line(document(record, await health(record)).prettyPrinted())
    }

    /// Looks at every process: `ok`, `not ready`, `not heard`, `restarting`, `dead` or `stopped`.
    static func health(_ record: StackRecord) async -> [Row] {
        var rows: [Row] = []
        for entry in record.processes {
            var health =
                switch entry.state {
                case .ready: "ok"
                case .starting: "not ready"
                case .restarting: "restarting"
                case .stopped: "stopped"
                }
            if entry.state == .ready && entry.identity?.isAlive != true { health = "dead" }
            if health == "ok", entry.name.hasPrefix("orchestrator"), let port = entry.port {
                let status = await HTTPStatus.get(host: "127.0.0.1", port: port, path: "/health/ready")
                if status != 200 { health = "not ready" }
            }
            if health == "ok", let end = entry.name.range(of: "-agent"), let pid = entry.pid {
                let type = String(entry.name[..<end.lowerBound])
                let age = AgentHealth.age(directory: record.dataDirectory + "/run", agentType: type, pid: pid)
                if age.map({ $0 > AgentHealth.maxAge }) ?? true { health = "not heard" }
            }
            rows.append(Row(entry: entry, health: health))
        }
        return rows
    }

    private static func document(_ record: StackRecord, _ rows: [Row]) -> JSONValue {
        let processes = rows.map { row -> JSONValue in
            var object: JSONObject = ["name": .string(row.entry.name), "health": .string(row.health)]
            object["pid"] = row.entry.pid.map { .integer(Int64($0)) } ?? .null
            object["port"] = row.entry.port.map { .integer(Int64($0)) } ?? .null
            object["restarts"] = .integer(Int64(row.entry.restarts))
            object["last_exit"] = row.entry.lastExit.map { .string($0) } ?? .null
            object["log"] = .string(row.entry.log)
            return .object(object)
        }
        var object: JSONObject = [
            "state": .string(record.isSupervised ? record.state.rawValue : "unsupervised"),
            "url": record.url.map { .string($0) } ?? .null, "data_dir": .string(record.dataDirectory),
            "supervisor_pid": .integer(Int64(record.supervisor.pid)), "started_at": .string(record.startedAt),
        ]
        object["namespace"] = record.namespace.map { .string($0) } ?? .null
        object["processes"] = .array(processes)
        return .object(object)
    }

    private func show(_ record: StackRecord, _ rows: [Row]) {
        let terminal = Terminal.current()
        let state = record.isSupervised ? record.state.rawValue : "running without its supervisor"
        Output.line("\(terminal.paint(record.url ?? "no orchestrator", .bold))  \(state), since \(record.startedAt)")
        let cells = rows.map { row in
            [
                row.entry.name, row.health, row.entry.pid.map(String.init) ?? "-",
                row.entry.port.map(String.init) ?? "-",
                row.entry.restarts > 0 ? "restarted \(row.entry.restarts)×, last: \(row.entry.lastExit ?? "?")" : "",
            ]
        }
        for line in Formatting.table(["PROCESS", "HEALTH", "PID", "PORT", ""], cells) { Output.line(line) }
        Output.line("logs in \(record.dataDirectory)/logs")
        if !record.isSupervised {
            Output.line("next: `\(CommandName.current) down`, then `\(CommandName.current) up --detach`")
        }
    }
}

/// `baton env`.
struct EnvCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "env", abstract: "Print the stack's URLs for the shell: eval \"$(baton env)\".",
        discussion: "The output contains passwords and a token.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let directory = options.dataDirectoryPath
        guard let record = StackRecord.load(from: directory), record.isSupervised else {
            throw CommandError(
                .unavailable, "no stack runs in \(directory)", hint: "`\(CommandName.current) up --detach` starts one")
        }
        let values = record.clientEnvironment.sorted { $0.key < $1.key }
        if options.json {
            let object = JSONObject(values.map { (key: $0.key, value: JSONValue.string($0.value)) })
            Output.line(JSONValue.object(object).prettyPrinted())
        } else {
            for (name, value) in values { Output.line("export \(name)=\(Formatting.shellWord(value))") }
        }
        return .ok
    }
}

/// `baton version`.
struct VersionCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        if options.json {
            Output.line(JSONValue.object(["version": .string(BatonVersion.current)]).prettyPrinted())
        } else {
            Output.line("baton \(BatonVersion.current)")
        }
        return .ok
    }
}
