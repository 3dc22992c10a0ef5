import AgentProtocol
import Glibc
import JSONTools
import Testing

@testable import AgentRuntime

@Suite("Finding node")
struct ToolFinderTests {
    /// Runs an action that tells which node and npm it finds, and which node its tools find.
    private func lookup(_ directory: TemporaryDirectory, path: String) async throws -> JSONObject {
        var environment = directory.environment
        environment["PATH"] = path
        let trial = try TaskTrial(
            type: "demo",
            actions: [
                ClosureAction { context in
                    let node = await context.tools.node
                    let npm = await context.tools.npm
                    let output = try await context.tools.run(ToolCommand("sh", ["-c", "command -v node"]))
                    return ActionOutcome(output: [
                        "node": node.map { .string($0) } ?? .null, "npm": npm.map { .string($0) } ?? .null,
                        "seen": .string(output.text),
                    ])
                }
            ],
            environment: environment)
        return try await trial.run(Array(#"{"action": "act"}"#.utf8)).output
    }

    private func install(_ directory: TemporaryDirectory, _ name: String, printing text: String) throws {
        try directory.write("#!/bin/sh\necho \(text)\n", to: name)
        chmod(directory.path + "/" + name, 0o755)
    }

    @Test("Node of PATH if it is 20 or newer, else that of Baton's Python environment, which its tools then see too")
    func order() async throws {
        try await TemporaryDirectory.with { directory in
            // Only what the test needs, so that no node of this machine is found.
            for tool in ["sh", "echo"] { symlink("/bin/" + tool, directory.path + "/" + tool) }
            let path = directory.path + "/bin:" + directory.path
            #expect(try await lookup(directory, path: path)["node"] == .null)
            try install(directory, "bin/node", printing: "v18.19.0")
            try install(directory, "bin/npm", printing: "9.0.0")
            #expect(try await lookup(directory, path: path)["node"] == .null)
            let own = directory.path + "/data/venv/bin"
            try install(directory, "data/venv/bin/node", printing: "v22.1.0")
            try install(directory, "data/venv/bin/npm", printing: "10.0.0")
            let found = try await lookup(directory, path: path)
            #expect(found["node"] == .string(own + "/node"))
            #expect(found["npm"] == .string(own + "/npm"))
            #expect(found["seen"] == .string(own + "/node\n"))
            try install(directory, "bin/node", printing: "v20.0.0")
            #expect(try await lookup(directory, path: path)["node"] == .string(directory.path + "/bin/node"))
        }
    }
}
