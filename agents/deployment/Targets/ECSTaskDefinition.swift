import AgentRuntime
import JSONTools

/// A new revision of a task definition, made from the one that a service runs.
enum ECSTaskDefinition {
    static let unitLabel = "baton.unit"

    /// What `describe-task-definition` says and `register-task-definition` takes back.
    private static let registered = [
        "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
        "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode",
        "proxyConfiguration", "inferenceAccelerators", "ephemeralStorage", "runtimePlatform",
        "enableFaultInjection",
    ]

    /// Input for `register-task-definition --cli-input-json`.
    ///
    /// - Throws: ``ActionFailure`` `NO_CONTAINER` when it isn't clear which container is the app;
    ///   `ENVIRONMENT_UNREADABLE` when a variable holds a secret that was taken out of what the tool printed.
    static func next(
        after definition: JSONValue, unit: TargetUnit, options: TargetOptions, environment: AppEnvironment
    ) throws -> JSONObject {
        var result: JSONObject = [:]
        for key in registered { result[key] = definition[key] }
        var containers = definition["containerDefinitions"]?.arrayValue ?? []
        let names = containers.map { $0["name"]?.stringValue ?? "" }
        let place = options.container.map { names.firstIndex(of: $0) } ?? (names.count == 1 ? 0 : nil)
        guard let place else {
            throw ActionFailure(
                code: "NO_CONTAINER",
                message: "Say by options.container which container gets the image; the task definition has "
                    + (names.isEmpty ? "none." : names.joined(separator: ", ") + "."))
        }
        containers[place].put(.string(unit.image), at: ["image"])
        containers[place].put(.string(unit.id), at: ["dockerLabels", unitLabel])
        let given = Set(environment.values.map(\.name)).union(options.secrets.keys)
        func kept(_ list: String) -> [JSONValue] {
            (containers[place][list]?.arrayValue ?? []).filter { !given.contains($0["name"]?.stringValue ?? "") }
        }
        containers[place].put(
            .array(
                kept("environment") + environment.values.map { ["name": .string($0.name), "value": .string($0.value)] }),
            at: ["environment"])
        containers[place].put(
            .array(kept("secrets") + options.secrets.map { ["name": .string($0.key), "valueFrom": $0.value] }),
            at: ["secrets"])
        for container in containers {
            for variable in container["environment"]?.arrayValue ?? []
            where variable["value"]?.stringValue?.contains("[secret ") == true {
                throw ActionFailure(
                    code: "ENVIRONMENT_UNREADABLE",
                    message:
                        "The variable \(variable["name"]?.stringValue ?? "") of the task definition holds a secret of "
                        + "the agent, which it does not read back; give it in `environment` again, or by options.secrets."
                )
            }
        }
        result["containerDefinitions"] = .array(containers)
        return result
    }

    /// The release that a task definition was made for.
    static func unit(of definition: JSONValue) -> String? {
        (definition["containerDefinitions"]?.arrayValue ?? []).compactMap {
            $0["dockerLabels"]?[unitLabel]?.stringValue
        }
        .first
    }
}

/// What `describe-services` says of a service.
struct ECSService: Sendable, Hashable {
    var status: String
    var taskDefinition: String
    var desired: Int
    /// Of the deployment that is being brought up or is up.
    var running: Int
    var rolloutState: String
    var reason: String
    /// How many deployments there are; one when it is stable.
    var deployments: Int
    /// The newest event, which says what hinders it.
    var event: String

    init?(json: JSONValue) {
        guard let definition = json["taskDefinition"]?.stringValue, let desired = json["desiredCount"]?.intValue else {
            return nil
        }
        taskDefinition = definition
        self.desired = desired
        status = json["status"]?.stringValue ?? ""
        let list = json["deployments"]?.arrayValue ?? []
        let primary = list.first { $0["status"] == "PRIMARY" }
        deployments = list.count
        running = primary?["runningCount"]?.intValue ?? 0
        // Services without rolling updates by ECS have no such state; their counts say as much.
        rolloutState = primary?["rolloutState"]?.stringValue ?? "COMPLETED"
        reason = primary?["rolloutStateReason"]?.stringValue ?? ""
        event = json["events"]?[0]?["message"]?.stringValue ?? ""
    }

    func sight(expecting definition: String) -> TargetSight {
        if status != "ACTIVE" { return .absent("the service is \(status)") }
        // With its circuit breaker ECS goes back by itself.
        if taskDefinition != definition { return .failed("the service runs \(taskDefinition) by now: \(reason)") }
        if desired == 0 { return .absent("no task is wanted") }
        if rolloutState == "FAILED" { return .failed(reason.isEmpty ? event : reason) }
        if rolloutState == "COMPLETED", running >= desired, deployments <= 1 {
            return .healthy("\(running) of \(desired) tasks run")
        }
        return .starting("\(running) of \(desired) tasks run; \(event)")
    }
}
