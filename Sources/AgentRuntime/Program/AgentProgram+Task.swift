import AgentProtocol
import Glibc
import JSONTools

extension AgentProgram {
    /// `--task FILE`: runs one task, prints its result as JSON on standard output and its log on standard error.
    ///
    /// - Returns: The exit code: 0 for success, partial and needs_input, 1 for failure and cancelled.
    static func runTask(
        _ file: String,
        type: String,
        actions: [any AgentAction],
        _ configuration: AgentConfiguration
    ) async -> Int32 {
        let text: [UInt8]
        do {
            text = try FileSystem.read(file == "-" ? "/dev/stdin" : file, maxBytes: ProtocolLimits.messageBytes)
        } catch {
            complain("\(type)-agent: \(error)")
            return ExitCode.unreadable
        }
        do {
            let trial = try TaskTrial(type: type, actions: actions, configuration: configuration)
            let result = try await TerminationSignals.cancelling {
                try await trial.run(text) { line in
                    complain("\(line.at) \(line.level.rawValue) [\(line.stream.rawValue)] \(line.text)")
                }
            }
            let json = try JSONValue(parsing: result.encoded())
            say(json.prettyPrinted())
            switch result.status {
            case .success, .partial, .needsInput: return ExitCode.fine
            case .failure, .cancelled: return ExitCode.failed
            }
        } catch {
            complain("\(type)-agent: \(error)")
            return ExitCode.failed
        }
    }
}
