import AgentRuntime
import JSONTools

/// The objects that a release is in Kubernetes, as JSON for `kubectl apply -f -`.
struct KubernetesManifest: Sendable, Hashable {
    static let deploymentLabel = "baton.dev/deployment"
    static let unitAnnotation = "baton.dev/unit"

    /// Name of the Deployment.
    var deployment: String
    var objects: [JSONValue]

    /// What all objects of a release have in common.
    struct Release: Sendable {
        var label: String
        var unit: TargetUnit
        var options: TargetOptions
        var containerPort: Int
        var health: String
        var environment: AppEnvironment

        /// Of this try alone: what an earlier ReplicaSet refers to stays as it was.
        var secretName: String { "\(label)-env-\(unit.id)" }
    }

    /// A Deployment and a Service for a project that has no manifests of its own.
    static func generated(_ release: Release) -> KubernetesManifest {
        let labels: JSONObject = ["app.kubernetes.io/name": .string(release.label)]
        let port = JSONValue.integer(Int64(release.containerPort))
        let container: JSONValue = [
            "name": "app", "image": "-", "env": [["name": "PORT", "value": .string(String(release.containerPort))]],
            "ports": [["name": "http", "containerPort": port]],
            "readinessProbe": [
                "httpGet": ["path": .string(release.health), "port": "http"], "periodSeconds": 2, "failureThreshold": 3,
            ],
            "securityContext": ["allowPrivilegeEscalation": false],
        ]
        let deployment: JSONValue = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(release.label)],
            "spec": [
                "revisionHistoryLimit": 10, "selector": ["matchLabels": .object(labels)],
                "template": [
                    "metadata": ["labels": .object(labels)],
                    "spec": ["automountServiceAccountToken": false, "containers": [container]],
                ],
            ],
        ]
        let service: JSONValue = [
            "apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(release.label)],
            "spec": [
                "selector": .object(labels), "ports": [["name": "http", "port": 80, "targetPort": "http"]],
            ],
        ]
        return KubernetesManifest(deployment: release.label, objects: [deployment, service])
    }

    /// The project's own objects.
    ///
    /// - Throws: ``ActionFailure`` `INVALID_MANIFEST` unless there is one Deployment, or one with the deployment's name.
    static func own(_ documents: [JSONValue], label: String) throws -> KubernetesManifest {
        let objects = documents.flatMap { $0["kind"] == "List" ? $0["items"]?.arrayValue ?? [] : [$0] }
        let names = objects.filter { $0["kind"] == "Deployment" }.compactMap { $0["metadata"]?["name"]?.stringValue }
        guard let name = names.count == 1 ? names.first : names.first(where: { $0 == label }) else {
            throw ActionFailure(
                code: "INVALID_MANIFEST",
                message: "k8s/ has to have one Deployment, or one named \(label); it has "
                    + (names.isEmpty ? "none." : names.joined(separator: ", ") + "."))
        }
        return KubernetesManifest(deployment: name, objects: objects)
    }

    /// With the image, variables, labels and annotations of a release, and a Secret for its variables.
    ///
    /// - Throws: ``ActionFailure`` `NO_CONTAINER` when it isn't clear which container is the app.
    func released(_ release: Release) throws -> KubernetesManifest {
        var result = self
        result.objects = try objects.map { object in
            guard object["kind"] == "Deployment", object["metadata"]?["name"]?.stringValue == deployment else {
                return object
            }
            return try Self.released(object, release)
        }
        for position in result.objects.indices {
            result.objects[position].put(
                .string(release.label), at: ["metadata", "labels", Self.deploymentLabel])
        }
        if !release.environment.values.isEmpty {
            let secret: JSONValue = [
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": [
                    "name": .string(release.secretName), "labels": [Self.deploymentLabel: .string(release.label)],
                ],
                "stringData": .object(release.environment.json),
            ]
            result.objects.insert(secret, at: 0)
        }
        return result
    }

    /// The documents as one List.
    var list: [UInt8] {
        JSONValue.object(["apiVersion": "v1", "kind": "List", "items": .array(objects)]).encoded()
    }

    private static func released(_ object: JSONValue, _ release: Release) throws -> JSONValue {
        var object = object
        var containers = object["spec"]?["template"]?["spec"]?["containers"]?.arrayValue ?? []
        let names = containers.map { $0["name"]?.stringValue ?? "" }
        let place = release.options.container.map { names.firstIndex(of: $0) } ?? (names.count == 1 ? 0 : nil)
        guard let place else {
            throw ActionFailure(
                code: "NO_CONTAINER",
                message: "Say by options.container which container gets the image; the Deployment has "
                    + (names.isEmpty ? "none." : names.joined(separator: ", ") + "."))
        }
        containers[place].put(.string(release.unit.image), at: ["image"])
        if !release.environment.values.isEmpty {
            let sources = containers[place]["envFrom"]?.arrayValue ?? []
            containers[place].put(
                .array(sources + [["secretRef": ["name": .string(release.secretName)]]]), at: ["envFrom"])
        }
        let template = ["spec", "template"]
        object.put(.array(containers), at: template + ["spec", "containers"])
        object.put(.string(release.label), at: template + ["metadata", "labels", deploymentLabel])
        object.put(.string(release.unit.id), at: template + ["metadata", "annotations", unitAnnotation])
        object.put(.string(release.unit.release), at: ["metadata", "annotations", "kubernetes.io/change-cause"])
        if let replicas = release.options.replicas {
            object.put(.integer(Int64(replicas)), at: ["spec", "replicas"])
        } else if object["spec"]?["replicas"] == nil {
            object.put(1, at: ["spec", "replicas"])
        }
        return object
    }
}

extension JSONValue {
    /// Sets a member of nested objects, which are made as needed.
    mutating func put(_ value: JSONValue, at path: [String]) {
        guard let key = path.first else {
            self = value
            return
        }
        var object = objectValue ?? [:]
        var member = object[key] ?? .object([:])
        member.put(value, at: Array(path.dropFirst()))
        object[key] = member
        self = .object(object)
    }
}
