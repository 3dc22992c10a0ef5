import ArgumentParser
import Foundation
import Glibc

/// `baton`.
@main
struct BatonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baton",
        abstract: "Carries a piece of software work through a delivery pipeline, stage by stage.",
        discussion: ExitStatus.help,
        version: BatonVersion.current,
        groupedSubcommands: [
            CommandGroup(
                name: "Stack",
                subcommands: [
                    UpCommand.self, DownCommand.self, StatusCommand.self, EnvCommand.self, DoctorCommand.self,
                    MigrateCommand.self, CompletionsCommand.self, VersionCommand.self,
                ]),
            CommandGroup(
                name: "Workflows",
                subcommands: [
                    RunCommand.self, ListCommand.self, ShowCommand.self, WatchCommand.self, LogsCommand.self,
                    ArtifactsCommand.self,
                ]),
            CommandGroup(
                name: "What people decide",
                subcommands: [
                    PauseCommand.self, ResumeCommand.self, AnswerCommand.self, ApproveCommand.self, RejectCommand.self,
                    RetryCommand.self, CancelCommand.self, DeadCommand.self,
                ]),
            CommandGroup(
                name: "What they use",
                subcommands: [
                    AppsCommand.self, AgentsCommand.self, DefinitionsCommand.self, ValidateCommand.self,
                    TemplatesCommand.self, TokenCommand.self, AuditCommand.self,
                ]),
        ]
    )

    /// The names of the commands, as people type them.
    static var commandNames: [String] {
        let grouped = configuration.groupedSubcommands.flatMap { $0.subcommands }
        return (configuration.subcommands + grouped).compactMap { $0.configuration.commandName }
    }

    /// Before anything else: a reader that goes away (`baton logs | head`) must not kill the process midway.
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            try SettingsInFiles.apply(ProcessInfo.processInfo.environment)
            let environment = ProcessInfo.processInfo.environment
            try ConfigurationFile.load(environment: environment).apply(to: environment)
        } catch {
            ErrorReport.print(error, asJSON: CommandLine.arguments.contains("--json"))
            Glibc.exit(error.status.rawValue)
        }
        await main(nil)
    }
}
