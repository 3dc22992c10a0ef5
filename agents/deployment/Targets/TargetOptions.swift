import JSONTools

/// Settings of the targets that run containers: the member `options` of the input.
///
/// Each is checked by the schema: none can be taken for an option of a tool, as none begins with a dash.
struct TargetOptions: Sendable, Hashable {
    /// As it was given, for the record: a later `rollback` or `stop` needs the same cluster and namespace.
    var json: JSONObject

    init(_ json: JSONValue?) { self.json = json?.objectValue ?? [:] }

    var registry: String? { json["registry"]?.stringValue }
    var image: String? { json["image"]?.stringValue }
    var containerPort: Int? { json["container_port"]?.intValue }
    var container: String? { json["container"]?.stringValue }
    var service: String? { json["service"]?.stringValue }
    var kubeContext: String? { json["kube_context"]?.stringValue }
    var namespace: String? { json["namespace"]?.stringValue }
    var replicas: Int? { json["replicas"]?.intValue }
    var cluster: String? { json["cluster"]?.stringValue }
    var region: String? { json["region"]?.stringValue }
    var healthURL: String? { json["health_url"]?.stringValue }
    /// ARNs by name of a variable.
    var secrets: JSONObject { json["secrets"]?.objectValue ?? [:] }

    static let schema: JSONValue = [
        "type": ["object", "null"], "additionalProperties": false,
        "description": "Settings of the targets docker, compose, kubernetes and ecs.",
        "properties": [
            "registry": text(
                "^[a-z0-9][a-z0-9.:/_-]*$", "Where the image is pushed to, such as registry.example.com/team."),
            "image": text("^[a-z0-9][A-Za-z0-9.:/_@-]*$", "An image that is there already; nothing is built then."),
            "container_port": [
                "type": "integer", "minimum": 1, "maximum": 65_535,
                "description": "Where the app listens in its container; what the image exposes if absent, else 8080.",
            ],
            "container": text(
                "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
                "kubernetes, ecs: the container that gets the image, if there are several."),
            "service": text(
                "^[A-Za-z0-9][A-Za-z0-9_.:/-]*$", "compose: the app's service; ecs: the service, which has to be there."
            ),
            "kube_context": text(
                "^[A-Za-z0-9][A-Za-z0-9_.@:/-]*$", "kubernetes: the context; kubectl's current one if absent."),
            "namespace": text("^[a-z0-9][a-z0-9-]*$", "kubernetes: the namespace; the context's own if absent."),
            "replicas": [
                "type": "integer", "minimum": 1, "maximum": 1000,
                "description": "kubernetes: how many pods; 1 if absent.",
            ],
            "cluster": text("^[A-Za-z0-9][A-Za-z0-9_:/-]*$", "ecs: the cluster."),
            "region": text("^[a-z][a-z0-9-]*$", "ecs: the region; the tool's own setting if absent."),
            "health_url": text(
                "^https?://[^\\s]+$", "Asked for the app's health; docker and compose know it by themselves."),
            "secrets": [
                "type": "object", "additionalProperties": text("^arn:[A-Za-z0-9:/_.+=@-]+$", "An ARN."),
                "description": "ecs: variables that ECS itself fills from Secrets Manager or Parameter Store.",
            ],
        ],
    ]

    private static func text(_ pattern: JSONValue, _ description: JSONValue) -> JSONValue {
        ["type": "string", "maxLength": 500, "pattern": pattern, "description": description]
    }
}
