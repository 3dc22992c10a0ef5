import AgentRuntime
import JSONTools
import ProjectTools

/// Runs the tools of the targets.
struct TargetShell: Sendable {
    let context: ActionContext
    let directory: DeploymentDirectory

    /// For questions and small changes, in seconds.
    static let usualSeconds: Double = 120
    /// For building and moving images, in seconds.
    static let longSeconds: Double = 1800

    /// A tool with the place to get it from.
    enum Tool: String, Sendable {
        case docker, kubectl, aws

        var source: String {
            switch self {
            case .docker: "Debian's docker.io, or https://docs.docker.com/engine/install/"
            case .kubectl: "Debian's kubernetes-client, or https://kubernetes.io/docs/tasks/tools/"
            case .aws:
                "Debian's awscli, or https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
            }
        }
    }

    /// - Throws: ``ActionFailure`` `TOOL_MISSING` with the place to get it from.
    func require(_ tool: Tool) throws {
        guard context.tools.find(tool.rawValue) == nil else { return }
        throw ActionFailure(
            code: "TOOL_MISSING", message: "There is no \(tool.rawValue) in PATH; install \(tool.source).",
            detail: ["tool": .string(tool.rawValue)])
    }

    /// Runs a tool to its end, whatever its exit code.
    ///
    /// - Parameter logs: whether its lines are for people: not where they may hold an app's variables.
    func run(
        _ tool: Tool, _ arguments: [String], in folder: String? = nil, input: [UInt8]? = nil,
        environment: [String: String] = [:], seconds: Double = usualSeconds, logs: Bool = false
    ) async throws -> ToolOutput {
        let own = Self.variables(of: TaskTrial.processEnvironment())
        return try await context.tools.run(
            ToolCommand(
                tool.rawValue, arguments, in: folder ?? directory.path,
                environment: own.merging(environment) { $1 }, timeoutSeconds: seconds, logsOutput: logs,
                standardInput: input))
    }

    /// Runs a tool that has to end well.
    ///
    /// - Throws: ``ActionFailure`` with `code`, or `TARGET_UNREACHABLE`.
    @discardableResult
    func checked(
        _ tool: Tool, _ arguments: [String], in folder: String? = nil, input: [UInt8]? = nil,
        environment: [String: String] = [:], seconds: Double = usualSeconds, logs: Bool = false,
        code: String = "TOOL_FAILED"
    ) async throws -> ToolOutput {
        let output = try await run(
            tool, arguments, in: folder, input: input, environment: environment, seconds: seconds, logs: logs)
        guard output.succeeded else { throw Self.failure(tool, arguments, output, code: code) }
        return output
    }

    /// Runs a tool that prints JSON.
    func json(
        _ tool: Tool, _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]
    ) async throws -> [JSONValue] {
        let output = try await checked(tool, arguments, in: folder, environment: environment)
        guard !output.truncated, let documents = JSONDocuments.read(output.standardOutput) else {
            throw ActionFailure(
                code: "TOOL_OUTPUT_UNREADABLE",
                message: "\(Self.shown(tool, arguments)) printed what is no JSON: \(output.text.prefix(200))")
        }
        return documents
    }

    /// What a command that failed is reported as.
    static func failure(_ tool: Tool, _ arguments: [String], _ output: ToolOutput, code: String) -> ActionFailure {
        let lines = output.lastLines()
        let isUnreachable = unreachable.contains { lines.contains($0) }
        let how = output.signal.map { "was ended by signal \($0)" } ?? "exited with code \(output.exitCode)"
        return ActionFailure(
            code: isUnreachable ? "TARGET_UNREACHABLE" : code,
            message: "\(shown(tool, arguments)) \(how)" + (lines.isEmpty ? "." : ":\n\(lines)"),
            retryable: isUnreachable,
            detail: ["exit_code": .integer(Int64(output.exitCode)), "tool": .string(tool.rawValue)])
    }

    /// What the tools say when there is nobody at the other end.
    private static let unreachable = [
        "Cannot connect to the Docker daemon", "permission denied while trying to connect to the Docker daemon",
        "error during connect", "The connection to the server", "Unable to connect to the server",
        "Could not connect to the endpoint URL", "Unable to locate credentials", "i/o timeout",
        "You must be logged in to the server", "ExpiredToken", "no configuration has been provided",
    ]

    private static func shown(_ tool: Tool, _ arguments: [String]) -> String {
        "\(ToolCommand(tool.rawValue, arguments))"
    }

    /// Variables by which the tools find their settings: those of the agent, and its user's folders, since tools are
    /// given another home.
    static func variables(of own: [String: String]) -> [String: String] {
        var result = own.filter { name, value in
            !value.isEmpty && (name.hasPrefix("AWS_") || name.hasPrefix("DOCKER_") || name == "KUBECONFIG")
        }
        guard let home = own["HOME"], home.hasPrefix("/") else { return result }
        let places = [
            ("DOCKER_CONFIG", "/.docker"), ("KUBECONFIG", "/.kube/config"), ("AWS_CONFIG_FILE", "/.aws/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"),
        ]
        for (name, path) in places where result[name] == nil && SmallFile.isThere(home + path) {
            result[name] = home + path
        }
        return result
    }
}
