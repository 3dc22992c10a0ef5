import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Subprocess
import SystemPackage
import Testing

@testable import DeploymentAgent

extension DeploymentAgentSuites {
    /// The agent as a program of its own, killed at the worst moments.
    @Suite("deployment by an agent that is killed")
    struct KilledAgentTests {
        /// The executable that was built beside the tests.
        static func executable() throws -> String {
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let directory = own.split(separator: "/").dropLast()
            for depth in 0..<4 {
                let path = "/" + directory.dropLast(depth).joined(separator: "/") + "/deployment-agent"
                if FileManager.default.isExecutableFile(atPath: path) { return path }
            }
            // The runner is swift-testing's helper in the toolchain; the bundle is among its arguments.
            let arguments = CommandLine.arguments.filter { $0.hasSuffix(".xctest") }
            for bundle in arguments {
                let path = bundle.split(separator: "/").dropLast().joined(separator: "/")
                if FileManager.default.isExecutableFile(atPath: "/\(path)/deployment-agent") {
                    return "/\(path)/deployment-agent"
                }
            }
            throw Sandbox.Failure(description: "no deployment-agent beside \(own) or \(arguments)")
        }

        /// Runs the agent on a task, kills it as soon as a file is there, and returns when it is gone.
        func kill(_ stage: DeploymentTests.Stage, task: JSONObject, when marker: String) async throws {
            let file = stage.sandbox.path + "/task.json"
            try stage.sandbox.write(JSONValue.object(task).description, to: file)
            var environment: [Environment.Key: String] = [:]
            for (key, value) in stage.sandbox.environment {
                if let key = Environment.Key(rawValue: key) { environment[key] = value }
            }
            let sandbox = stage.sandbox
            _ = try await Subprocess.run(
                .path(FilePath(try Self.executable())), arguments: ["--task", file], environment: .custom(environment),
                input: .none, output: .discarded, error: .discarded
            ) { execution in
                #expect(try await sandbox.eventually(within: 60) { sandbox.exists(marker) })
                try execution.send(signal: .kill)
            }
        }

        @Test("killed in the rehearsal: the old release goes on serving, untouched, and the next deployment succeeds")
        func inRehearsal() async throws {
            try await DeploymentTests.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                let marker = stage.sandbox.path + "/rehearsing"
                let hanging = "fs.writeFileSync('\(marker)', String(process.pid));"
                let task = try await stage.task(TinyApp.files(version: "two", start: hanging, healthy: "false"))
                try await kill(stage, task: task, when: marker)
                let orphan = Int32(stage.sandbox.read(marker) ?? "") ?? 0
                defer { if orphan > 1 { Foundation.kill(orphan, SIGKILL) } }
                #expect(before.process?.isAlive == true)
                #expect(try await stage.version() == "one")
                #expect(try stage.record() == before)
                let next = try await stage.deploy(TinyApp.files(version: "three"))
                #expect(next.status == .success, "\(next.errors)")
                #expect(try await stage.version() == "three")
            }
        }

        @Test("killed in the switch: the next attempt clears up what was left and serves")
        func inSwitch() async throws {
            try await DeploymentTests.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                let marker = stage.sandbox.path + "/switching"
                // Well in its rehearsal; on the port that counts it hangs.
                let hanging = "if (process.env.PORT === '\(before.port)') fs.writeFileSync('\(marker)', '');"
                let task = try await stage.task(
                    TinyApp.files(version: "two", start: hanging, healthy: "process.env.PORT !== '\(before.port)'"))
                try await kill(stage, task: task, when: marker)
                #expect(before.process?.isAlive == false)
                #expect(AppProcess.sessions(of: stage.directory).count == 1)
                let next = try await stage.deploy(TinyApp.files(version: "three"))
                #expect(next.status == .success, "\(next.errors)")
                #expect(try await stage.version() == "three")
                #expect(AppProcess.sessions(of: stage.directory).count == 1)
            }
        }

        @Test("killed in the switch, and the next release is unhealthy too: the last healthy one is brought back")
        func thenUnhealthy() async throws {
            try await DeploymentTests.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                let marker = stage.sandbox.path + "/switching"
                let hanging = "if (process.env.PORT === '\(before.port)') fs.writeFileSync('\(marker)', '');"
                let task = try await stage.task(
                    TinyApp.files(version: "two", start: hanging, healthy: "process.env.PORT !== '\(before.port)'"))
                try await kill(stage, task: task, when: marker)
                let next = try await stage.deploy(TinyApp.files(version: "three", start: "process.exit(1);"))
                #expect(next.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(next.output["rolled_back_to"] == .string(before.release))
                #expect(try await stage.version() == "one")
                #expect(AppProcess.sessions(of: stage.directory).count == 1)
            }
        }
    }
}
