import ArgumentParser
import Foundation
import JSONTools

/// Options that every command takes.
struct GlobalOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @Option(
        name: .long,
        help: ArgumentHelp("The data directory of the stack (BATON_DATA_DIR, default .baton).", valueName: "directory"))
    var dataDir: String?

    @Option(
        name: .long, help: ArgumentHelp("The API to talk to (BATON_URL, default: that of the stack).", valueName: "url")
    )
    var url: String?

    /// The data directory, absolute.
    var dataDirectoryPath: String {
        let given = ProcessInfo.processInfo.environment["BATON_DATA_DIR"] ?? ""
        let path = dataDir ?? (given.isEmpty ? ".baton" : given)
        return URL(fileURLWithPath: path).standardized.path
    }

    /// A client for the stack.
    func client() throws(CommandError) -> APIClient { APIClient(try Connection.resolve(self)) }
}

/// A command of ours: its `perform` throws errors for people, which are printed with the next command to try.
protocol BatonSubcommand: AsyncParsableCommand {
    var options: GlobalOptions { get }

    /// Does the work.
    ///
    /// - Returns: what the process exits with.
    mutating func perform() async throws(CommandError) -> ExitStatus
}

extension BatonSubcommand {
    mutating func run() async throws {
        do {
            let status = try await perform()
            if status != .ok { throw ExitCode(status.rawValue) }
        } catch let error as CommandError {
            ErrorReport.print(error, asJSON: options.json)
            throw ExitCode(error.status.rawValue)
        }
    }
}

/// How an error is shown.
enum ErrorReport {
    static func print(_ error: CommandError, asJSON: Bool) {
        if asJSON {
            var object: JSONObject = [
                "error": .string(error.message), "exit_status": .integer(Int64(error.status.rawValue)),
            ]
            if !error.details.isEmpty { object["details"] = .array(error.details.map { .string($0) }) }
            if let hint = error.hint { object["next"] = .string(hint) }
            Output.error(JSONValue.object(object).prettyPrinted())
            return
        }
        Output.error("error: \(error.message)")
        for line in error.details { Output.error("  | \(line)") }
        let help =
            "`\(CommandName.current) help` lists the commands, `\(CommandName.current) doctor` checks the machine"
        Output.error("next: \(error.hint ?? help)")
    }
}
