import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

extension TargetSuites {
    /// Against a stand-in of docker whose containers are real processes.
    @Suite("deployment to docker")
    struct DockerTargetTests {
        @Test("the app serves from a container named after the commit, which survives a crash and can be stopped")
        func first() async throws {
            try await TargetStage.with("docker") { stage in
                let result = try await stage.deploy(
                    TargetStage.files(version: "one"), target: "docker",
                    payload: ["environment": ["GREETING": "hello $HOME 'and' \"more\""]])
                #expect(result.status == .success, "\(result.errors)")
                let record = try stage.record()
                let unit = try #require(record.current)
                #expect(result.output["image"] == .string("tiny-app:\(unit.release)"))
                #expect(result.output["tools"]?["docker"] == "27.5.1")
                #expect(try await stage.get("/version") == "one")
                #expect(try await stage.get("/variable/GREETING") == "hello $HOME 'and' \"more\"")
                let containers = try stage.state("containers")
                let container = try #require(containers["tiny-app-\(unit.id)"])
                #expect(container["restart"] == true)
                #expect(container["labels"]?["baton.deployment"] == "tiny-app")
                #expect(container["volumes"] == ["tiny-app-data:/data"])
                // No value on a command line.
                #expect(!stage.commands().contains { $0.contains("hello") }, "\(stage.commands())")
                let status = try await stage.act("status")
                #expect(status.output["status"] == "running" && status.output["healthy"] == true)
                let stopped = try await stage.act("stop")
                #expect(stopped.output["summary"] == "tiny-app stopped", "\(stopped.errors)")
                #expect(try await stage.act("status").output["status"] == "stopped")
                // Kept as they were: variables that nobody mentions.
                let next = try await stage.deploy(TargetStage.files(version: "two"), target: "docker")
                #expect(next.status == .success, "\(next.errors)")
                #expect(next.output["url"] == result.output["url"])
                #expect(try await stage.get("/variable/GREETING")?.hasPrefix("hello") == true)
            }
        }

        @Test("a second release takes the address over, and people can go back and forth")
        func second() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let first = try #require(try stage.record().current)
                _ = try await stage.deploy(TargetStage.files(version: "two"), target: "docker")
                let second = try #require(try stage.record().current)
                #expect(try await stage.get("/version") == "two")
                #expect(try stage.state("containers")["tiny-app-\(first.id)"]?["status"] == "exited")
                let back = stage.actionTask("rollback", taskID: TargetStage.newID())
                let result = try await stage.run(back)
                #expect(result.status == .success, "\(result.errors)")
                #expect(try await stage.get("/version") == "one")
                // The same task once more goes no further.
                #expect(try await stage.run(back).output["release"] == .string(first.release))
                #expect(try await stage.get("/version") == "one")
                let forth = try await stage.act("rollback", ["to": .string(second.release)])
                #expect(forth.status == .success, "\(forth.errors)")
                #expect(try await stage.get("/version") == "two")
                let history = try await stage.act("history")
                let outcomes = history.output["history"]?.arrayValue?.compactMap { $0["outcome"]?.stringValue }
                #expect(outcomes == ["restored", "restored", "healthy", "healthy"])
                let nowhere = try await stage.act("rollback", ["to": "abcdefabcdef"])
                #expect(nowhere.errors.map(\.code) == ["NO_EARLIER_RELEASE"])
            }
        }

        @Test(
            "a release that is unhealthy is rolled back, and the one before serves again",
            arguments: [
                (TargetStage.files(version: "two", start: "sys.exit('last words')"), "last words", 60),
                (TargetStage.files(version: "two", healthy: "False"), "/health", 2),
                (TargetStage.files(version: "two", docker: "HEALTHCHECK CMD sick"), "unhealthy", 60),
            ])
        func unhealthy(_ files: [String: String?], _ problem: String, _ seconds: JSONValue) async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let before = try #require(try stage.record().current)
                let result = try await stage.deploy(
                    files, target: "docker", payload: ["health_timeout_seconds": seconds])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.errors.first?.message.contains(problem) == true, "\(result.errors)")
                #expect(result.output["rolled_back_to"] == .string(before.release))
                #expect(try await stage.get("/version") == "one")
                let record = try stage.record()
                #expect(record.status == .running && record.pending == nil && record.current?.id == before.id)
                #expect(record.history.map(\.outcome) == [.healthy, .unhealthy, .restored])
                #expect(try stage.state("containers").count == 1)
            }
        }

        @Test("a release that dies while it is watched is rolled back")
        func watched() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let dying = """
                    answers = []
                    def well():
                        answers.append(0)
                        if len(answers) > 1: os._exit(7)
                        return True
                    """
                // It dies once it was seen healthy.
                let result = try await stage.deploy(
                    TargetStage.files(
                        version: "two", start: dying, healthy: "well()"),
                    target: "docker", payload: ["watch_seconds": 30])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"], "\(result.output)")
                #expect(try await stage.get("/version") == "one")
            }
        }

        @Test("a first release that is unhealthy leaves nothing running")
        func unhealthyFirst() async throws {
            try await TargetStage.with("docker") { stage in
                let result = try await stage.deploy(
                    TargetStage.files(version: "one", healthy: "False"), target: "docker",
                    payload: ["health_timeout_seconds": 1])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.output["rolled_back_to"] == JSONValue.null)
                #expect(try stage.state("containers").isEmpty)
                #expect(try stage.record().status == .failed)
                #expect(try await stage.act("status").output["status"] == "failed")
            }
        }

        @Test("trouble before the switch touches nothing and says what it is")
        func trouble() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let record = try stage.record()
                let cases: [([String: String?], JSONValue, String, String)] = [
                    (TargetStage.files(version: "2", docker: "RUN false"), [:], "BUILD_FAILED", "did not complete"),
                    (
                        TargetStage.files(version: "3"), ["options": ["image": "gone:1"]], "PULL_FAILED",
                        "manifest unknown"
                    ),
                    (TargetStage.files(version: "4"), ["environment": ["PORT": "1"]], "INVALID_ENVIRONMENT", "PORT"),
                    (
                        TargetStage.files(version: "5"), ["environment": ["KEY": "a\nb"]], "INVALID_ENVIRONMENT",
                        "several lines"
                    ),
                    (TargetStage.files(version: "6"), ["options": ["image": "--privileged"]], "INVALID_INPUT", "image"),
                    (TargetStage.files(version: "7"), ["options": ["volume": "/:/host"]], "INVALID_INPUT", "volume"),
                    (TargetStage.files(version: "8"), ["environment": ["A-B; rm": "1"]], "INVALID_ENVIRONMENT", "name"),
                ]
                for (files, payload, code, words) in cases {
                    let result = try await stage.deploy(
                        files, target: "docker", payload: payload.objectValue ?? [:])
                    #expect(result.errors.map(\.code) == [code])
                    #expect(result.errors.first?.message.contains(words) == true, "\(result.errors)")
                    #expect(try stage.record() == record)
                }
                #expect(try await stage.get("/version") == "one")
                let process = try await stage.deploy(TargetStage.files(version: "9"), target: "process")
                #expect(process.errors.map(\.code) == ["TARGET_CHANGED"])
            }
        }

        @Test("without docker, and without its daemon, the failure says so")
        func missing() async throws {
            try await TargetStage.with { stage in
                // Nothing but what git and Python need.
                let tools = stage.sandbox.path + "/tools/bin"
                for tool in ["git", "curl", "rm"] {
                    try FileManager.default.createSymbolicLink(
                        atPath: "\(tools)/\(tool)", withDestinationPath: "/usr/bin/\(tool)")
                }
                let task = try await stage.task(TargetStage.files(version: "one"), target: "docker")
                let result = try await stage.run(task, more: ["PATH": tools])
                #expect(result.errors.map(\.code) == ["TOOL_MISSING"])
                #expect(result.errors.first?.message.contains("docker.io") == true, "\(result.errors)")
            }
            try await TargetStage.with("docker") { stage in
                try stage.sandbox.write("", to: stage.world + "/docker-down")
                let result = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                #expect(result.errors.map(\.code) == ["TARGET_UNREACHABLE"])
                #expect(result.errors.first?.retryable == true)
                #expect(result.errors.first?.message.contains("Is the docker daemon running?") == true)
            }
        }

        @Test("a container that the engine can't start is a failed release like any other")
        func engineFault() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                try stage.order([
                    "when": "docker run", "exit": 125,
                    "stderr": "docker: Error response from daemon: no space left on device.",
                ])
                let result = try await stage.deploy(TargetStage.files(version: "two"), target: "docker")
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(result.errors.first?.message.contains("no space left") == true)
                #expect(try await stage.get("/version") == "one")
            }
        }

        @Test(
            "killed in the middle, the second attempt of the task finishes it",
            arguments: [("docker stop", true), ("docker run", false), ("docker run", true)])
        func killed(_ command: String, _ afterwards: Bool) async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let marker = stage.sandbox.path + "/reached"
                try stage.order([
                    "when": .string(command), "mark": .string(marker), "delay": 30, "then": .bool(afterwards),
                ])
                let task = try await stage.task(
                    TargetStage.files(version: "two"), target: "docker", taskID: TargetStage.newID())
                try await stage.kill(task, when: marker)
                let again = try await stage.run(task)
                #expect(again.status == .success, "\(again.errors)")
                #expect(try await stage.get("/version") == "two")
                let running = try stage.state("containers").values.filter { $0["status"] == "running" }
                #expect(running.count == 1)
                let record = try stage.record()
                #expect(record.status == .running && record.pending == nil)
                // And it is still known what to go back to.
                let back = try await stage.act("rollback")
                #expect(back.status == .success, "\(back.errors)")
                #expect(try await stage.get("/version") == "one")
            }
        }

        @Test("killed in the middle, and the next release is no good: the one before the dead attempt serves again")
        func killedThenBad() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                for files in [
                    TargetStage.files(version: "3", docker: "RUN false"),
                    TargetStage.files(version: "4", start: "sys.exit(1)"),
                ] {
                    let marker = stage.sandbox.path + "/reached-\(UInt32.random(in: .min ... .max))"
                    try stage.order(["when": "docker run", "mark": .string(marker), "delay": 30])
                    let task = try await stage.task(TargetStage.files(version: marker), target: "docker")
                    try await stage.kill(task, when: marker)
                    #expect(try await stage.get("/version") == nil)
                    let next = try await stage.deploy(files, target: "docker")
                    #expect(next.status == .failure)
                    #expect(try await stage.get("/version") == "one")
                    #expect(try stage.record().status == .running)
                }
            }
        }

        @Test("cancelled while the image is built, nothing was changed")
        func cancelled() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let record = try stage.record()
                let marker = stage.sandbox.path + "/building"
                try stage.order(["when": "docker build", "mark": .string(marker), "delay": 60])
                let task = try await stage.task(TargetStage.files(version: "two"), target: "docker")
                let attempt = Task { try await stage.run(task) }
                #expect(try await stage.sandbox.eventually(within: 60) { stage.sandbox.exists(marker) })
                attempt.cancel()
                let result = try await attempt.value
                #expect(result.status != .success)
                #expect(try stage.record() == record)
                #expect(try await stage.get("/version") == "one")
            }
        }

        @Test("cancelled in the middle of the switch, it is carried through")
        func cancelledInSwitch() async throws {
            try await TargetStage.with("docker") { stage in
                _ = try await stage.deploy(TargetStage.files(version: "one"), target: "docker")
                let marker = stage.sandbox.path + "/stopping"
                try stage.order(["when": "docker stop", "mark": .string(marker), "delay": 1])
                let task = try await stage.task(TargetStage.files(version: "two"), target: "docker")
                let attempt = Task { try await stage.run(task) }
                #expect(try await stage.sandbox.eventually(within: 60) { stage.sandbox.exists(marker) })
                attempt.cancel()
                _ = try await attempt.value
                #expect(try await stage.get("/version") == "two")
                #expect(try stage.record().status == .running)
            }
        }
    }
}
