import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Starts a release and waits until it is healthy.
struct AppLauncher: Sendable {
    let directory: DeploymentDirectory
    let context: ActionContext
    /// How long an app may take from its start until it is healthy, in seconds.
    let healthSeconds: Double
    /// What the deployment gives to its app.
    var variables: AppEnvironment

    /// Variables of a deployed app: an allow-list of the agent's own and what the app has to know.
    ///
    /// - Parameter own: the agent's environment.
    static func environment(
        own: [String: String], port: Int, nodeDirectory: String?, mark: String, variables: AppEnvironment? = nil
    ) -> [String: String] {
        var result = own.filter { ["PATH", "HOME", "LANG"].contains($0.key) && !$0.value.isEmpty }
        let path = result["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let hasNode = nodeDirectory.map { path.split(separator: ":").contains(Substring($0)) } ?? true
        result["PATH"] = hasNode ? path : "\(nodeDirectory ?? ""):\(path)"
        result["LANG"] = result["LANG"] ?? "C.UTF-8"
        result["NODE_ENV"] = "production"
        // What an app stores outlives its releases.
        result["DATA_DIR"] = mark + "/data"
        for (name, value) in variables?.values ?? [] { result[name] = value }
        result["PORT"] = String(port)
        result[AppProcess.markVariable] = mark
        return result
    }

    /// Tries a release on a port of its own, as a process that ends with this attempt.
    func rehearse(_ release: Release, manifest: ProjectManifest) async throws -> AppHealth {
        let port = try context.tools.freePort()
        let environment = await environment(port: port)
        let server = try await runPreparation(manifest, release: release, environment: environment)
        let runner = ProjectRunner(context: context, manifest: manifest, directory: release.path)
        var command = try runner.tool(server, environment: environment)
        // This process is the agent's own and has to go with it; only what is deployed stays.
        command.environment[AppProcess.markVariable] = ""
        if !variables.values.contains(where: { $0.name == "DATA_DIR" }) {
            command.environment["DATA_DIR"] = context.scratch + "/data"
        }
        let tool = try await context.tools.spawn(command)
        var health: AppHealth
        do {
            health = try await waitUntilHealthy(port: port, path: manifest.health) { tool.isRunning }
        } catch {
            await tool.stop()
            throw error
        }
        let output = await tool.stop()
        if !health.isHealthy, let lines = output?.lastLines(), !lines.isEmpty { health.problem += "\n" + lines }
        return health
    }

    /// Starts a release for good.
    func start(_ release: Release, manifest: ProjectManifest, port: Int) async throws -> AppProcess.Identity {
        let environment = await environment(port: port)
        let server = try await runPreparation(manifest, release: release, environment: environment)
        guard let executable = await find(server[0], in: release) else {
            throw ActionFailure(code: "TOOL_MISSING", message: "There is no \(server[0]) to start \(release.id) with.")
        }
        directory.rotateLog()
        return try AppProcess.start(
            .init(
                executable: executable,
                arguments: Array(server.dropFirst()),
                environment: environment,
                directory: release.path,
                log: directory.log,
                supervisor: AppSupervisor(directory)
            ))
    }

    /// Waits until an app is well.
    func waitUntilHealthy(port: Int, path: String, isRunning: @Sendable () -> Bool) async throws -> AppHealth {
        try await AppHealth.wait(
            for: path, onPort: port, seconds: healthSeconds, tools: context.tools, isRunning: isRunning)
    }

    /// Runs the commands of `start` before the last to their end.
    ///
    /// - Returns: The last one, which is the server.
    private func runPreparation(
        _ manifest: ProjectManifest,
        release: Release,
        environment: [String: String]
    ) async throws -> [String] {
        guard let commands = manifest.commands("start"), let server = commands.last else {
            throw ActionFailure(
                code: "NO_START_COMMAND",
                message: "\(ProjectManifest.fileName) names no commands.start, so there is nothing to deploy."
            )
        }
        let runner = ProjectRunner(context: context, manifest: manifest, directory: release.path)
        for command in commands.dropLast() {
            try await context.tools.runChecked(try runner.tool(command, environment: environment))
        }
        return server
    }

    private func environment(port: Int) async -> [String: String] {
        let node = await context.tools.node
        let nodeDirectory = node.flatMap { $0.lastIndex(of: "/").map { slash in String(node?[..<slash] ?? "") } }
        var own: [String: String] = [:]
        for name in ["PATH", "HOME", "LANG"] {
            if let value = getenv(name) { own[name] = String(cString: value) }
        }
        return Self.environment(
            own: own, port: port, nodeDirectory: nodeDirectory, mark: directory.path, variables: variables)
    }

    private func find(_ name: String, in release: Release) async -> String? {
        if name == "node" { return await context.tools.node }
        let path = name.contains("/") && !name.hasPrefix("/") ? release.path + "/" + name : name
        return context.tools.find(path)
    }
}
