import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton apps rollback`.
struct AppsRollbackCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Bring a release of a deployed app back that served before.",
        discussion: """
            The deployment agent does it, as it does for a workflow: the release is tried beside the one that serves, takes \
            its place, and if it doesn't become healthy, what served before comes back. Exits with 1 then.
            """)

    @Argument(help: "The app.")
    var name: String

    @Argument(help: "The release, as `apps history` lists it; without one the last that served before the present.")
    var release: String?

    @Option(
        name: .long,
        help: ArgumentHelp("How long the app may take until it is healthy, 1 to 600.", valueName: "seconds"))
    var healthTimeout = 30

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard (1...600).contains(healthTimeout) else {
            throw ValidationError("--health-timeout takes 1 to 600 seconds.")
        }
    }

    func perform() async throws(CommandError) -> ExitStatus {
        let app = try DeployedApp.named(name, in: options.dataDirectoryPath)
        var payload: JSONObject = [
            "name": .string(app.folder), "health_timeout_seconds": .integer(Int64(healthTimeout)),
        ]
        if let release { payload["to"] = .string(release) }
        let output: JSONValue
        do {
            output = try await DeploymentAgent(dataDirectory: options.dataDirectoryPath).run("rollback", payload)
        } catch {
            var error = error
            let history = "\(CommandName.current) apps history \(Formatting.shellWord(app.name))"
            error.hint = error.hint ?? "`\(history)` lists the releases and how each went"
            throw error
        }
        if options.json {
            Output.line(output.prettyPrinted())
        } else {
            let back = Formatting.clean(output["release"]?.stringValue ?? "")
            Output.line("\(app.name) is back at \(back): \(Formatting.clean(output["summary"]?.stringValue ?? "")).")
        }
        return .ok
    }
}

/// The deployment agent's program, for one task without a workflow.
struct DeploymentAgent {
    /// An action may take so long, in seconds; longer than any that ends by itself.
    static let limit = 1800

    let dataDirectory: String

    /// Runs an action to its end.
    ///
    /// - Returns: the action's output.
    /// - Throws: what the action says went wrong: `.notFound` for what isn't there, `.temporary` for what another try may
    ///   mend, otherwise `.failed`.
    func run(_ action: String, _ payload: JSONObject) async throws(CommandError) -> JSONValue {
        let task: JSONValue = [
            "action": .string(action), "payload": .object(payload),
            "constraints": ["timeout_ms": .integer(Int64(Self.limit * 1000))],
        ]
        let file = FileManager.default.temporaryDirectory.appending(path: "baton-task-\(UUID().uuidString)").path
        guard FileManager.default.createFile(atPath: file, contents: Data(task.encoded())) else {
            throw CommandError(.noPermission, "cannot write \(file)")
        }
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try await run(file: file)
    }

    /// Runs the task of a file.
    func run(file: String) async throws(CommandError) -> JSONValue {
        let bin = Programs.binDirectory()
        var environment = ProcessInfo.processInfo.environment
        environment["BATON_DATA_DIR"] = dataDirectory
        environment["BATON_SHARE_DIR"] = Programs.shareDirectory(binDirectory: bin)
        // Node and Python tools are where the stack has them.
        if (environment["BATON_PYTHON"] ?? "").isEmpty {
            environment["BATON_PYTHON"] = StackRecord.load(from: dataDirectory)?.python
        }
        let outcome: ShortCommand.Outcome
        do {
            outcome = try await ShortCommand(
                bin + "/deployment-agent", ["--task", file], environment: environment,
                timeout: .seconds(Self.limit + 60)
            ).run()
        } catch {
            throw CommandError(error)
        }
        guard let result = try? JSONValue(parsing: outcome.output), let status = result["status"]?.stringValue else {
            let lines = outcome.errors.split(whereSeparator: \.isNewline).suffix(10)
            throw CommandError(
                .software, "the deployment agent ended with \(outcome.status) and without a result",
                details: lines.map { Formatting.clean(String($0)) }, hint: "`\(CommandName.current) doctor`")
        }
        guard status != "success" else { return result["output"] ?? .object([:]) }
        throw Self.error(result)
    }

    /// What a result that isn't a success means.
    private static func error(_ result: JSONValue) -> CommandError {
        let fault = result["errors"]?[0]
        let code = fault?["code"]?.stringValue ?? "CANCELLED"
        let lines = (fault?["message"]?.stringValue ?? "the action was stopped").split(whereSeparator: \.isNewline)
            .map { Formatting.clean(String($0)) }
        let status: ExitStatus =
            switch code {
            case "NO_EARLIER_RELEASE", "NOT_DEPLOYED": .notFound
            case _ where fault?["retryable"]?.boolValue == true: .temporary
            default: .failed
            }
        return CommandError(
            status, "\(Formatting.clean(code)): \(lines.first ?? "")", details: Array(lines.dropFirst()))
    }

    // MARK: After a reboot

    /// Starts again what was deployed and doesn't run, once.
    ///
    /// - Returns: what is to be said about it; nil if nothing was down, or if nothing was ever deployed.
    func restore() async -> String? {
        let file = dataDirectory + "/deployments/restore.json"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            let output = try await run(file: file)
            let started = (output["started"]?.arrayValue ?? []).compactMap(\.stringValue).map(Formatting.clean)
            return started.isEmpty ? nil : "✔ deployed apps are started again: \(started.joined(separator: ", "))"
        } catch {
            let details = error.details.isEmpty ? "" : " (\(error.details.joined(separator: "; ")))"
            return "✘ deployed apps can't be started again: \(error.message)\(details)"
        }
    }
}
