import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

/// A directory of a test's own, deleted afterwards, together with the stack that the test may have started in it.
@discardableResult
func withInstallation<Value>(_ body: (Installation) async throws -> Value) async throws -> Value {
    let directory = NSTemporaryDirectory() + "baton-cli-" + UUID().uuidString.lowercased().prefix(8)
    let installation = Installation(directory: directory)
    try installation.prepare()
    func cleanUp() async {
        _ = try? await StackRecord.stop(dataDirectory: installation.data)
        OrphanSweep.kill(marked: "BATON_TEST", with: directory)
        try? FileManager.default.removeItem(atPath: directory)
    }
    do {
        let value = try await body(installation)
        await cleanUp()
        return value
    } catch {
        await cleanUp()
        throw error
    }
}

/// Baton as it is installed, with stand-ins for the orchestrator and one agent.
struct Installation {
    let directory: String
    var data: String { directory + "/data" }
    var bin: String { directory + "/bin" }

    struct Outcome {
        var status: Int32
        var output: String
        var errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }

        func json() throws -> JSONValue { try JSONValue(parsing: output) }
    }

    func prepare() throws {
        try FileManager.default.createDirectory(
            atPath: bin, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try write("baton-orchestrator", FakeOrchestrator.script)
        try write(
            "scaffold-agent",
            """
            #!/bin/sh
            mkdir -p "$BATON_DATA_DIR/run" && : > "$BATON_DATA_DIR/run/scaffold-$$.health"
            exec sleep 600
            """)
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(bin)/\(name)", atomically: true, encoding: .utf8)
        try #require(chmod("\(bin)/\(name)", 0o755) == 0)
    }

    var environment: [String: String] {
        [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory, "BATON_DATA_DIR": data, "BATON_BIN_DIR": bin,
            "BATON_REDIS_URL": "redis://example.invalid", "BATON_DATABASE_URL": "postgres://example.invalid/x",
            "BATON_PYTHON": "/usr/bin/python3", "BATON_TEST": directory,
        ]
    }

    /// The built program, beside the test bundle.
    static func program() throws -> String {
        var directory = URL(fileURLWithPath: Programs.runningExecutable).deletingLastPathComponent()
        // The helper that runs Swift Testing may lie elsewhere; the test bundle is among its arguments.
        for argument in [directory.path] + CommandLine.arguments.filter({ $0.contains(".xctest") }) {
            directory = URL(fileURLWithPath: argument)
            while directory.path != "/" {
                let candidate = directory.appendingPathComponent("baton").path
                if Programs.find(candidate) != nil { return candidate }
                directory.deleteLastPathComponent()
            }
        }
        throw CocoaError(.fileNoSuchFile)
    }

    /// Runs `baton` with these arguments.
    func baton(_ arguments: String..., environment more: [String: String] = [:]) async throws -> Outcome {
        let command = ShortCommand(
            try Self.program(), arguments, environment: environment.merging(more) { $1 }, in: directory,
            timeout: .seconds(120))
        let outcome = try await command.run()
        return Outcome(status: outcome.status, output: outcome.output, errors: outcome.errors)
    }

    /// Starts the stack with the stand-ins.
    func up() async throws {
        let port = try #require(LoopbackPort.free())
        let outcome = try await baton("up", "--detach", "--agents", "scaffold", environment: ["BATON_PORT": "\(port)"])
        try #require(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    /// Starts `baton` as a process of its own whose output goes to a file.
    func start(_ arguments: String..., log: String) async throws -> DetachedProcess {
        try await DetachedProcess.spawn(
            DaemonCommand(
                executable: try Self.program(), arguments: arguments, environment: environment,
                workingDirectory: directory, logFile: log))
    }
}

/// Waits for a condition that another process brings about; fails the test after 60 s.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "not within 60 s: \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}
