import AgentProtocol
import Glibc
import JSONTools

/// The whole main of an agent executable: arguments, environment, services, signals.
///
/// ```swift
/// @main struct Main {
///     static func main() async { await AgentProgram.run(type: "scaffold", version: "1.0.0", actions: […]) }
/// }
/// ```
public enum AgentProgram {
    /// Exit codes, those of sysexits.h where there is one.
    enum ExitCode {
        static let fine: Int32 = 0
        static let failed: Int32 = 1
        static let usage: Int32 = 64
        static let unreadable: Int32 = 66
        static let software: Int32 = 70
        static let configuration: Int32 = 78
    }

    /// Runs the agent and exits: 0 when all went well, 1 when a task or a health check failed, 64 for wrong arguments,
    /// 66 for a task file that can't be read, 78 for a wrong environment.
    ///
    /// - Parameters:
    ///   - type: The agent's type, which names its channels.
    ///   - version: The version of the program.
    ///   - actions: What it can do; `noop` is added.
    public static func run(type: String, version: String, actions: [any AgentAction]) async -> Never {
        signal(SIGPIPE, SIG_IGN)
        let arguments: AgentArguments
        do {
            arguments = try AgentArguments(Array(CommandLine.arguments.dropFirst()))
        } catch {
            complain("\(type)-agent: \(error.message)\nTry --help.")
            exit(ExitCode.usage)
        }
        switch arguments {
        case .help:
            say(help(type: type, actions: actions))
            exit(ExitCode.fine)
        case .version:
            say("\(type)-agent \(version) (protocol \(ProtocolVersion.current))")
            exit(ExitCode.fine)
        case .health, .task, .serve:
            break
        }
        let configuration: AgentConfiguration
        do {
            configuration = try AgentConfiguration(
                environment: TaskTrial.processEnvironment(), executable: CommandLine.arguments.first ?? "agent")
        } catch {
            complain(error.messages.map { "\(type)-agent: \($0)" }.joined(separator: "\n"))
            exit(ExitCode.configuration)
        }
        switch arguments {
        case .task(let file):
            exit(await runTask(file, type: type, actions: actions, configuration))
        case .health:
            let (isHealthy, message) = HealthFile.check(
                runDirectory: configuration.runDirectory, agentType: type)
            if isHealthy { say(message) } else { complain("\(type)-agent: \(message)") }
            exit(isHealthy ? ExitCode.fine : ExitCode.failed)
        case .serve, .help, .version:
            exit(await serve(type: type, version: version, actions: actions, configuration))
        }
    }

    static func say(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        // Whoever closed our output doesn't want it.
        try? FileSystem.writeAll(Array(text.utf8), to: descriptor, path: "output")
    }
}
