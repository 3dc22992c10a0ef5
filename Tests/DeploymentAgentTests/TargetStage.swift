import AgentProtocol
import AgentRuntime
import AgentTestSupport
import Foundation
import JSONTools
import Subprocess
import SystemPackage
import Testing

@testable import DeploymentAgent

/// Targets that are brought to by tools. Each test has a port and a world of its own.
@Suite("Deployment by tools")
enum TargetSuites {}

/// A project with a Dockerfile, and stand-ins of the tools that bring it to a target.
///
/// The stand-ins (`Tools`) keep their world in a folder of the sandbox; their containers are real processes.
struct TargetStage: Sendable {
    let sandbox: Sandbox
    /// The deployment's port: not from the range that all deployments of this machine share.
    let port: Int
    var repository: String { sandbox.path + "/project.git" }
    var directory: DeploymentDirectory { DeploymentDirectory(Self.name, dataDirectory: sandbox.data) }
    var world: String { sandbox.path + "/tools/world" }
    var environment: [String: String] {
        ["PATH": sandbox.path + "/tools/bin:" + (sandbox.environment["PATH"] ?? "/usr/bin:/bin")]
    }

    // A constant of the tests that is a name.
    static let name = (try? DeploymentName("tiny-app")) ?? { preconditionFailure("tiny-app is a name") }()

    /// Runs a test with stand-ins in `PATH`, and ends what it left.
    static func with(_ tools: String..., body: (TargetStage) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            let stage = TargetStage(sandbox: sandbox, port: try #require(LocalPort.unused()))
            try stage.sandbox.write("", to: stage.world + "/.keep")
            try stage.sandbox.write("", to: sandbox.path + "/tools/bin/.keep")
            let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Tools"
            for tool in tools {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(sandbox.path)/tools/bin/\(tool)", withDestinationPath: "\(folder)/\(tool)")
            }
            let ended: Result<Void, any Error>
            do {
                try await body(stage)
                ended = .success(())
            } catch {
                ended = .failure(error)
            }
            for container in try stage.state("containers") {
                let startTime = container.value["start"]?.stringValue.flatMap { Int($0) }
                let process = AppProcess.Identity(
                    processID: container.value["pid"]?.intValue, startTime: startTime)
                if let process, process.isAlive { _ = Foundation.kill(process.processID, SIGKILL) }
            }
            try ended.get()
        }
    }

    static func newID() -> UniqueID {
        var random = SystemRandomNumberGenerator()
        return UniqueID.v7(at: .now(), using: &random)
    }

    // MARK: The project

    /// Files of an app that answers `/health`, `/version`, and `/variable/NAME`.
    static func files(
        version: String, start: String = "", healthy: String = "True", docker: String = "",
        more: [String: String] = [:]
    ) -> [String: String?] {
        var files: [String: String?] = [
            "Dockerfile": """
            FROM python:3.12-slim
            ENV DATA_DIR=/data
            EXPOSE 8000
            VOLUME /data
            \(docker)
            CMD ["/usr/bin/python3", "-IS", "server.py"]

            """,
            "baton.json": #"{"version": 1, "name": "tiny-app", "stack": "", "commands": {}, "health": "/health"}"#,
            "server.py": """
            import os, socket, sys, threading, time
            \(start)
            def answer(connection):
                path = connection.recv(65536).split(b" ")[1].decode()
                if path == "/health":
                    status, text = (200, "ok") if \(healthy) else (503, "ill")
                elif path == "/version":
                    status, text = 200, "\(version)"
                else:
                    status, text = 200, os.environ.get(path.split("/")[-1], "-")
                head = f"HTTP/1.1 {status} X\\r\\nContent-Length: {len(text.encode())}\\r\\nConnection: close\\r\\n\\r\\n"
                connection.sendall((head + text).encode())
                connection.close()
            server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
            while True:
                # Whoever connects and says nothing keeps nobody else waiting.
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

            """,
        ]
        for (path, text) in more { files[path] = text }
        return files
    }

    func task(
        _ files: [String: String?], target: String, payload: JSONObject = [:], taskID: UniqueID? = nil
    ) async throws -> JSONObject {
        let commit = try await sandbox.commit(files, to: "main", in: repository)
        var payload = payload
        payload["target"] = .string(target)
        if payload["port"] == nil { payload["port"] = .integer(Int64(port)) }
        if payload["watch_seconds"] == nil { payload["watch_seconds"] = 0 }
        return sandbox.task(
            "deployment", payload: payload, repository: repository, commit: commit, mode: "read", taskID: taskID)
    }

    func run(_ task: JSONObject, more: [String: String] = [:]) async throws -> TaskResult {
        try await sandbox.run(
            task, type: "deployment", actions: DeploymentAgentSuites.DeploymentTests.actions,
            environment: environment.merging(more) { $1 })
    }

    func deploy(_ files: [String: String?], target: String, payload: JSONObject = [:]) async throws -> TaskResult {
        try await run(try await task(files, target: target, payload: payload))
    }

    func act(_ action: String, _ payload: JSONObject = [:]) async throws -> TaskResult {
        try await run(actionTask(action, payload))
    }

    /// A task without a workspace; going back isn't watched unless a test asks for it.
    func actionTask(_ action: String, _ payload: JSONObject = [:], taskID: UniqueID? = nil) -> JSONObject {
        var payload = payload
        if action == "rollback", payload["watch_seconds"] == nil { payload["watch_seconds"] = 0 }
        return sandbox.task(action, payload: payload, taskID: taskID)
    }

    func record() throws -> TargetRecord { try #require(directory.targetRecord()) }

    /// What the app answers at its address.
    func get(_ path: String) async throws -> String? {
        try await sandbox.get(try #require(try record().url) + path)
    }

    // MARK: The stand-ins

    /// A part of the stand-ins' world.
    func state(_ part: String) throws -> JSONObject {
        guard let text = sandbox.read(world + "/state.json") else { return [:] }
        let limits = JSONLimits(maxBytes: 8 << 20)
        return try JSONValue(parsing: Array(text.utf8), limits: limits)[part]?.objectValue ?? [:]
    }

    /// Plants trouble.
    func order(_ orders: JSONValue...) throws {
        try sandbox.write(JSONValue.array(orders).description, to: world + "/orders.json")
    }

    /// The commands that were given, each as one line without the tool's own options before the verb.
    func commands() -> [String] {
        (sandbox.read(world + "/commands.jsonl") ?? "").split(separator: "\n").compactMap { line in
            guard let json = try? JSONValue(parsing: Array(line.utf8)) else { return nil }
            let words = (json["arguments"]?.arrayValue ?? []).compactMap(\.stringValue)
            return ([json["tool"]?.stringValue ?? ""] + words).joined(separator: " ")
        }
    }

    func forgetCommands() { try? FileManager.default.removeItem(atPath: world + "/commands.jsonl") }

    /// Runs the agent as a program of its own and kills it as soon as a file is there.
    func kill(_ task: JSONObject, when marker: String) async throws {
        let file = sandbox.path + "/task.json"
        try sandbox.write(JSONValue.object(task).description, to: file)
        var variables: [Environment.Key: String] = [:]
        for (key, value) in sandbox.environment.merging(environment, uniquingKeysWith: { $1 }) {
            if let key = Environment.Key(rawValue: key) { variables[key] = value }
        }
        let sandbox = sandbox
        _ = try await Subprocess.run(
            .path(FilePath(try DeploymentAgentSuites.KilledAgentTests.executable())), arguments: ["--task", file],
            environment: .custom(variables), input: .none, output: .discarded, error: .discarded
        ) { execution in
            #expect(try await sandbox.eventually(within: 60) { sandbox.exists(marker) })
            try execution.send(signal: .kill)
        }
    }
}

extension LocalPort {
    /// A port that nobody listens on and that the system gives to nobody else for a while.
    static func unused() -> Int? { (20_000..<30_000).shuffled().first(where: isFree) }
}
