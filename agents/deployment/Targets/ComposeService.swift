import JSONTools

/// What `docker compose ps --format json` says of one container.
struct ComposeService: Sendable, Hashable {
    var service: String
    /// As ``DockerContainer/status``.
    var status: String
    var health: String
    var exitCode: Int
    /// Ports of this machine, in order.
    var ports: [Int]

    init?(json: JSONValue) {
        guard let service = json["Service"]?.stringValue, let status = json["State"]?.stringValue else { return nil }
        self.service = service
        self.status = status
        health = json["Health"]?.stringValue ?? ""
        exitCode = json["ExitCode"]?.intValue ?? 0
        ports = (json["Publishers"]?.arrayValue ?? []).compactMap { $0["PublishedPort"]?.intValue }.filter { $0 > 0 }
            .sorted()
    }

    /// How all services of a project are: as good as the worst of them. One that ran to a good end is fine, as those do
    /// that prepare a database; the app itself has to run.
    static func sight(of services: [ComposeService], app: String) -> TargetSight {
        guard services.contains(where: { $0.service == app }) else { return .absent("there is no container of \(app)") }
        var waiting: [String] = []
        for service in services {
            switch (service.status, service.health) {
            case ("running", "unhealthy"): return .failed("\(service.service) is unhealthy by its health check")
            case ("running", "starting"): waiting.append("\(service.service): its health check goes on")
            case ("running", _): break
            case ("created", _): waiting.append("\(service.service): created")
            case ("exited", _) where service.exitCode == 0 && service.service != app: break
            default: return .failed("\(service.service) is \(service.status), exit code \(service.exitCode)")
            }
        }
        return waiting.isEmpty ? .healthy("running") : .starting(waiting.joined(separator: ", "))
    }
}
