import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// HAProxy in front of a deployment: a process that outlives the agent, as the app does.
struct ReverseProxy: Sendable {
    let directory: DeploymentDirectory
    /// Absolute path of HAProxy.
    let executable: String
    let socket: ProxySocket

    private var configurationFile: String { directory.path + "/haproxy.cfg" }
    private var mapFile: String { directory.path + "/proxy.map" }
    private var log: String { directory.path + "/proxy.log" }

    /// - Throws: ``ActionFailure`` `TOOL_MISSING` when there is no HAProxy.
    init(_ directory: DeploymentDirectory, tools: Toolbox) throws {
        guard let path = ["haproxy", "/usr/sbin/haproxy"].lazy.compactMap(tools.find).first else {
            throw ActionFailure(
                code: "TOOL_MISSING",
                message:
                    "blue_green and canary need HAProxy as reverse proxy, and it is not installed; on Debian: apt-get "
                    + "install haproxy. The strategy recreate does without.",
                detail: ["tool": "haproxy"]
            )
        }
        guard directory.path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !"\"'\\#$(),%[]".utf8.contains($0) }) else {
            throw ActionFailure(
                code: "PROXY_FAILED",
                message: "HAProxy can't be given the path \(directory.path): it holds white space or a sign that means "
                    + "something in its configuration. Use another data directory."
            )
        }
        self.directory = directory
        executable = path
        socket = ProxySocket(path: try Self.socketPath(directory))
    }

    /// What the proxy is told.
    func configuration(port: Int, health: String, servers: [ProxySlot: Int], route: ProxyRoute) -> ProxyConfiguration {
        ProxyConfiguration(
            port: port, health: health, servers: servers, route: route, socket: socket.path, map: mapFile)
    }

    /// Writes down what holds, for a proxy that has to be started again.
    func write(_ configuration: ProxyConfiguration) throws {
        try SmallFile.replace(configurationFile, with: Array(configuration.text.utf8))
        try SmallFile.replace(mapFile, with: Array(configuration.mapText.utf8))
    }

    /// Starts a proxy and waits until it takes commands, and thus connections.
    ///
    /// - Throws: ``ActionFailure`` `PROXY_FAILED` with its last lines.
    func start(_ configuration: ProxyConfiguration) async throws -> AppProcess.Identity {
        try write(configuration)
        unlink(socket.path)
        let process = try AppProcess.start(
            .init(
                executable: executable, arguments: ["-db", "-f", configurationFile],
                environment: ["PATH": "/usr/bin:/bin", AppProcess.markVariable: directory.path],
                directory: directory.path, log: log))
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline, process.isAlive {
            if (try? socket.ask("show info")) != nil { return process }
            try await Task.sleep(for: .milliseconds(20))
        }
        await AppProcess.stop(process, graceSeconds: 1)
        throw ActionFailure(
            code: "PROXY_FAILED",
            message: "HAProxy did not start:\n" + SmallFile.tail(log, lines: 8).joined(separator: "\n")
        )
    }

    /// In the deployment's directory, or where a socket's path is short enough (107 bytes; HAProxy adds some while it
    /// opens it).
    private static func socketPath(_ directory: DeploymentDirectory) throws -> String {
        let near = directory.path + "/proxy.sock"
        if near.utf8.count <= 80 { return near }
        let digest = SHA256Digest.hex(of: Array(directory.path.utf8)).prefix(16)
        let folder = "/tmp/baton-proxy-\(getuid())-\(digest)"
        var status = stat()
        // Only a directory that is ours alone: anybody may make one in /tmp.
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST, lstat(folder, &status) == 0,
            status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(), status.st_mode & 0o077 == 0
        else { throw FileError("use the directory", folder) }
        return folder + "/s"
    }
}
