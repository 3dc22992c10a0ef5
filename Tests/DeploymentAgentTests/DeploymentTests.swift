import AgentProtocol
import AgentRuntime
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

/// Tests that start real apps, one after the other: they all take their ports from the same range.
@Suite("Deployment agent", .serialized)
enum DeploymentAgentSuites {}

extension DeploymentAgentSuites {
    /// Real releases, real processes, real ports.
    @Suite("deployment")
    struct DeploymentTests {
        static let actions: [any AgentAction] = [
            DeploymentAction(), RollbackAction(), StatusAction(), HistoryAction(), StopAction(), RestoreAction(),
        ]

        /// A repository with versions of an app, and the deployment that they go to; whatever runs at the end is stopped.
        struct Stage {
            let sandbox: Sandbox
            var repository: String { sandbox.path + "/project.git" }
            var directory: String { sandbox.data + "/deployments/tiny-app" }

            func task(
                _ files: [String: String?],
                payload: JSONObject = [:],
                taskID: UniqueID? = nil
            ) async throws -> JSONObject {
                let commit = try await sandbox.commit(files, to: "main", in: repository)
                return sandbox.task(
                    "deployment", payload: payload, repository: repository, commit: commit, mode: "read", taskID: taskID
                )
            }

            func run(_ task: JSONObject) async throws -> TaskResult {
                try await sandbox.run(task, type: "deployment", actions: actions)
            }

            func deploy(_ files: [String: String?], payload: JSONObject = [:]) async throws -> TaskResult {
                try await run(try await task(files, payload: payload))
            }

            func act(_ action: String, _ payload: JSONObject = [:]) async throws -> TaskResult {
                try await run(sandbox.task(action, payload: payload))
            }

            func record() throws -> AppRecord {
                let text = try #require(sandbox.read(directory + "/app.json"))
                return try #require(AppRecord(json: try JSONValue(parsing: Array(text.utf8))))
            }

            func version() async throws -> String? { try await sandbox.get(try record().url + "/version") }
        }

        static func staged(_ body: (Stage) async throws -> Void) async throws {
            try await Sandbox.with { sandbox in
                let stage = Stage(sandbox: sandbox)
                let ended: Result<Void, any Error>
                do {
                    try await body(stage)
                    ended = .success(())
                } catch {
                    ended = .failure(error)
                }
                await AppProcess.stopStrays(of: stage.directory)
                #expect(AppProcess.marked(stage.directory).isEmpty)
                try ended.get()
            }
        }

        @Test("the first deployment serves after its agent is done, and can be stopped")
        func first() async throws {
            try await Self.staged { stage in
                let result = try await stage.deploy(TinyApp.files(version: "one"))
                #expect(result.status == .success, "\(result.errors)")
                let record = try stage.record()
                #expect(result.output["summary"] == .string("healthy at \(record.url)"))
                #expect(result.output["url"] == .string(record.url))
                #expect(result.output["health"]?["healthy"] == true)
                #expect(record.status == .running)
                #expect(record.port >= 4100)
                #expect(try await stage.version() == "one")
                #expect(
                    stage.sandbox.read(stage.directory + "/current/server.js")
                        == TinyApp.files(version: "one")["server.js"]
                )
                #expect(stage.sandbox.read(record.log)?.contains("listening on \(record.port)") == true)
                // Its own session, and none of the agent's environment.
                let process = try #require(record.process)
                #expect(ProcessStat(of: process.processID)?.session == process.processID)
                let environment = try JSONValue(
                    parsing: Array((try await stage.sandbox.get(record.url + "/environment") ?? "").utf8))
                let allowed: Set = ["PATH", "HOME", "LANG", "PORT", "NODE_ENV", "BATON_DEPLOYMENT", "DATA_DIR"]
                let names = Set(environment.objectValue?.keys ?? [])
                #expect(names.contains("PORT") && names.isSubset(of: allowed), "\(names)")

                let status = try await stage.act("status")
                #expect(status.output["status"] == "running")
                #expect(status.output["healthy"] == true)
                let stopped = try await stage.act("stop")
                #expect(stopped.output["summary"] == "tiny-app stopped")
                #expect(!process.isAlive)
                #expect(try await stage.act("status").output["status"] == "stopped")
            }
        }

        @Test("a second deployment replaces the first at the same address, and can be rolled back")
        func second() async throws {
            try await Self.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let first = try stage.record()
                let result = try await stage.deploy(TinyApp.files(version: "two"))
                #expect(result.status == .success, "\(result.errors)")
                let second = try stage.record()
                #expect(second.port == first.port)
                #expect(second.release != first.release)
                #expect(try await stage.version() == "two")
                #expect(first.process?.isAlive == false)
                #expect(second.history.map(\.outcome) == [.healthy, .healthy])

                let back = try await stage.act("rollback")
                #expect(back.status == .success, "\(back.errors)")
                #expect(back.output["release"] == .string(first.release))
                #expect(try await stage.version() == "one")
                #expect(try stage.record().history.map(\.outcome) == [.healthy, .healthy, .restored])
                let forth = try await stage.act("rollback", ["to": .string(second.release)])
                #expect(try await stage.version() == "two", "\(forth.errors)")
                let nowhere = try await stage.act("rollback", ["to": "abcdefabcdef"])
                #expect(nowhere.errors.map(\.code) == ["NO_EARLIER_RELEASE"])
            }
        }

        @Test("a release that is unhealthy in its rehearsal never touches the one that serves")
        func unhealthyRehearsal() async throws {
            try await Self.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                let result = try await stage.deploy(
                    TinyApp.files(version: "two", start: "console.error('last words'); process.exit(3);"))
                #expect(result.status == .failure)
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.errors.first?.message.contains("last words") == true)
                #expect(result.output["rolled_back_to"] == .string(before.release))
                #expect(result.output["switched"] == false)
                #expect(try stage.record().process == before.process)
                #expect(before.process?.isAlive == true)
                #expect(try await stage.version() == "one")
                #expect(try stage.record().history.map(\.outcome) == [.healthy, .unhealthy])
            }
        }

        @Test("a release that turns unhealthy after the switch is rolled back, and the old one serves again")
        func unhealthyAfterSwitch() async throws {
            try await Self.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                // Well on any port but the one that counts.
                let result = try await stage.deploy(
                    TinyApp.files(version: "two", healthy: "process.env.PORT !== '\(before.port)'"),
                    payload: ["health_timeout_seconds": 3])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.output["rolled_back_to"] == .string(before.release))
                #expect(result.output["switched"] == true)
                #expect(try await stage.version() == "one")
                let after = try stage.record()
                #expect(after.status == .running && after.release == before.release)
                #expect(after.process?.isAlive == true && after.process != before.process)
                #expect(after.history.map(\.outcome) == [.healthy, .unhealthy, .restored])
                #expect(stage.sandbox.read(stage.directory + "/current/server.js")?.contains("\"one\"") == true)
                #expect(AppProcess.sessions(of: stage.directory).count == 1)
            }
        }

        @Test("a first release that is unhealthy leaves nothing running and says that there is nothing to go back to")
        func unhealthyFirst() async throws {
            try await Self.staged { stage in
                let result = try await stage.deploy(
                    TinyApp.files(healthy: "false"), payload: ["health_timeout_seconds": 1])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.output["rolled_back_to"] == JSONValue.null)
                #expect(
                    result.errors.first?.message.contains("status") == true
                        || result.errors.first?.message.contains("503") == true)
                #expect(AppProcess.marked(stage.directory).isEmpty)
            }
        }

        @Test("the same task again finds its work done and restarts nothing")
        func repetition() async throws {
            try await Self.staged { stage in
                var random = SystemRandomNumberGenerator()
                let task = try await stage.task(TinyApp.files(), taskID: UniqueID.v7(at: .now(), using: &random))
                _ = try await stage.run(task)
                let process = try stage.record().process
                let again = try await stage.run(task)
                #expect(again.status == .success, "\(again.errors)")
                #expect(try stage.record().process == process)
            }
        }

        @Test("an app that crashed is seen as crashed, and the next deployment brings it back at its address")
        func crashed() async throws {
            try await Self.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let before = try stage.record()
                let process = try #require(before.process)
                kill(process.processID, SIGKILL)
                #expect(try await stage.sandbox.eventually { !process.isAlive })
                let status = try await stage.act("status")
                #expect(status.output["status"] == "crashed")
                #expect(status.output["healthy"] == false)
                let result = try await stage.deploy(TinyApp.files(version: "two"))
                #expect(result.status == .success, "\(result.errors)")
                #expect(try stage.record().port == before.port)
                #expect(try await stage.version() == "two")
            }
        }

        @Test("two deployments never get the same port, and a port of another one is refused")
        func ports() async throws {
            try await Self.staged { stage in
                _ = try await stage.deploy(TinyApp.files())
                let port = try stage.record().port
                _ = try await stage.act("stop")
                // Stopped, so the port is free; it stays promised all the same.
                let other = try await stage.deploy(TinyApp.files(version: "other"), payload: ["name": "other"])
                #expect(other.status == .success, "\(other.errors)")
                #expect(other.output["port"]?.intValue != port)
                let third = try await stage.deploy(
                    TinyApp.files(version: "third"), payload: ["name": "third", "port": .integer(Int64(port))])
                #expect(third.errors.map(\.code) == ["PORT_IN_USE"])
                #expect(third.errors.first?.message.contains("tiny-app") == true)
                #expect(try await stage.act("stop", ["name": "other"]).status == .success)
            }
        }

        @Test("install runs in the release, once, and a failing one changes nothing")
        func install() async throws {
            try await Self.staged { stage in
                let install = "require('fs').appendFileSync('installed', 'x')"
                let commands: JSONValue = [
                    "install": [["node", "-e", .string(install)]], "start": [["node", "server.js"]],
                ]
                let task = try await stage.task(TinyApp.files(version: "one", manifest: ["commands": commands]))
                #expect(try await stage.run(task).status == .success)
                #expect(try await stage.run(task).status == .success)
                #expect(stage.sandbox.read(stage.directory + "/current/installed") == "x")
                let failing: JSONValue = [
                    "install": [["node", "-e", "process.exit(9)"]], "start": [["node", "server.js"]],
                ]
                let result = try await stage.deploy(TinyApp.files(version: "two", manifest: ["commands": failing]))
                #expect(result.errors.map(\.code) == ["INSTALL_FAILED"])
                #expect(try await stage.version() == "one")
            }
        }

        @Test("what can't be deployed is refused in plain words")
        func refusals() async throws {
            try await Self.staged { stage in
                let heroku = try await stage.deploy(TinyApp.files(), payload: ["target": "heroku"])
                #expect(heroku.errors.map(\.code) == ["TARGET_NOT_SUPPORTED"])
                let name = try await stage.deploy(TinyApp.files(version: "2"), payload: ["name": "../../etc"])
                #expect(name.errors.map(\.code) == ["INVALID_NAME"])
                let start = try await stage.deploy(TinyApp.files(manifest: ["commands": [:]]))
                #expect(start.errors.map(\.code) == ["NO_START_COMMAND"])
                for action in ["status", "stop", "rollback"] {
                    #expect(try await stage.act(action, ["name": "nothing"]).errors.map(\.code) == ["NOT_DEPLOYED"])
                }
            }
        }
    }
}
