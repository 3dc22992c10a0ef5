import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton templates`: what projects are made from. Needs no stack: the scaffold agent is asked directly.
struct TemplatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "templates", abstract: "List and show the templates of projects, and make a project from one.",
        subcommands: [TemplatesListCommand.self, TemplatesShowCommand.self, TemplatesRenderCommand.self],
        defaultSubcommand: TemplatesListCommand.self)
}

/// `baton templates list`.
struct TemplatesListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the templates.")

    @Option(name: .long, help: "Templates of your own: a folder or a git URL, maybe with #branch.")
    var template: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let stacks = try await TemplateStack.all(template)
        if options.json {
            Output.line(JSONValue.object(["items": .array(stacks.map(\.json))]).prettyPrinted())
            return .ok
        }
        let rows = stacks.flatMap { stack in
            stack.features.map { ["\(stack.name)/\($0.name)", $0.storesEntities ? "yes" : "", $0.summary] }
        }
        for line in Formatting.table(["TEMPLATE", "ENTITIES", "MAKES"], rows) { Output.line(line) }
        return .ok
    }
}

/// `baton templates show`.
struct TemplatesShowCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a stack: its features, its options, and the words that choose it.")

    @Argument(help: "The stack, such as node-web.")
    var stack: String

    @Option(name: .long, help: "Templates of your own: a folder or a git URL, maybe with #branch.")
    var template: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let found = try TemplateStack.named(stack, in: try await TemplateStack.all(template))
        if options.json {
            Output.line(found.json.prettyPrinted())
            return .ok
        }
        Output.line("\(found.name): \(found.title)")
        Output.line("  words     \(found.keywords.joined(separator: ", "))")
        for feature in found.features {
            Output.line("  feature   \(feature.name): \(feature.summary)\(feature.storesEntities ? " (entities)" : "")")
        }
        for option in found.options {
            Output.line("  option    \(option.name) (default \(option.standard)): \(option.description)")
        }
        Output.line("Try: \(CommandName.current) templates render \(found.name) FOLDER")
        return .ok
    }
}

/// `baton templates render`.
struct TemplatesRenderCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "Make a project from a template, without a stack and without its checks.")

    @Argument(help: "The stack, such as node-web.")
    var stack: String

    @Argument(help: "The folder that it is made in; it must not be there yet.")
    var folder: String

    @Option(name: .long, help: "The project's name; the folder's if it is left out.")
    var name: String?

    @Option(name: [.customShort("r"), .long], help: "What is wanted, in words; @FILE reads them from a file.")
    var requirements: String?

    @Option(
        name: [.customShort("i"), .long],
        help: "Input as of `run`, several times: KEY=VALUE or @FILE, such as entities or options.")
    var input: [String] = []

    @Option(name: .long, help: "Templates of your own: a folder or a git URL, maybe with #branch.")
    var template: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let target = URL(fileURLWithPath: folder).standardized.path
        guard !FileManager.default.fileExists(atPath: target) else {
            throw CommandError(.dataError, "\(target) is there already", hint: "name a folder that isn't")
        }
        var data = try InputArgument.merge(input)
        data["stack"] = .string(stack)
        if let template { data["template"] = .string(TemplateStack.location(template)) }
        let wanted: JSONValue =
            try requirements.map { text throws(CommandError) in
                .string(try InputArgument.text(text))
            } ?? .null
        let context: JSONObject = [
            "workflow_type": "app", "input": .object(data), "requirements": wanted,
            "workflow_name": .string(name ?? target.split(separator: "/").last.map(String.init) ?? "project"),
        ]
        let agent = try ScaffoldAgentRun()
        defer { agent.remove() }
        let repository = agent.directory + "/project.git"
        var commit: JSONValue = .null
        var summary = ""
        var warnings: [String] = []
        for action in ["initialization", "scaffolding"] {
            let workspace: JSONObject = ["mode": "write", "url": .string("file:" + repository), "commit": commit]
            let result = try await agent.run([
                "action": .string(action), "workflow_context": .object(context), "workspace": .object(workspace),
            ])
            commit = result["commit"] ?? .null
            summary = result["output"]?["summary"]?.stringValue ?? ""
            warnings += result["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
        }
        try await check(out: commit.stringValue ?? "", of: repository, to: target)
        if options.json {
            Output.line(
                JSONValue.object([
                    "folder": .string(target), "summary": .string(summary),
                    "warnings": .array(warnings.map { .string($0) }),
                ]).prettyPrinted())
            return .ok
        }
        for warning in warnings { Output.line("warning: \(Formatting.clean(warning))") }
        Output.line("\(Formatting.clean(summary)) in \(target)")
        return .ok
    }

    /// A repository of its own with the commit as its branch main.
    private func check(out commit: String, of repository: String, to target: String) async throws(CommandError) {
        for arguments in [
            ["clone", "--quiet", "--no-checkout", "--", repository, target],
            ["-C", target, "checkout", "--quiet", "-B", "main", commit], ["-C", target, "remote", "remove", "origin"],
        ] {
            do {
                _ = try await ShortCommand("git", arguments).runChecked()
            } catch {
                throw CommandError(.software, error.message, details: error.logTail)
            }
        }
    }
}

/// A stack as the scaffold agent describes it.
struct TemplateStack: Sendable {
    struct Feature: Sendable {
        var name: String
        var summary: String
        var storesEntities: Bool
    }

    struct Choice: Sendable {
        var name: String
        var standard: String
        var description: String
    }

    var json: JSONValue
    var name: String
    var title: String
    var keywords: [String]
    var features: [Feature]
    var options: [Choice]

    init?(json: JSONValue) {
        guard let name = json["stack"]?.stringValue else { return nil }
        self.json = json
        self.name = Formatting.clean(name)
        title = Formatting.clean(json["title"]?.stringValue ?? "")
        keywords = (json["keywords"]?.arrayValue ?? []).compactMap { $0.stringValue.map(Formatting.clean) }
        features = (json["features"]?.arrayValue ?? []).map { feature in
            Feature(
                name: Formatting.clean(feature["feature"]?.stringValue ?? ""),
                summary: Formatting.clean(feature["summary"]?.stringValue ?? ""),
                storesEntities: feature["stores_entities"]?.boolValue ?? false)
        }
        options = (json["options"]?.objectValue ?? [:]).map { name, schema in
            Choice(
                name: Formatting.clean(name), standard: Formatting.clean(schema["default"]?.description ?? "none"),
                description: Formatting.clean(schema["description"]?.stringValue ?? ""))
        }
    }

    /// The stacks there are, in their order of preference.
    ///
    /// - Parameter template: templates of one's own; nil for Baton's.
    static func all(_ template: String?) async throws(CommandError) -> [TemplateStack] {
        let agent = try ScaffoldAgentRun()
        defer { agent.remove() }
        let payload: JSONObject = template.map { ["template": .string(location($0))] } ?? [:]
        let result = try await agent.run(["action": "templates", "payload": .object(payload)])
        return (result["output"]?["templates"]?.arrayValue ?? []).compactMap(TemplateStack.init(json:))
    }

    /// - Throws: `.notFound`, with the nearest name there is.
    static func named(_ name: String, in stacks: [TemplateStack]) throws(CommandError) -> TemplateStack {
        if let stack = stacks.first(where: { $0.name == name }) { return stack }
        let nearest = closestMatch(name, in: stacks.map(\.name)).map { "; did you mean \($0)?" } ?? ""
        throw CommandError(
            .notFound, "there is no stack \"\(name)\"\(nearest)",
            hint: "`\(CommandName.current) templates` lists them")
    }

    /// A folder as an absolute path; a URL as it is.
    static func location(_ text: String) -> String {
        text.contains("://") || text.hasPrefix("git@") ? text : URL(fileURLWithPath: text).standardized.path
    }
}

/// Tasks for the scaffold agent without Redis and orchestrator, in a temporary data directory.
struct ScaffoldAgentRun: Sendable {
    /// Absolute path.
    let directory: String
    private let program: String

    init() throws(CommandError) {
        let bin = Programs.binDirectory()
        guard let program = Programs.find(bin + "/scaffold-agent") else {
            throw CommandError(
                .unavailable, "scaffold-agent is not in \(bin)",
                hint: "build it, or set BATON_BIN_DIR to where the executables are")
        }
        self.program = program
        let folder = FileManager.default.temporaryDirectory.appending(path: "baton-templates-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandError(.software, "a temporary directory can't be made: \(error.localizedDescription)")
        }
        directory = folder.path
    }

    /// Deletes what the tasks left.
    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// Runs a task to its end.
    ///
    /// - Returns: its result.
    /// - Throws: `.dataError` with the task's own words when it fails.
    func run(_ task: JSONObject) async throws(CommandError) -> JSONValue {
        let file = directory + "/task.json"
        guard FileManager.default.createFile(atPath: file, contents: Data(JSONValue.object(task).encoded())) else {
            throw CommandError(.software, "\(file) can't be written")
        }
        var environment = Programs.callerEnvironment
        environment["BATON_DATA_DIR"] = directory
        if let share = Programs.shareDirectory(binDirectory: Programs.binDirectory()) {
            environment["BATON_SHARE_DIR"] = share
        }
        let outcome: ShortCommand.Outcome
        do {
            outcome = try await ShortCommand(
                program, ["--task", file], environment: environment, timeout: .seconds(300)
            ).run()
        } catch {
            throw CommandError(.software, error.message, details: error.logTail)
        }
        guard let result = try? JSONValue(parsing: Array(outcome.output.utf8), limits: JSONLimits(maxBytes: 4 << 20))
        else {
            let lines = outcome.errors.split(separator: "\n").suffix(5).map { Formatting.clean(String($0)) }
            throw CommandError(.software, "scaffold-agent gave no result", details: lines)
        }
        guard result["status"] == "success" else {
            let messages = (result["errors"]?.arrayValue ?? []).compactMap { $0["message"]?.stringValue }
            throw CommandError(.dataError, Formatting.clean(messages.first ?? "scaffold-agent failed"))
        }
        return result
    }
}
