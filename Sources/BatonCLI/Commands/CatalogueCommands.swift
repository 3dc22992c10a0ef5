import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton definitions`.
struct DefinitionsCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "definitions", abstract: "List the workflow types, show one, or keep one from a file.")

    @Argument(help: "The type to show.")
    var name: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep the definition in this file, as a new version of its type; takes an admin's token.",
            valueName: "file"))
    var add: String?

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        if let add { return try await keep(add, client) }
        if let name {
            guard
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3F && $0 != 0x23 && $0 != 0x25 })
            else { throw CommandError(.usage, "\"\(name)\" can't be the name of a definition") }
            let definition = try await client.get("/definitions/\(name)")
            if options.json { Output.line(definition.prettyPrinted()) } else { show(definition) }
            return .ok
        }
        let page = try await client.list("/definitions", pageSize: 100)
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let rows = page.items.map { item in
            [
                item["name"]?.stringValue ?? "", item["stage_count"]?.intValue.map(String.init) ?? "",
                item["description"]?.stringValue?.split(separator: "\n").first.map(String.init) ?? "",
            ].map(Formatting.clean)
        }
        for line in Formatting.table(["NAME", "STAGES", "DESCRIPTION"], rows) { Output.line(line) }
        return .ok
    }

    private func keep(_ file: String, _ client: APIClient) async throws(CommandError) -> ExitStatus {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandError(.notFound, "cannot read \(file)")
        }
        let kept = try await client.post("/definitions", bytes: Array(data), contentType: "application/yaml")
        if options.json {
            Output.line(kept.prettyPrinted())
        } else {
            let (name, version) = (kept["name"]?.stringValue ?? "", kept["version"]?.intValue ?? 0)
            Output.line("\(name) is kept as version \(version).")
            Output.line("next: `\(CommandName.current) run \(name) NAME`")
        }
        return .ok
    }

    private func show(_ definition: JSONValue) {
        Output.line("\(definition["name"]?.stringValue ?? "")  \(definition["description"]?.stringValue ?? "")")
        let rows = (definition["stages"]?.arrayValue ?? []).map { stage in
            [
                stage["name"]?.stringValue ?? "", stage["agent"]?.stringValue ?? "", stage["action"]?.stringValue ?? "",
                stage["workspace"]?.stringValue ?? "",
                (stage["needs"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", "),
            ].map(Formatting.clean)
        }
        for line in Formatting.table(["STAGE", "AGENT", "ACTION", "WORKSPACE", "NEEDS"], rows) { Output.line(line) }
    }
}

/// `baton validate`.
struct ValidateCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check a definition file; exits with 65 if it has faults.",
        discussion: "Asks the running stack, or without one the orchestrator's program.")

    @Argument(help: "The file, YAML or JSON.")
    var file: String

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandError(.notFound, "cannot read \(file)")
        }
        guard let connection = try? Connection.resolve(options) else {
            return try await OrchestratorProgram.run(["validate", file], asJSON: options.json)
        }
        let isJSON = file.hasSuffix(".json")
        let answer = try await APIClient(connection).post(
            "/definitions/validate", bytes: Array(data),
            contentType: isJSON ? "application/json" : "application/yaml")
        let faults = answer["errors"]?.arrayValue ?? []
        let isValid = answer["valid"]?.boolValue ?? faults.isEmpty
        if options.json {
            Output.line(answer.prettyPrinted())
        } else if isValid {
            Output.line("\(file): \(answer["name"]?.stringValue ?? "the definition") is valid")
        } else {
            for fault in faults { Output.line(Formatting.clean(Self.line(of: fault, in: file))) }
        }
        return isValid ? .ok : .dataError
    }

    /// `file:line:column: message (pointer)`.
    static func line(of fault: JSONValue, in file: String) -> String {
        var place = file
        if let line = fault["line"]?.intValue {
            place += ":\(line)"
            if let column = fault["column"]?.intValue { place += ":\(column)" }
        }
        let message = fault["message"]?.stringValue ?? fault["detail"]?.stringValue ?? fault.description
        let pointer = fault["pointer"]?.stringValue ?? ""
        return "\(place): \(message)\(pointer.isEmpty ? "" : " (\(pointer))")"
    }
}

/// `baton migrate`.
struct MigrateCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database's schema up to date.",
        discussion:
            "Orchestrators do this by themselves when they start. Uses BATON_DATABASE_URL or the running stack's.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        var environment = ProcessInfo.processInfo.environment
        if (environment["BATON_DATABASE_URL"] ?? "").isEmpty {
            guard let record = StackRecord.load(from: options.dataDirectoryPath), record.isSupervised,
                let url = record.databaseURL
            else {
                throw CommandError(
                    .unavailable, "there is no database: no stack runs in \(options.dataDirectoryPath)",
                    hint: "set BATON_DATABASE_URL, or `\(CommandName.current) up --detach`")
            }
            environment["BATON_DATABASE_URL"] = url
            environment["BATON_REDIS_URL"] = record.redisURL
        }
        // The program checks all its settings, but a migration doesn't touch Redis.
        if (environment["BATON_REDIS_URL"] ?? "").isEmpty { environment["BATON_REDIS_URL"] = "redis://127.0.0.1:6379" }
        environment["BATON_DATA_DIR"] = options.dataDirectoryPath
        return try await OrchestratorProgram.run(["migrate"], environment: environment, asJSON: options.json)
    }
}

/// Commands that the orchestrator's program itself carries out.
enum OrchestratorProgram {
    /// Runs it to its end, passing on what it prints.
    ///
    /// - Parameter asJSON: whether that becomes a document: `ok`, and `lines` of what it printed.
    static func run(
        _ arguments: [String],
        environment: [String: String]? = nil,
        asJSON: Bool
    ) async throws(CommandError) -> ExitStatus {
        let path = Programs.binDirectory() + "/baton-orchestrator"
        let outcome: ShortCommand.Outcome
        do {
            outcome = try await ShortCommand(path, arguments, environment: environment, timeout: .seconds(600)).run()
        } catch {
            throw CommandError(error)
        }
        if asJSON {
            let lines = (outcome.output + outcome.errors).split(whereSeparator: \.isNewline)
            let document: JSONObject = [
                "ok": .bool(outcome.succeeded), "lines": .array(lines.map { .string(Formatting.clean(String($0))) }),
            ]
            Output.line(JSONValue.object(document).prettyPrinted())
        } else {
            Output.raw(outcome.output)
            if !outcome.errors.isEmpty { Output.error(outcome.errors.trimmingCharacters(in: .newlines)) }
        }
        return ExitStatus(rawValue: outcome.status) ?? .failed
    }
}
