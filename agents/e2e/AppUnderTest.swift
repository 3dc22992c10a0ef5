import AgentRuntime
import JSONTools
import ProjectTools

/// The app of the project, running on a free port for as long as its tests take.
struct AppUnderTest: Sendable {
    /// How long an app may take from its start until it is healthy, in seconds.
    static let startSeconds: Double = 30

    let url: String
    private let tool: RunningTool

    /// Starts the app and waits until its health path answers 2xx or 3xx.
    ///
    /// The commands of `start` before the last run to their end first; the last one is the server.
    ///
    /// - Throws: ``ActionFailure`` `NO_START_COMMAND`, `APP_NOT_STARTED` or `APP_NOT_HEALTHY` with the app's last lines.
    static func start(
        _ project: FoundProject,
        in context: ActionContext,
        runner: ProjectRunner,
        healthSeconds: Double
    ) async throws -> AppUnderTest {
        let manifest = project.manifest
        guard let commands = manifest.commands("start"), let server = commands.last else {
            throw ActionFailure(
                code: "NO_START_COMMAND",
                message: "\(ProjectManifest.fileName) has no commands.start, so there is no app to test. "
                    + #"Add one, such as "start": [["node", "src/server.js"]]; it has to obey PORT."#
            )
        }
        let port = try context.tools.freePort()
        let environment = ["PORT": String(port), "HOST": "127.0.0.1"]
        for command in commands.dropLast() {
            try await context.tools.runChecked(try runner.tool(command, environment: environment))
        }
        let tool = try await context.tools.spawn(try runner.tool(server, environment: environment))
        do {
            let health = try await AppHealth.wait(
                for: manifest.health, onPort: port, seconds: healthSeconds,
                anyAnswer: project.detection?.namesHealth == false, tools: context.tools
            ) { tool.isRunning }
            guard health.isHealthy else { throw await failure(health, of: tool, path: manifest.health) }
        } catch {
            await tool.stop()
            throw error
        }
        return AppUnderTest(url: "http://127.0.0.1:\(port)", tool: tool)
    }

    /// Ends the app and all that it started.
    @discardableResult
    func stop() async -> ToolOutput? { await tool.stop() }

    /// Whether the app has ended by itself meanwhile.
    var hasEnded: Bool { !tool.isRunning }

    private static func failure(_ health: AppHealth, of tool: RunningTool, path: String) async -> ActionFailure {
        let output = await tool.stop()
        let lines = output?.lastLines() ?? ""
        if health.hasEnded {
            return ActionFailure(
                code: "APP_NOT_STARTED",
                message: "The app ended with status \(output?.exitCode ?? -1) before it answered \(path):\n\(lines)"
            )
        }
        return ActionFailure(
            code: "APP_NOT_HEALTHY",
            message: "The app was started with PORT set and is \(health.problem). Its last lines:\n\(lines)",
            retryable: true,
            detail: ["health": .string(path), "status": health.status.map { .integer(Int64($0)) } ?? .null]
        )
    }
}
