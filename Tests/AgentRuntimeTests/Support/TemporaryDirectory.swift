import Glibc
import Testing

@testable import AgentRuntime

/// A directory for one test, deleted after it.
struct TemporaryDirectory {
    let path: String

    static func with<Value>(_ body: (TemporaryDirectory) async throws -> Value) async throws -> Value {
        var template = Array("/tmp/agent-runtime-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileSystem.Failure(operation: "make", path: "/tmp", code: errno) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { if !FileSystem.removeTree(path) { Issue.record("\(path) could not be removed") } }
        return try await body(TemporaryDirectory(path: path))
    }

    func write(_ text: String, to name: String) throws {
        try FileSystem.makeDirectories(FileSystem.parentDirectory(of: path + "/" + name))
        try FileSystem.write(Array(text.utf8), to: path + "/" + name)
    }

    func read(_ name: String) -> String? {
        (try? FileSystem.read(path + "/" + name)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The variables of an agent whose data directory is here.
    var environment: [String: String] {
        var environment = TaskTrial.processEnvironment().filter { ["PATH", "HOME", "LANG"].contains($0.key) }
        environment["BATON_DATA_DIR"] = path + "/data"
        return environment
    }
}
