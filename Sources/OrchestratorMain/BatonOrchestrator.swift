import ArgumentParser
import Glibc

/// `baton-orchestrator`: parse, wire, run.
@main
struct BatonOrchestrator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baton-orchestrator",
        abstract: "Owns the workflows: takes results, advances, watches; serves REST.",
        discussion: """
            Configured by environment: BATON_DATABASE_URL, BATON_REDIS_URL, BATON_HOST (127.0.0.1), BATON_PORT (3000), \
            BATON_DATA_DIR (.baton), BATON_SHARE_DIR, BATON_NAMESPACE, BATON_LOG_LEVEL (info), BATON_LOG_FORMAT \
            (text, json). Exit status: 0 stopped in good order, 69 a port or server can't be used, 78 bad configuration.
            """,
        subcommands: [ServeCommand.self, MigrateCommand.self, ValidateCommand.self, VersionCommand.self],
        defaultSubcommand: ServeCommand.self)

    static func main() async {
        // A peer that closes its connection is an error of that connection, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as StartFailure {
            report(failure.description)
            exit(withError: ExitCode(failure.status))
        } catch {
            exit(withError: error)
        }
    }

    private static func report(_ text: String) {
        let line = "baton-orchestrator: \(text)\n"
        line.withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    }
}

/// Why the orchestrator could not begin.
struct StartFailure: Error, CustomStringConvertible {
    /// As in sysexits(3): 69 unavailable, 78 configuration.
    var status: Int32
    var description: String

    static func configuration(_ text: String) -> StartFailure { StartFailure(status: 78, description: text) }

    static func unavailable(_ text: String) -> StartFailure { StartFailure(status: 69, description: text) }
}
