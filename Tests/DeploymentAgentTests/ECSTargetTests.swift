import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

extension TargetSuites {
    /// Against stand-ins of the AWS command line, with one cluster and one service behind it, and of docker.
    @Suite("deployment to ecs")
    struct ECSTargetTests {
        private static let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
        private static let options: JSONObject = [
            "registry": .string(host), "cluster": "shop", "service": "web", "region": "eu-west-1",
        ]

        private func deploy(
            _ stage: TargetStage, _ version: String, payload: JSONObject = [:], options: JSONObject = options
        ) async throws -> TaskResult {
            var payload = payload
            payload["options"] = .object(options)
            return try await stage.deploy(TargetStage.files(version: version), target: "ecs", payload: payload)
        }

        private func fate(_ stage: TargetStage, _ images: JSONObject) throws {
            try stage.sandbox.write(JSONValue.object(images).description, to: stage.world + "/images.json")
        }

        /// The task definition that the service runs, without the account.
        private func running(_ stage: TargetStage) throws -> String? {
            try stage.state("service")["definition"]?.stringValue.map { String($0.split(separator: "/").last ?? "") }
        }

        private func definitions(_ stage: TargetStage) throws -> [JSONValue] {
            let text = try #require(stage.sandbox.read(stage.world + "/state.json"))
            let limits = JSONLimits(maxBytes: 8 << 20)
            return try JSONValue(parsing: Array(text.utf8), limits: limits)["definitions"]?.arrayValue ?? []
        }

        @Test("the service gets a task definition with the commit's image, goes back, and stops")
        func forthAndBack() async throws {
            try await TargetStage.with("docker", "aws") { stage in
                var options = Self.options
                options["secrets"] = ["TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/token"]
                try fate(stage, ["tiny-app": "slow"])
                let result = try await deploy(
                    stage, "one", payload: ["environment": ["KEY": "a $ value"]], options: options)
                #expect(result.status == .success, "\(result.errors)")
                #expect(result.output["tools"]?["aws"] == "2.22.10")
                #expect(try running(stage) == "web:2")
                let container = try #require(try definitions(stage).last?["containerDefinitions"]?[0])
                let unit = try #require(try stage.record().current)
                #expect(container["image"] == .string("\(Self.host)/tiny-app:\(unit.release)"))
                #expect(
                    container["environment"]
                        == [["name": "KEPT", "value": "as it was"], ["name": "KEY", "value": "a $ value"]])
                #expect(container["secrets"]?[0]?["name"] == "TOKEN")
                #expect(!stage.commands().contains { $0.contains("a $ value") || $0.contains("ecr-password") })
                // Pushed with a password that was on no command line.
                #expect(stage.commands().contains("docker login --username AWS --password-stdin \(Self.host)"))

                #expect(try await deploy(stage, "two").status == .success)
                #expect(try running(stage) == "web:3")
                let back = try await stage.act("rollback")
                #expect(back.status == .success, "\(back.errors)")
                #expect(try running(stage) == "web:2")
                #expect(try await stage.act("status").output["healthy"] == true)
                #expect(try await stage.act("stop").status == .success)
                #expect(try stage.state("service")["desired"] == 0)
                #expect(try await stage.act("status").output["status"] == "stopped")
                #expect(try await deploy(stage, "three").status == .success)
                #expect(try stage.state("service")["desired"] == 2)
            }
        }

        @Test("tasks that don't run: the task definition of before comes back, even one from before Baton")
        func unhealthy() async throws {
            try await TargetStage.with("docker", "aws") { stage in
                for (word, sentence) in [
                    ("failed", "circuit breaker"), ("stuck", "0 of 2 tasks"), ("reverted", "by now"),
                ] {
                    try fate(stage, ["tiny-app": .string(word)])
                    let result = try await deploy(stage, word, payload: ["health_timeout_seconds": 1])
                    #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                    #expect(result.errors.first?.message.contains(sentence) == true, "\(result.errors)")
                    #expect(try running(stage) == "web:1")
                }
            }
        }

        @Test("no tool, no credentials, no cluster, no service: told before anything is changed")
        func trouble() async throws {
            try await TargetStage.with("docker", "aws") { stage in
                let unnamed = try await deploy(stage, "one", options: ["registry": "r"])
                #expect(unnamed.errors.map(\.code) == ["NO_SERVICE"])
                var options = Self.options
                options["service"] = "gone"
                let service = try await deploy(stage, "2", options: options)
                #expect(service.errors.map(\.code) == ["NO_SERVICE"])
                #expect(service.errors.first?.message.contains("MISSING") == true)
                options = Self.options
                options["cluster"] = "gone"
                let cluster = try await deploy(stage, "3", options: options)
                #expect(cluster.errors.first?.message.contains("Cluster not found") == true)
                options["cluster"] = "--cli-input-json"
                #expect(try await deploy(stage, "4", options: options).errors.map(\.code) == ["INVALID_INPUT"])
                try stage.sandbox.write("", to: stage.world + "/no-credentials")
                #expect(try await deploy(stage, "5").errors.map(\.code) == ["TARGET_UNREACHABLE"])
                #expect(try definitions(stage).count == 1)
            }
        }

        @Test("killed in the middle, the second attempt takes the task definition that is there")
        func killed() async throws {
            try await TargetStage.with("docker", "aws") { stage in
                let marker = stage.sandbox.path + "/reached"
                try stage.order(["when": "aws ecs update-service", "mark": .string(marker), "delay": 30])
                let task = try await stage.task(
                    TargetStage.files(version: "two"), target: "ecs", payload: ["options": .object(Self.options)],
                    taskID: TargetStage.newID())
                try await stage.kill(task, when: marker)
                let again = try await stage.run(task)
                #expect(again.status == .success, "\(again.errors)")
                #expect(try definitions(stage).count == 2 && running(stage) == "web:2")
            }
        }
    }
}
