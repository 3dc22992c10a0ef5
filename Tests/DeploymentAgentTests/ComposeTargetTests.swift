import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

extension TargetSuites {
    /// Against a stand-in of docker's compose plugin; its compose files are JSON, which is YAML, too.
    @Suite("deployment to compose")
    struct ComposeTargetTests {
        private static func files(
            version: String, start: String = "", healthy: String = "True", app: JSONObject = [:],
            services: JSONObject = [:]
        ) -> [String: String?] {
            var service: JSONObject = [
                "build": ".", "ports": ["127.0.0.1:${PORT:-1}:8000"], "environment": ["PRICE": "5$$", "OWN": "kept"],
            ]
            for (key, value) in app { service[key] = value }
            var all: JSONObject = ["web": .object(service)]
            for (key, value) in services { all[key] = value }
            return TargetStage.files(
                version: version, start: start, healthy: healthy,
                more: ["compose.yaml": JSONValue.object(["services": .object(all)]).prettyPrinted()])
        }

        @Test("the project's services come up with the commit's image, go back, and stop")
        func forthAndBack() async throws {
            try await TargetStage.with("docker") { stage in
                let result = try await stage.deploy(
                    Self.files(version: "one"), target: "compose",
                    payload: ["environment": ["GREETING": "${HOME} $x $$ \"a\"\nsecond line"]])
                #expect(result.status == .success, "\(result.errors)")
                let first = try #require(try stage.record().current)
                #expect(first.image == "tiny-app:\(first.release)")
                #expect(result.output["url"] == .string("http://127.0.0.1:\(stage.port)"))
                #expect(result.output["tools"]?["compose"] == "2.32.4")
                #expect(try await stage.get("/version") == "one")
                // A value arrives as it was given, whatever compose reads in dollars.
                #expect(try await stage.get("/variable/GREETING") == "${HOME} $x $$ \"a\"\nsecond line")
                #expect(try await stage.get("/variable/PRICE") == "5$")
                #expect(!stage.commands().contains { $0.contains("second line") })
                let override = try #require(first.state["override"]?.stringValue)
                let permissions = try FileManager.default.attributesOfItem(atPath: override)[.posixPermissions]
                #expect(permissions as? Int == 0o600)

                #expect(try await stage.deploy(Self.files(version: "two"), target: "compose").status == .success)
                #expect(try await stage.get("/version") == "two")
                let back = try await stage.act("rollback")
                #expect(back.status == .success, "\(back.errors)")
                #expect(try await stage.get("/version") == "one")
                #expect(try await stage.act("status").output["healthy"] == true)
                #expect(try await stage.act("stop").status == .success)
                #expect(try await stage.act("status").output["status"] == "stopped")
            }
        }

        @Test("unhealthy, unable to pull, unable to build: the release before goes on or comes back")
        func unhealthy() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(Self.files(version: "one"), target: "compose")
                let before = try #require(try stage.record().current)
                let cases: [([String: String?], String, String)] = [
                    (Self.files(version: "2", start: "sys.exit('last words')"), "DEPLOYMENT_UNHEALTHY", "last words"),
                    (
                        Self.files(version: "3", app: ["healthcheck": ["test": "sick"]]), "DEPLOYMENT_UNHEALTHY",
                        "health check"
                    ),
                    (
                        Self.files(version: "4", services: ["cache": ["image": "redis:gone"]]), "DEPLOYMENT_UNHEALTHY",
                        "manifest unknown"
                    ),
                    (Self.files(version: "5", app: ["ports": ["$"]]), "TOOL_FAILED", "invalid interpolation"),
                    (
                        Self.files(version: "6", services: ["worker": ["build": "."]]), "NO_SERVICE",
                        "options.service"
                    ),
                    (
                        TargetStage.files(version: "7").merging(["compose.yaml": nil]) { $1 }, "NO_COMPOSE_FILE",
                        "compose.yaml"
                    ),
                ]
                for (files, code, words) in cases {
                    let result = try await stage.deploy(
                        files, target: "compose", payload: ["health_timeout_seconds": 60])
                    #expect(result.errors.map(\.code) == [code])
                    #expect(result.errors.first?.message.contains(words) == true, "\(result.errors)")
                    #expect(try await stage.get("/version") == "one")
                    #expect(try stage.record().current?.id == before.id)
                }
            }
        }

        @Test("killed in the middle, the second attempt finishes, and it is still known what to go back to")
        func killed() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(Self.files(version: "one"), target: "compose")
                let marker = stage.sandbox.path + "/reached"
                try stage.order(["when": "compose up", "mark": .string(marker), "delay": 30, "then": true])
                let task = try await stage.task(
                    Self.files(version: "two"), target: "compose", taskID: TargetStage.newID())
                try await stage.kill(task, when: marker)
                let again = try await stage.run(task)
                #expect(again.status == .success, "\(again.errors)")
                #expect(try await stage.get("/version") == "two")
                #expect(try await stage.act("rollback").status == .success)
                #expect(try await stage.get("/version") == "one")
            }
        }

        @Test("without the plugin, and without a daemon, the failure says so")
        func missing() async throws {
            try await TargetStage.with("docker") { stage in
                try stage.sandbox.write("", to: stage.world + "/no-compose")
                let result = try await stage.deploy(Self.files(version: "one"), target: "compose")
                #expect(result.errors.map(\.code) == ["TOOL_MISSING"])
                #expect(result.errors.first?.message.contains("docker-compose") == true)
                try stage.sandbox.write("", to: stage.world + "/docker-down")
                let down = try await stage.deploy(Self.files(version: "2"), target: "compose")
                #expect(down.errors.map(\.code) == ["TARGET_UNREACHABLE"])
            }
        }
    }
}
