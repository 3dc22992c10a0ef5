import JSONTools

/// What `docker inspect` says of a container.
struct DockerContainer: Sendable, Hashable {
    var name: String
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    var status: String
    /// `starting`, `healthy` or `unhealthy`; nil for an image without a health check.
    var health: String?
    var exitCode: Int
    /// What the engine says when it could not be started.
    var error: String
    var wasKilledForMemory: Bool
    var restarts: Int
    var labels: JSONObject
    var image: String

    init?(json: JSONValue) {
        guard let name = json["Name"]?.stringValue, let status = json["State"]?["Status"]?.stringValue else {
            return nil
        }
        self.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        self.status = status
        let health = json["State"]?["Health"]?["Status"]?.stringValue
        self.health = health == "none" || health == "" ? nil : health
        exitCode = json["State"]?["ExitCode"]?.intValue ?? 0
        error = json["State"]?["Error"]?.stringValue ?? ""
        wasKilledForMemory = json["State"]?["OOMKilled"]?.boolValue ?? false
        restarts = json["RestartCount"]?.intValue ?? 0
        labels = json["Config"]?["Labels"]?.objectValue ?? [:]
        image = json["Config"]?["Image"]?.stringValue ?? ""
    }

    /// How it is, by the engine's word.
    ///
    /// - Parameter countsRestarts: whether it is so new that a restart is a fault of its own.
    func sight(countsRestarts: Bool) -> TargetSight {
        switch (status, health) {
        case ("running", _) where restarts > 0 && countsRestarts:
            .failed("the container ended and was started again by Docker, \(restarts) times so far")
        case ("running", nil): .healthy("running")
        case ("running", "healthy"?): .healthy("running, healthy")
        case ("running", "unhealthy"?): .failed("Docker's health check says unhealthy")
        case ("running", _): .starting("Docker's health check says \(health ?? "nothing") so far")
        case ("created", _) where error.isEmpty: .starting("created")
        case ("restarting", _): .failed("the container ends again and again" + ending)
        case ("created", _): .failed("the container was not started: \(error)")
        default: .failed("the container is \(status)" + ending)
        }
    }

    private var ending: String {
        let cause = wasKilledForMemory ? ", out of memory" : ""
        return ", exit code \(exitCode)\(cause)" + (error.isEmpty ? "" : ": \(error)")
    }
}
