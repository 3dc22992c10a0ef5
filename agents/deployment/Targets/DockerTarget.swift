import AgentRuntime
import JSONTools
import ProjectTools

/// A container of one Docker engine.
///
/// Each release has a container of its own, named after it. The one before is stopped, not removed, so that it can be
/// started again as it was; the engine starts the one that serves again when it crashes and after a reboot.
struct DockerTarget: ReleaseTarget {
    static let deploymentLabel = "baton.deployment"

    let shell: TargetShell
    let images: ImageMaker
    let options: TargetOptions
    let environment: AppEnvironment
    /// The deployment's port on this machine.
    let port: Int

    private var directory: DeploymentDirectory { shell.directory }

    func check() async throws -> JSONObject { try await images.check() }

    func prepare(_ unit: TargetUnit) async throws -> TargetUnit {
        _ = try environment.dockerFile()
        var unit = unit
        unit.image = try await images.make(unit, pushes: false)
        return unit
    }

    func present() async throws -> JSONObject? {
        try await containers().first { $0.status == "running" }.map { ["container": .string($0.name)] }
    }

    func apply(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        let name = Self.container(unit, label: directory.name.label)
        unit.state = ["container": .string(name), "port": .integer(Int64(port))]
        for container in try await containers() {
            if container.name == name {
                try await remove(name)
            } else if ["running", "restarting", "paused"].contains(container.status) {
                try await stopContainer(container.name)
            }
        }
        let facts = try await images.inspect(unit.image)
        let file = "\(shell.context.scratch)/\(name).env"
        try SmallFile.replace(file, with: try environment.dockerFile(), permissions: 0o600)
        let order = DockerRun(
            name: name, image: unit.image, deployment: directory.name, unit: unit, port: port,
            containerPort: options.containerPort ?? facts?.ports.first ?? 8080, volumes: facts?.volumes ?? [],
            environmentFile: file)
        try await shell.checked(.docker, order.arguments, code: "DEPLOYMENT_FAILED")
        return unit
    }

    func look(at state: JSONObject, within seconds: Double) async throws -> TargetSight {
        guard let name = state["container"]?.stringValue else { return .absent("it never had a container") }
        guard let container = try await inspect(name) else { return .absent("there is no container \(name)") }
        let sight = container.sight(countsRestarts: seconds > 0)
        guard case .failed(let text) = sight else { return sight }
        let tail = try await shell.run(.docker, ["logs", "--tail", "12", name]).lastLines()
        return .failed(tail.isEmpty ? text : text + "\n" + tail)
    }

    func address(of state: JSONObject) async throws -> String? {
        guard Self.isLocal else { return nil }
        return "http://127.0.0.1:\(state["port"]?.intValue ?? port)"
    }

    func goBack(to state: JSONObject, from unit: TargetUnit?) async throws -> JSONObject {
        guard let name = state["container"]?.stringValue, try await inspect(name) != nil else {
            throw ActionFailure(
                code: "NO_EARLIER_RELEASE",
                message: "The container \(state["container"]?.stringValue ?? "of the release before") is gone.")
        }
        for container in try await containers() where container.name != name {
            if container.name == unit.map({ Self.container($0, label: directory.name.label) }) {
                try await remove(container.name)
            } else if ["running", "restarting", "paused"].contains(container.status) {
                try await stopContainer(container.name)
            }
        }
        try await shell.checked(.docker, ["start", name], code: "DEPLOYMENT_FAILED")
        return state
    }

    func abandon(_ unit: TargetUnit) async throws {
        let name = Self.container(unit, label: directory.name.label)
        if try await inspect(name) != nil { try await remove(name) }
    }

    func stop(_ state: JSONObject) async throws {
        for container in try await containers() where container.status != "exited" && container.status != "created" {
            try await stopContainer(container.name)
        }
    }

    func prune(keeping units: [TargetUnit]) async {
        let kept = Set(units.map { Self.container($0, label: directory.name.label) })
        let keptImages = Set(units.map(\.image))
        do {
            for container in try await containers() where !kept.contains(container.name) {
                try await remove(container.name)
                if !keptImages.contains(container.image), container.image.hasPrefix(directory.name.label + ":") {
                    try await shell.checked(.docker, ["rmi", container.image])
                }
            }
        } catch {
            shell.context.logger.warning("What no release needs could not be deleted: \(error)")
        }
        await images.store.prune(keeping: Set(units.map(\.release)))
    }

    /// Whether the engine is on this machine: by a socket. Any other publishes the ports on its own machine.
    static var isLocal: Bool {
        let host = TargetShell.variables(of: TaskTrial.processEnvironment())["DOCKER_HOST"] ?? "unix:"
        return host.hasPrefix("unix:")
    }

    static func container(_ unit: TargetUnit, label: String) -> String { "\(label)-\(unit.id)" }

    // MARK: Containers

    /// All containers of the deployment, of whatever release.
    private func containers() async throws -> [DockerContainer] {
        let filter = "label=\(Self.deploymentLabel)=\(directory.name)"
        let names = try await shell.checked(
            .docker, ["ps", "--all", "--filter", filter, "--format", "{{.Names}}"]
        ).text.split(whereSeparator: \.isNewline).map(String.init)
        guard !names.isEmpty else { return [] }
        // One that goes between the two questions is no matter: what is there is printed all the same.
        let output = try await shell.run(.docker, ["inspect", "--type", "container"] + names)
        return (JSONDocuments.read(output.standardOutput) ?? []).compactMap(DockerContainer.init(json:))
    }

    private func inspect(_ name: String) async throws -> DockerContainer? {
        let arguments = ["inspect", "--type", "container", name]
        let output = try await shell.run(.docker, arguments)
        if output.succeeded {
            return JSONDocuments.read(output.standardOutput)?.first.flatMap(DockerContainer.init(json:))
        }
        guard output.errorText.lowercased().contains("no such") else {
            throw TargetShell.failure(.docker, arguments, output, code: "TOOL_FAILED")
        }
        return nil
    }

    private func stopContainer(_ name: String) async throws {
        try await shell.checked(.docker, ["stop", "-t", "10", name])
    }

    private func remove(_ name: String) async throws { try await shell.checked(.docker, ["rm", "--force", name]) }
}

/// How a release's container is started.
struct DockerRun: Sendable {
    var name: String
    var image: String
    var deployment: DeploymentName
    var unit: TargetUnit
    var port: Int
    var containerPort: Int
    var volumes: [String]
    var environmentFile: String

    var arguments: [String] {
        var result = [
            "run", "--detach", "--name", name, "--restart", "unless-stopped",
            "--label", "\(DockerTarget.deploymentLabel)=\(deployment)", "--label", "baton.release=\(unit.release)",
            "--label", "baton.unit=\(unit.id)", "--publish", "127.0.0.1:\(port):\(containerPort)",
            "--env", "PORT=\(containerPort)", "--env-file", environmentFile,
        ]
        // What an app stores outlives its releases.
        for path in volumes { result += ["--volume", "\(volume(for: path)):\(path)"] }
        return result + [image]
    }

    private func volume(for path: String) -> String {
        deployment.label + "-" + String(path.dropFirst().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
    }
}
