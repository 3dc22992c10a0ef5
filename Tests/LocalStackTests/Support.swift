import Foundation
import Glibc
import LocalStack
import Testing

/// A directory of a test's own, deleted afterwards.
@discardableResult
func withTemporaryDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = NSTemporaryDirectory() + "baton-test-" + UUID().uuidString.lowercased().prefix(8)
    try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// A stack that is destroyed after the test, whatever happens in it.
@discardableResult
func withStack<Value>(
    _ configuration: StackConfiguration,
    keepingData: Bool = false,
    _ body: (LocalStack) async throws -> Value
) async throws -> Value {
    let stack = LocalStack(configuration)
    do {
        try await stack.start()
        let value = try await body(stack)
        if keepingData { await stack.stop() } else { await stack.destroy() }
        return value
    } catch {
        await stack.destroy()
        throw error
    }
}

/// A stack without servers, orchestrators and agents, for processes of the test's own.
func bareConfiguration(_ directory: String) -> StackConfiguration {
    var configuration = StackConfiguration.ephemeral(dataDirectory: directory, agents: [], orchestrators: 0)
    configuration.usesRedis = false
    configuration.usesPostgres = false
    return configuration
}

/// A process that runs a shell script.
func shell(
    _ name: String,
    _ script: String,
    in directory: String,
    readiness: ReadinessProbe = .running,
    readyWithin: Duration = .seconds(60),
    stopWithin: Duration = .seconds(5)
) -> ProcessSpecification {
    ProcessSpecification(
        name: name, command: shellCommand(script, log: "\(directory)/\(name).log"),
        readiness: readiness, readyWithin: readyWithin, stopWithin: stopWithin)
}

func shellCommand(_ script: String, log: String, environment: [String: String] = [:]) -> DaemonCommand {
    DaemonCommand(
        executable: "/bin/sh", arguments: ["-c", script],
        environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }, logFile: log)
}

/// Ready when the file exists.
func fileExists(_ path: String) -> ReadinessProbe {
    ReadinessProbe { _ in FileManager.default.fileExists(atPath: path) ? nil : "\(path) is missing" }
}

/// Waits for a condition that another process brings about; fails the test after 60 s.
func eventually(_ what: String, _ condition: () async -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while await !condition() {
        try #require(ContinuousClock.now < deadline, "not within 60 s: \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// A process that has just ended: its identity names nobody.
func deadProcess(log: String) async throws -> ProcessIdentity {
    let process = try await DetachedProcess.spawn(shellCommand("exit 0", log: log))
    _ = await process.waitForExit()
    return process.identity
}
