import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton apps`.
struct AppsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apps", abstract: "List, stop, inspect and roll back what was deployed on this machine.",
        subcommands: [
            AppsListCommand.self, AppsStopCommand.self, AppsLogsCommand.self, AppsHistoryCommand.self,
            AppsRollbackCommand.self,
        ],
        defaultSubcommand: AppsListCommand.self)
}

/// `baton apps list`.
struct AppsListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List deployed apps.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let apps = DeployedApp.all(in: options.dataDirectoryPath)
        if options.json {
            Output.line(JSONValue.object(["items": .array(apps.map(\.document))]).prettyPrinted())
            return .ok
        }
        let rows = apps.map { app in
            [
                app.name, app.status + (app.restarts > 0 ? ", restarted \(app.restarts)×" : ""), app.url,
                app.isElsewhere ? app.target : app.process.map { "\($0.pid)" } ?? "-", String(app.commit.prefix(10)),
            ]
        }
        guard !rows.isEmpty else {
            Output.line("No app is deployed in \(options.dataDirectoryPath).")
            return .ok
        }
        for line in Formatting.table(["APP", "STATUS", "URL", "PID", "COMMIT"], rows) { Output.line(line) }
        for app in apps where app.status == "crashed" {
            Output.line("\(app.name) crashed: `\(CommandName.current) apps logs \(Formatting.shellWord(app.name))`")
        }
        return .ok
    }
}

/// `baton apps stop`.
struct AppsStopCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "Stop deployed apps.")

    @Argument(help: "The apps.")
    var names: [String] = []

    @Flag(name: .long, help: "All of them.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard all != !names.isEmpty else { throw ValidationError("Name the apps to stop, or say --all.") }
    }

    func perform() async throws(CommandError) -> ExitStatus {
        let directory = options.dataDirectoryPath
        var apps = all ? DeployedApp.all(in: directory) : []
        for name in names { apps.append(try DeployedApp.named(name, in: directory)) }
        var stopped: [JSONValue] = []
        // What runs elsewhere is stopped only by name: others may rely on it.
        let spared = all ? apps.filter(\.isElsewhere) : []
        if all { apps.removeAll(where: \.isElsewhere) }
        let agent = DeploymentAgent(dataDirectory: directory)
        for app in apps {
            let wasRunning = try await app.stop(agent)
            if wasRunning { stopped.append(.string(app.name)) }
            if !options.json { Output.line(wasRunning ? "\(app.name) is stopped." : "\(app.name) was not running.") }
        }
        if options.json { Output.line(JSONValue.object(["stopped": .array(stopped)]).prettyPrinted()) }
        for app in spared where app.isRunning && !options.json {
            Output.line(
                "\(app.name) goes on: it runs by \(app.target). "
                    + "`\(CommandName.current) apps stop \(Formatting.shellWord(app.name))` stops it.")
        }
        return .ok
    }
}

/// `baton apps logs`.
struct AppsLogsCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print what a deployed app wrote.")

    @Argument(help: "The app.")
    var name: String

    @Option(name: [.customShort("n"), .long], help: "How many of the last lines.")
    var tail = 100

    @Flag(name: [.customShort("f"), .long], help: "Go on printing until Ctrl-C.")
    var follow = false

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let app = try DeployedApp.named(name, in: options.dataDirectoryPath)
        if app.isElsewhere {
            throw CommandError(
                .unavailable, "\(app.name) runs by \(app.target), which has its log",
                hint: "`\(CommandName.current) apps history \(Formatting.shellWord(app.name))` lists its releases")
        }
        let lines = LogTail.lines(of: app.log, count: max(tail, 0))
        if options.json && !follow {
            let texts = lines.map { JSONValue.string(Formatting.clean($0)) }
            Output.line(JSONValue.object(["log": .string(app.log), "lines": .array(texts)]).prettyPrinted())
            return .ok
        }
        for line in lines { Output.line(Formatting.clean(line)) }
        guard follow else { return .ok }
        var follower = FileFollower(path: app.log)
        while true {
            for line in follower.newLines() { Output.line(Formatting.clean(line)) }
            try? await Task.sleep(for: .milliseconds(300))
        }
    }
}

/// `baton apps history`.
struct AppsHistoryCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the releases of a deployed app, the newest first.")

    @Argument(help: "The app.")
    var name: String

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let app = try DeployedApp.named(name, in: options.dataDirectoryPath)
        let current = app.release
        if options.json {
            Output.line(
                JSONValue.object([
                    "name": .string(app.name), "current": current.map { .string($0) } ?? .null,
                    "items": .array(app.history.reversed()),
                ]).prettyPrinted())
            return .ok
        }
        var isFirst = true
        let rows = app.history.reversed().map { entry in
            let release = entry["release"]?.stringValue ?? "?"
            let isCurrent = isFirst && release == current
            if isCurrent { isFirst = false }
            return [
                release, isCurrent ? "current" : "", entry["outcome"]?.stringValue ?? "",
                entry["at"]?.stringValue ?? "",
                entry["workflow_id"]?.stringValue ?? "",
            ].map(Formatting.clean)
        }
        for line in Formatting.table(["RELEASE", "", "OUTCOME", "AT", "WORKFLOW"], rows) { Output.line(line) }
        return .ok
    }
}

/// Reads the lines that are appended to a file, from its present end on.
struct FileFollower {
    private let path: String
    private var offset: UInt64
    private var rest: [UInt8] = []

    init(path: String) {
        self.path = path
        offset = FileFollower.size(of: path)
    }

    /// The lines that were completed since the last call. A file that shrank (was rotated) is read from its beginning.
    mutating func newLines() -> [String] {
        if FileFollower.size(of: path) < offset { (offset, rest) = (0, []) }
        guard let handle = FileHandle(forReadingAtPath: path), (try? handle.seek(toOffset: offset)) != nil,
            let data = try? handle.readToEnd()
        else { return [] }
        offset += UInt64(data.count)
        rest += Array(data)
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let lines = rest[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        defer { rest.removeSubrange(...end) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func size(of path: String) -> UInt64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
    }
}
