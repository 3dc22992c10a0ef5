import ArgumentParser
import Foundation
import JSONTools

/// `baton run`.
struct RunCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a workflow and follow it to its end.",
        discussion: """
            TYPE is the name of a definition (`baton definitions` lists them), NAME is yours. Ctrl-C stops the following, \
            not the workflow. Exits with 0 if it completed, 1 if it failed, 2 if it was cancelled.
            """)

    @Argument(help: "The type, such as app.")
    var type: String

    @Argument(help: "The name, such as calculator-app.")
    var name: String

    @Option(name: [.customShort("r"), .long], help: "What is wanted, in words; @FILE reads them from a file.")
    var requirements: String?

    @Option(
        name: [.customShort("i"), .long],
        help: ArgumentHelp(
            "Input of the workflow, several times: KEY=VALUE (VALUE as JSON if it is JSON) or @FILE with a JSON object.",
            valueName: "input"))
    var input: [String] = []

    @Option(name: [.customShort("p"), .long], help: "The priority: low, medium, high or critical.")
    var priority: String?

    @Option(name: .long, help: "A longer description.")
    var description: String?

    @Option(name: .long, help: ArgumentHelp("Creates the workflow only once for the same key.", valueName: "key"))
    var idempotencyKey: String?

    @Flag(name: [.customShort("d"), .long], help: "Create the workflow and return.")
    var detach = false

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let created: WorkflowView
        do {
            created = WorkflowView(try await client.post("/workflows", .object(try requestBody())))
        } catch {
            var error = error
            if error.status == .dataError && error.hint == nil {
                error.hint =
                    "`\(CommandName.current) definitions` lists the types, `\(CommandName.current) run --help` the options"
            }
            throw error
        }
        if detach {
            if options.json {
                Output.line(created.json.prettyPrinted())
            } else {
                Output.line("Created \(created.name) \(created.id).")
                Output.line("next: `\(CommandName.current) watch \(created.id)`")
            }
            return .ok
        }
        return try await FollowToEnd(client: client, asJSON: options.json).run(created)
    }

    /// The body of `POST /workflows`.
    func requestBody() throws(CommandError) -> JSONObject {
        var body: JSONObject = ["type": .string(type), "name": .string(name)]
        if let requirements { body["requirements"] = .string(try InputArgument.text(requirements)) }
        if let description { body["description"] = .string(description) }
        if let priority { body["priority"] = .string(priority) }
        if let idempotencyKey { body["idempotency_key"] = .string(idempotencyKey) }
        let data = try InputArgument.merge(input)
        if !data.isEmpty { body["input_data"] = .object(data) }
        return body
    }
}

/// Reads the values of `--input` and `--requirements`.
enum InputArgument {
    /// The largest file that is read, in bytes.
    static let maxFileBytes = 1 << 20

    /// The text itself, or of the file after an `@`.
    static func text(_ argument: String) throws(CommandError) -> String {
        guard argument.hasPrefix("@") else { return argument }
        return String(decoding: try file(String(argument.dropFirst())), as: UTF8.self)
    }

    /// Merges `KEY=VALUE` and `@FILE` in their order; a later one wins. `a.b=1` sets a member of a member.
    static func merge(_ arguments: [String]) throws(CommandError) -> JSONObject {
        var result: JSONObject = [:]
        for argument in arguments {
            if argument.hasPrefix("@") {
                let path = String(argument.dropFirst())
                let json: JSONValue
                do { json = try JSONValue(parsing: try file(path), limits: JSONLimits(maxBytes: maxFileBytes)) } catch {
                    throw error as? CommandError ?? CommandError(.dataError, "\(path) is not JSON: \(error)")
                }
                guard let object = json.objectValue else {
                    throw CommandError(.dataError, "\(path) holds \(json.kindName); a JSON object is expected")
                }
                for (key, value) in object { result[key] = value }
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw CommandError(
                    .usage, "--input \(argument) is neither KEY=VALUE nor @FILE",
                    hint: "`\(CommandName.current) run --help`")
            }
            let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            set(&result, path[...], value(String(parts[1])))
        }
        return result
    }

    /// JSON if it is JSON (`3`, `true`, `["a"]`), otherwise the text.
    static func value(_ text: String) -> JSONValue { (try? JSONValue(parsing: text)) ?? .string(text) }

    private static func set(_ object: inout JSONObject, _ path: ArraySlice<String>, _ value: JSONValue) {
        guard let key = path.first else { return }
        if path.count == 1 {
            object[key] = value
        } else {
            var inner = object[key]?.objectValue ?? [:]
            set(&inner, path.dropFirst(), value)
            object[key] = .object(inner)
        }
    }

    private static func file(_ path: String) throws(CommandError) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path),
            let data = try? handle.read(upToCount: maxFileBytes + 1)
        else { throw CommandError(.notFound, "cannot read \(path)") }
        guard data.count <= maxFileBytes else { throw CommandError(.dataError, "\(path) is larger than 1 MiB") }
        return Array(data)
    }
}

/// Follows a workflow, prints how it ended, and tells the exit status.
struct FollowToEnd {
    let client: APIClient
    var asJSON = false

    func run(_ workflow: WorkflowView) async throws(CommandError) -> ExitStatus {
        let terminal = Terminal.current()
        let follower = WorkflowFollower(client: client, terminal: terminal, isSilent: asJSON)
        guard let ended = try await follower.follow(workflow) else {
            Output.error("")
            Output.error("\(workflow.name) goes on without you:")
            Output.error("  \(CommandName.current) watch \(workflow.id)   to see it again")
            Output.error("  \(CommandName.current) cancel \(workflow.id)  to end it")
            Output.error("  \(CommandName.current) down  to stop the stack")
            return .interrupted
        }
        if asJSON {
            Output.line(ended.json.prettyPrinted())
        } else {
            await RunReport(client: client, terminal: terminal).print(ended)
        }
        return ended.exitStatus
    }
}
