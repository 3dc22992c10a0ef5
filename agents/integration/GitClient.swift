import AgentRuntime
import JSONTools

/// git in one clone, as a command with argument lists.
struct GitClient: Sendable {
    let directory: String
    let tools: Toolbox
    /// Date of all commits made here, in seconds since 1970; it follows from what is merged, so that the same work done
    /// again is the same commit.
    var dateSeconds: Int64 = 0

    /// Runs git and says how it ended.
    func run(_ arguments: [String], input: [UInt8]? = nil) async throws -> ToolOutput {
        let date = "@\(dateSeconds) +0000"
        return try await tools.run(
            ToolCommand(
                "git",
                ["-C", directory] + arguments,
                environment: [
                    "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_EDITOR": "true", "LC_ALL": "C",
                    "GIT_ALLOW_PROTOCOL": "file:https:http:ssh",
                ],
                logsOutput: false,
                standardInput: input
            )
        )
    }

    /// Runs git where failing is no answer.
    ///
    /// - Returns: The first line that it prints.
    /// - Throws: ``ActionFailure`` `GIT_FAILED` with git's own words.
    @discardableResult
    func line(_ arguments: [String], input: [UInt8]? = nil) async throws -> String {
        let output = try await run(arguments, input: input)
        guard output.succeeded else { throw Self.failure(arguments, output) }
        return output.text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }

    /// Runs git where exit code 0 means yes and 1 means no.
    func answer(_ arguments: [String]) async throws -> Bool {
        let output = try await run(arguments)
        switch output.exitCode {
        case 0: return true
        case 1: return false
        default: throw Self.failure(arguments, output)
        }
    }

    /// The newest committer date of some commits, in seconds since 1970.
    func newestDate(of commits: [String]) async throws -> Int64 {
        let text = try await run(["show", "--no-patch", "--format=%ct"] + commits).text
        return text.split(whereSeparator: \.isNewline).compactMap { Int64($0) }.max() ?? 0
    }

    static func failure(_ arguments: [String], _ output: ToolOutput) -> ActionFailure {
        ActionFailure(
            code: "GIT_FAILED",
            message: "git \(arguments.prefix(3).joined(separator: " ")) exited with \(output.exitCode):\n"
                + output.lastLines(),
            retryable: true,
            detail: ["exit_code": .integer(Int64(output.exitCode))]
        )
    }
}
