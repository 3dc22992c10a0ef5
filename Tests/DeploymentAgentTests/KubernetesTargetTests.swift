import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

extension TargetSuites {
    /// Against stand-ins of kubectl, with Deployments, ReplicaSets and pods behind it, and of docker.
    @Suite("deployment to kubernetes")
    struct KubernetesTargetTests {
        private static let options: JSONObject = [
            "registry": "registry.test/team", "namespace": "shop", "kube_context": "staging",
        ]

        private func deploy(
            _ stage: TargetStage, _ version: String, payload: JSONObject = [:], options: JSONObject = options,
            files more: [String: String] = [:]
        ) async throws -> TaskResult {
            var payload = payload
            payload["options"] = .object(options)
            return try await stage.deploy(
                TargetStage.files(version: version, more: more), target: "kubernetes", payload: payload)
        }

        /// How the pods of a commit's image fare.
        private func fate(_ stage: TargetStage, _ images: JSONObject) throws {
            try stage.sandbox.write(JSONValue.object(images).description, to: stage.world + "/images.json")
        }

        private func deployed(_ stage: TargetStage) throws -> JSONValue {
            try #require(try stage.state("deployments")["tiny-app"])
        }

        @Test("a Deployment and a Service are made, rolled out, rolled back, stopped")
        func forthAndBack() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                let result = try await deploy(stage, "one", payload: ["environment": ["KEY": "a $ value"]])
                #expect(result.status == .success, "\(result.errors)")
                #expect(result.output["tools"]?["kubectl"] == "v1.31.2")
                let first = try #require(try stage.record().current)
                #expect(first.image == "registry.test/team/tiny-app:\(first.release)")
                #expect(first.state["revision"] == "1")
                let pod = try deployed(stage)["spec"]?["template"]?["spec"]?["containers"]?[0]
                #expect(pod?["image"] == .string(first.image))
                #expect(pod?["readinessProbe"]?["httpGet"]?["path"] == "/health")
                #expect(pod?["envFrom"] == [["secretRef": ["name": .string("tiny-app-env-\(first.id)")]]])
                #expect(pod?["ports"]?[0]?["containerPort"] == 8000)
                #expect(try stage.state("secrets")["tiny-app-env-\(first.id)"]?["stringData"]?["KEY"] == "a $ value")
                #expect(try stage.state("services")["tiny-app"] != nil)
                let commands = stage.commands()
                #expect(!commands.contains { $0.contains("a $ value") })
                #expect(
                    commands.filter { $0.hasPrefix("kubectl") }.allSatisfy {
                        $0.hasPrefix("kubectl --context staging --namespace shop ")
                    })

                try fate(stage, ["tiny-app": "slow"])
                let second = try await deploy(stage, "two", payload: ["environment": [:]])
                #expect(second.status == .success, "\(second.errors)")
                try fate(stage, [:])
                #expect(try stage.record().current?.state["revision"] == "2")
                let back = try await stage.act("rollback")
                #expect(back.status == .success, "\(back.errors)")
                // The revision of before has a new number, and its Secret is still there.
                #expect(try stage.record().current?.state["revision"] == "3")
                #expect(
                    try deployed(stage)["spec"]?["template"]?["spec"]?["containers"]?[0]?["image"]
                        == .string(first.image))
                #expect(try stage.state("secrets").keys == ["tiny-app-env-\(first.id)"])
                // By its mark, whatever its number is now.
                #expect(try await stage.act("rollback").status == .success)
                #expect(try await stage.act("rollback").status == .success)
                #expect(try stage.record().current?.release == first.release)

                #expect(try await stage.act("status").output["status"] == "running")
                #expect(try await stage.act("stop").status == .success)
                #expect(try deployed(stage)["spec"]?["replicas"] == 0)
                #expect(try await stage.act("status").output["status"] == "stopped")
                let again = try await deploy(stage, "three")
                #expect(again.status == .success, "\(again.errors)")
                #expect(try deployed(stage)["spec"]?["replicas"] == 1)
            }
        }

        @Test("pods that crash, can't be pulled, or don't get ready: the revision before comes back")
        func unhealthy() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                _ = try await deploy(stage, "one")
                let before = try #require(try stage.record().current)
                let cases = [
                    ("crash", "CrashLoopBackOff, exit code 3"), ("pull", "ImagePullBackOff"),
                    ("stuck", "exceeded its progress deadline"), ("never", "not healthy within 1 s"),
                ]
                for (word, sentence) in cases {
                    try fate(stage, [before.release: "ok", "tiny-app": .string(word)])
                    let result = try await deploy(stage, word, payload: ["health_timeout_seconds": 1])
                    #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                    #expect(result.errors.first?.message.contains(sentence) == true, "\(result.errors)")
                    #expect(result.output["rolled_back_to"] == .string(before.release))
                    #expect(
                        try deployed(stage)["spec"]?["template"]?["spec"]?["containers"]?[0]?["image"]
                            == .string(before.image))
                }
                #expect(try await stage.act("status").output["healthy"] == true)
            }
        }

        @Test("a first release that doesn't run is scaled to nothing; a Deployment of before Baton is gone back to")
        func first() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                try fate(stage, ["tiny-app": "crash"])
                let result = try await deploy(stage, "one", payload: ["health_timeout_seconds": 1])
                #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                #expect(try deployed(stage)["spec"]?["replicas"] == 0)
            }
            try await TargetStage.with("docker", "kubectl") { stage in
                let template: JSONValue = [
                    "metadata": ["labels": ["app.kubernetes.io/name": "tiny-app"]],
                    "spec": ["containers": [["name": "app", "image": "by-hand:1"]]],
                ]
                let metadata: JSONObject = [
                    "name": "tiny-app", "annotations": ["deployment.kubernetes.io/revision": "1"],
                ]
                let state: JSONValue = [
                    "deployments": [
                        "tiny-app": [
                            "kind": "Deployment", "metadata": .object(metadata), "since": 0,
                            "spec": [
                                "replicas": 1, "template": template,
                                "selector": ["matchLabels": ["app.kubernetes.io/name": "tiny-app"]],
                            ],
                        ]
                    ],
                    "replicasets": [
                        "tiny-app": [
                            ["kind": "ReplicaSet", "metadata": .object(metadata), "spec": ["template": template]]
                        ]
                    ],
                ]
                try stage.sandbox.write(state.description, to: stage.world + "/state.json")
                try fate(stage, ["tiny-app": "crash"])
                let result = try await deploy(stage, "one", payload: ["health_timeout_seconds": 1])
                #expect(result.errors.first?.message.contains("what was there before") == true, "\(result.errors)")
                #expect(
                    try deployed(stage)["spec"]?["template"]?["spec"]?["containers"]?[0]?["image"] == "by-hand:1")
            }
        }

        @Test("a project's own k8s folder is applied with the commit's image")
        func ownManifests() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                let deployment: JSONValue = [
                    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "front"],
                    "spec": [
                        "replicas": 3, "selector": ["matchLabels": ["app": "front"]],
                        "template": [
                            "metadata": ["labels": ["app": "front"]],
                            "spec": [
                                "containers": [
                                    ["name": "proxy", "image": "envoy:1"], ["name": "web", "image": "placeholder"],
                                ]
                            ],
                        ],
                    ],
                ]
                let map: JSONValue = ["kind": "ConfigMap", "metadata": ["name": "settings"], "data": ["a": "b"]]
                let own = ["k8s/deployment.yaml": deployment.description, "k8s/map.yaml": map.description]
                let unclear = try await deploy(stage, "one", files: own)
                #expect(unclear.errors.map(\.code) == ["NO_CONTAINER"])
                #expect(unclear.errors.first?.message.contains("proxy, web") == true)
                var options = Self.options
                options["container"] = "web"
                let result = try await deploy(stage, "two", options: options, files: own)
                #expect(result.status == .success, "\(result.errors)")
                let unit = try #require(try stage.record().current)
                let front = try #require(try stage.state("deployments")["front"])
                let containers = front["spec"]?["template"]?["spec"]?["containers"]
                #expect(containers?[0]?["image"] == "envoy:1" && containers?[1]?["image"] == .string(unit.image))
                #expect(front["spec"]?["replicas"] == 3)
                #expect(try stage.state("configmaps")["settings"]?["data"]?["a"] == "b")
                try stage.order(["when": "kubectl create", "exit": 1, "stderr": "error: error parsing x.yaml"])
                #expect(
                    try await deploy(stage, "3", options: options, files: own).errors.map(\.code) == ["TOOL_FAILED"])
            }
        }

        @Test("no tool, no cluster, no registry, no context: told before anything is changed")
        func trouble() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                let registry = try await deploy(stage, "one", options: [:])
                #expect(registry.errors.map(\.code) == ["NO_REGISTRY"])
                let context = try await deploy(stage, "2", options: ["registry": "r", "kube_context": "production"])
                #expect(context.errors.first?.message.contains("does not exist") == true)
                for (name, value) in [("namespace", "--all"), ("namespace", "a b"), ("registry", "$(id)")] {
                    let options: JSONObject = [name: .string(value)]
                    #expect(
                        try await deploy(stage, "3 \(value.count)", options: options).errors.map(\.code) == [
                            "INVALID_INPUT"
                        ])
                }
                try stage.order(["when": "docker push", "exit": 1, "stderr": "denied: requested access is denied"])
                #expect(try await deploy(stage, "4").errors.map(\.code) == ["PUSH_FAILED"])
                try stage.sandbox.write("", to: stage.world + "/cluster-down")
                #expect(try await deploy(stage, "5").errors.map(\.code) == ["TARGET_UNREACHABLE"])
                #expect(try stage.state("deployments").isEmpty)
            }
        }

        @Test("killed while it rolls out, the second attempt finishes the same rollout")
        func killed() async throws {
            try await TargetStage.with("docker", "kubectl") { stage in
                _ = try await deploy(stage, "one")
                let marker = stage.sandbox.path + "/reached"
                try stage.order(["when": "kubectl apply", "mark": .string(marker), "delay": 30, "then": true])
                let task = try await stage.task(
                    TargetStage.files(version: "two"), target: "kubernetes",
                    payload: ["options": .object(Self.options)], taskID: TargetStage.newID())
                try await stage.kill(task, when: marker)
                let again = try await stage.run(task)
                #expect(again.status == .success, "\(again.errors)")
                // One rollout, not two.
                #expect(try stage.record().current?.state["revision"] == "2")
                #expect(try await stage.act("rollback").status == .success)
            }
        }
    }
}
