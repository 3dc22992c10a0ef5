import ArgumentParser
import Foundation
import Glibc
import LocalStack

/// `baton up`.
struct UpCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start the stack: private Redis and PostgreSQL, the orchestrator and the agents.",
        discussion: """
            Runs in the foreground and starts again what dies; Ctrl-C stops it. With --detach it returns when everything \
            is ready and the stack stays up. Servers given by BATON_DATABASE_URL and BATON_REDIS_URL are used, not started.
            """)

    @OptionGroup var options: GlobalOptions

    @Flag(name: [.customShort("d"), .long], help: "Return when everything is ready; the stack stays up.")
    var detach = false

    @Flag(name: [.customShort("q"), .long], help: "Say nothing unless something is wrong or takes long.")
    var quiet = false

    @Option(name: .long, help: ArgumentHelp("The agents to start, by type, separated by commas.", valueName: "types"))
    var agents: String?

    @Option(name: .long, help: "How many orchestrators to start.")
    var orchestrators = 1

    func validate() throws {
        guard (0...16).contains(orchestrators) else { throw ValidationError("--orchestrators takes 0 to 16.") }
    }

    func perform() async throws(CommandError) -> ExitStatus {
        if let record = StackRecord.load(from: options.dataDirectoryPath), record.isSupervised,
            [.starting, .ready].contains(record.state)
        {
            return try await alreadyUp(record)
        }
        return detach ? try await startDetached() : try await runInForeground()
    }

    private func alreadyUp(_ record: StackRecord) async throws(CommandError) -> ExitStatus {
        if record.state == .starting { return try await waitForDetached(record.supervisor) }
        if let note = staleNote(record) { Output.error(note) }
        if options.json {
            try await StatusCommand.printJSON(record)
        } else if !quiet {
            Output.line("The stack is up already at \(record.url ?? "no URL").")
        }
        guard detach || quiet else {
            throw CommandError(
                .temporary, "a stack already runs in \(record.dataDirectory) (process \(record.supervisor.pid))",
                hint: "`\(CommandName.current) status` shows it, `\(CommandName.current) down` stops it")
        }
        return .ok
    }

    /// Executables that were built after the stack was started don't run yet; that surprises people.
    private func staleNote(_ record: StackRecord) -> String? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: record.binDirectory + "/baton-orchestrator")
        guard let built = attributes?[.modificationDate] as? Date,
            let started = try? Date(record.startedAt, strategy: .iso8601), built > started.addingTimeInterval(1)
        else { return nil }
        return "note: the executables are newer than the running stack; `\(CommandName.current) down` first to use them"
    }

    private func stackConfiguration() throws(CommandError) -> StackConfiguration {
        do {
            var configuration = try StackConfiguration(
                environment: ProcessInfo.processInfo.environment, dataDirectory: options.dataDirectoryPath)
            configuration.orchestrators = orchestrators
            if let agents {
                configuration.agents = agents.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            }
            return configuration
        } catch {
            throw CommandError(error)
        }
    }

    /// What is installed on the first start takes time: it is said once.
    private func announceInstallation(_ configuration: StackConfiguration) async {
        guard case .managed(let directory) = configuration.python, !options.json else { return }
        let environment = PythonEnvironment(directory: directory ?? configuration.dataDirectory + "/venv")
        let needsNode = await !PythonEnvironment.machineHasNode()
        guard !environment.isComplete(needsNode: needsNode) else { return }
        let what = needsNode ? "pytest, Playwright and Node" : "pytest and Playwright"
        Output.line("Installing \(what) into \(environment.directory) (about a minute, once).")
    }

    private func runInForeground() async throws(CommandError) -> ExitStatus {
        let configuration = try stackConfiguration()
        await announceInstallation(configuration)
        let (signals, heard) = AsyncStream.makeStream(of: Int32.self)
        let watch = SignalWatch([SIGINT, SIGTERM, SIGHUP]) { heard.yield($0) }
        defer { withExtendedLifetime(watch) {} }
        let isTalkative = !quiet
        let stack = LocalStack(configuration) { news in
            if let line = StackNewsText.line(news, verbose: isTalkative) { Output.line(line) }
        }
        let start = Task { () async -> StackError? in
            do throws(StackError) {
                try await stack.start()
                return nil
            } catch {
                return error
            }
        }
        // A signal while it starts ends the start, which cleans up behind itself.
        let stopper = Task { () async -> Bool in
            for await _ in signals {
                start.cancel()
                return true
            }
            return false
        }
        if let error = await start.value {
            heard.finish()
            guard await !stopper.value else { return .interrupted }
            throw CommandError(error)
        }
        if let url = await stack.url, isTalkative {
            Output.line("Baton is up at \(url). Ctrl-C stops it.")
        }
        let restoring = Task { [agent = DeploymentAgent(dataDirectory: configuration.dataDirectory)] in
            if let line = await agent.restore(), !Task.isCancelled { Output.line(line) }
        }
        _ = await stopper.value
        restoring.cancel()
        if isTalkative { Output.line("Stopping…") }
        await restoring.value
        await stack.stop()
        return .ok
    }

    private func startDetached() async throws(CommandError) -> ExitStatus {
        let directory = options.dataDirectoryPath
        let configuration = try stackConfiguration()  // what is wrong with the settings is said here, not in a log
        await announceInstallation(configuration)
        var arguments = ["up", "--data-dir", directory, "--orchestrators", "\(orchestrators)"]
        if let agents { arguments += ["--agents", agents] }
        let log = directory + "/logs/supervisor.log"
        do {
            try FileManager.default.createDirectory(
                atPath: directory + "/logs", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandError(.unavailable, "cannot create \(directory)/logs: \(error.localizedDescription)")
        }
        do {
            let supervisor = try await DetachedProcess.spawn(
                DaemonCommand(
                    executable: Programs.runningExecutable, arguments: arguments,
                    environment: ProcessInfo.processInfo.environment,
                    workingDirectory: FileManager.default.currentDirectoryPath, logFile: log))
            return try await waitForDetached(supervisor.identity)
        } catch let error as CommandError {
            throw error
        } catch let error as StackError {
            throw CommandError(error)
        } catch {
            throw CommandError(.software, "\(error)")
        }
    }

    /// Follows the supervisor's `stack.json` until everything is ready.
    private func waitForDetached(_ supervisor: ProcessIdentity) async throws(CommandError) -> ExitStatus {
        var progress = StartProgress(terminal: .current(), isSilent: options.json || quiet)
        let begun = ContinuousClock.now
        while true {
            let isAlive = supervisor.isAlive
            let record = StackRecord.load(from: options.dataDirectoryPath)
            if let record, record.supervisor == supervisor {
                progress.show(record, elapsed: .now - begun)
                switch record.state {
                case .ready:
                    progress.finish()
                    if options.json {
                        try await StatusCommand.printJSON(record)
                    } else if !quiet {
                        Output.line("Baton is up at \(record.url ?? "?"); `\(CommandName.current) down` stops it.")
                    }
                    return .ok
                case .failed, .stopped:
                    progress.finish()
                    throw failure(
                        record.message ?? "the stack was stopped while it started", details: record.logTail ?? [],
                        hint: record.hint)
                case .starting, .stopping:
                    break
                }
            }
            if !isAlive {
                progress.finish()
                throw failure(
                    "the supervisor of the stack ended while it started",
                    details: LogTail.lines(of: options.dataDirectoryPath + "/logs/supervisor.log", count: 15))
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func failure(_ message: String, details: [String], hint: String? = nil) -> CommandError {
        CommandError(
            .unavailable, message, details: details,
            hint: hint
                ?? "`\(CommandName.current) doctor` checks the machine; logs are in \(options.dataDirectoryPath)/logs")
    }
}

extension CommandError {
    /// An error of the stack, for a person.
    init(_ error: StackError) {
        let status: ExitStatus =
            switch error.code {
            case .alreadyRunning, .portBusy: .temporary
            case .missingProgram, .notReady, .commandFailed, .system: .unavailable
            case .badFile: .dataError
            case .unknownComponent: .notFound
            case .stopped: .interrupted
            }
        self.init(
            status, error.message, details: error.logTail,
            hint: error.hint ?? "`\(CommandName.current) doctor` checks the machine")
    }
}

/// The progress of a start, shown from `stack.json`: a line for each process that is ready, and on a terminal what is
/// being waited for.
struct StartProgress {
    private let terminal: Terminal
    private let isSilent: Bool
    private var live: LiveLine
    private var told: Set<String> = []

    init(terminal: Terminal, isSilent: Bool) {
        self.terminal = terminal
        self.isSilent = isSilent
        live = LiveLine(terminal)
    }

    mutating func show(_ record: StackRecord, elapsed: Duration) {
        if !isSilent {
            for entry in record.processes where entry.state == .ready && told.insert(entry.name).inserted {
                let port = entry.port.map { "port \($0)" } ?? ""
                live.print("  \(terminal.paint("✔", .green)) \(Formatting.pad(entry.name, to: 18)) \(port)")
            }
        }
        let waited = record.processes.filter { $0.state != .ready }.map(\.name)
        let what = waited.isEmpty ? "the Python environment" : waited.joined(separator: ", ")
        live.show(elapsed > LiveLine.patience ? "  … starting \(what), \(Formatting.duration(elapsed))" : nil)
    }

    mutating func finish() { live.show(nil) }
}

/// What a foreground stack says.
enum StackNewsText {
    static func line(_ news: StackNews, verbose: Bool) -> String? {
        switch news {
        case .died(let name, let reason, let pause):
            "✘ \(name) ended (\(reason)); it is started again in \(Formatting.duration(pause))"
        case .note(let text): "note: \(text)"
        case .ready(let name, let after): verbose ? "✔ \(name) is ready (\(Formatting.duration(after)))" : nil
        case .prepared(let what, let after) where after > LiveLine.patience:
            verbose ? "✔ \(what) (\(Formatting.duration(after)))" : nil
        case .stopped(let name): verbose ? "■ \(name) stopped" : nil
        case .preparing, .prepared, .started: nil
        }
    }
}
