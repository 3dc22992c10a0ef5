import AgentRuntime
import JSONTools
import ProjectTools

/// The services of the project's compose file, on one Docker engine.
///
/// The project's file is left as it is; a file beside the release gives the app's service the image of the commit, and
/// its variables. Both are kept with the release, so that going back is `up` with the files of the release before.
struct ComposeTarget: ReleaseTarget {
    static let fileNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"]

    let shell: TargetShell
    let images: ImageMaker
    let options: TargetOptions
    let environment: AppEnvironment
    /// For `${PORT}` in the compose file.
    let port: Int

    private var directory: DeploymentDirectory { shell.directory }

    func check() async throws -> JSONObject {
        var tools = try await images.check()
        let output = try await shell.run(.docker, ["compose", "version", "--short"])
        guard output.succeeded else {
            throw ActionFailure(
                code: "TOOL_MISSING",
                message: "docker has no compose; install Debian's docker-compose (2 or newer), or "
                    + "https://docs.docker.com/compose/install/linux/.",
                detail: ["tool": "docker compose"])
        }
        tools["compose"] = .string(output.text.filter { !$0.isNewline })
        return tools
    }

    func prepare(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        let release = try await images.store.checkOut()
        let workspace = try Workspace(root: release.path)
        let places = try Self.fileNames.map { name in try workspace.resolve(name) }
        guard let file = places.first(where: { SmallFile.isThere($0) }) else {
            throw ActionFailure(
                code: "NO_COMPOSE_FILE",
                message: "The project has none of \(Self.fileNames.joined(separator: ", ")) at its root.")
        }
        let name = directory.name.label
        unit.image = options.image ?? ImageMaker.name(unit.release, label: name, registry: options.registry)
        unit.state = [
            "project": .string(name), "directory": .string(release.path), "file": .string(file),
            "override": .string("\(directory.releases)/\(unit.id).compose.json"), "port": .integer(Int64(port)),
        ]
        let model = try await shell.json(
            .docker, arguments(unit.state, withOverride: false) + ["config", "--format", "json"],
            in: release.path, environment: variables(unit.state))
        let service = try Self.service(wanted: options.service, of: model.first ?? .null)
        unit.state["service"] = .string(service)
        try SmallFile.replace(
            overrideFile(unit.state),
            with: Self.override(service: service, image: unit.image, unit: unit, name: directory.name, environment)
                .encoded(), permissions: 0o600)
        guard options.image == nil else { return unit }
        try await shell.checked(
            .docker, arguments(unit.state) + ["build"], in: release.path, environment: variables(unit.state),
            seconds: TargetShell.longSeconds, logs: true, code: "BUILD_FAILED")
        return unit
    }

    /// Somebody else's project of the same name can't be gone back to: nothing says by which files.
    func present() async throws -> JSONObject? { nil }

    func apply(_ unit: TargetUnit) async throws -> TargetUnit {
        try await bringUp(unit.state)
        return unit
    }

    func look(at state: JSONObject, within seconds: Double) async throws -> TargetSight {
        guard let app = state["service"]?.stringValue else { return .absent("it never had a service") }
        let sight = ComposeService.sight(of: try await services(state), app: app)
        guard case .failed(let text) = sight else { return sight }
        let tail = try await shell.run(
            .docker, arguments(state) + ["logs", "--no-color", "--tail", "12"], environment: variables(state)
        ).lastLines()
        return .failed(tail.isEmpty ? text : text + "\n" + tail)
    }

    func address(of state: JSONObject) async throws -> String? {
        guard DockerTarget.isLocal, let app = state["service"]?.stringValue else { return nil }
        let port = try await services(state).first { $0.service == app }?.ports.first
        return port.map { "http://127.0.0.1:\($0)" }
    }

    func goBack(to state: JSONObject, from unit: TargetUnit?) async throws -> JSONObject {
        try await bringUp(state)
        return state
    }

    func abandon(_ unit: TargetUnit) async throws { try await stop(unit.state) }

    func stop(_ state: JSONObject) async throws {
        guard SmallFile.isThere(overrideFile(state)) else { return }
        try await shell.checked(.docker, arguments(state) + ["stop"], environment: variables(state))
    }

    func prune(keeping units: [TargetUnit]) async {
        await images.store.prune(keeping: Set(units.map(\.release)))
        let kept = Set(units.map { "\($0.id).compose.json" })
        for name in SmallFile.names(in: directory.releases)
        where name.hasSuffix(".compose.json") && !kept.contains(name) {
            do {
                try await shell.context.tools.runChecked(
                    ToolCommand(
                        "rm", ["-f", "--", "\(directory.releases)/\(name)"], in: directory.path, logsOutput: false))
            } catch {
                shell.context.logger.warning("\(name) could not be deleted: \(error)")
            }
        }
    }

    // MARK: Commands

    private func bringUp(_ state: JSONObject) async throws {
        guard SmallFile.isThere(overrideFile(state)), SmallFile.isThere(state["file"]?.stringValue ?? "") else {
            throw ActionFailure(code: "NO_EARLIER_RELEASE", message: "The files of the release before are gone.")
        }
        try await shell.checked(
            .docker, arguments(state) + ["up", "--detach", "--no-build", "--remove-orphans"],
            environment: variables(state), seconds: TargetShell.longSeconds, logs: true, code: "DEPLOYMENT_FAILED")
    }

    private func services(_ state: JSONObject) async throws -> [ComposeService] {
        try await shell.json(
            .docker, arguments(state) + ["ps", "--all", "--format", "json"], environment: variables(state)
        ).compactMap(ComposeService.init(json:))
    }

    private func overrideFile(_ state: JSONObject) -> String { state["override"]?.stringValue ?? "" }

    private func variables(_ state: JSONObject) -> [String: String] {
        ["PORT": String(state["port"]?.intValue ?? port)]
    }

    private func arguments(_ state: JSONObject, withOverride: Bool = true) -> [String] {
        let folder = state["directory"]?.stringValue ?? ""
        let base = [
            "compose", "--project-name", state["project"]?.stringValue ?? "", "--project-directory", folder,
            "--file", state["file"]?.stringValue ?? "",
        ]
        return withOverride ? base + ["--file", overrideFile(state)] : base
    }

    /// What a release adds to the project's own file. Compose replaces `$` in values, so it is doubled.
    static func override(
        service: String, image: String, unit: TargetUnit, name: DeploymentName, _ environment: AppEnvironment
    ) -> JSONValue {
        var values: JSONObject = [:]
        for (name, value) in environment.values {
            values[name] = .string(
                value.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$"))
        }
        var members: JSONObject = [
            "image": .string(image),
            "labels": [
                DockerTarget.deploymentLabel: .string(name.description), "baton.release": .string(unit.release),
                "baton.unit": .string(unit.id),
            ],
        ]
        if !values.isEmpty { members["environment"] = .object(values) }
        return ["services": .object([service: .object(members)])]
    }

    /// The service that is the app: the one asked for, else the only one, else the only one that is built.
    ///
    /// - Throws: ``ActionFailure`` `NO_SERVICE` naming those there are.
    static func service(wanted: String?, of model: JSONValue) throws -> String {
        let services = model["services"]?.objectValue ?? [:]
        let built = services.filter { $0.value["build"] != nil && $0.value["build"] != .null }.map(\.key)
        if let wanted, services[wanted] != nil { return wanted }
        if wanted == nil, services.count == 1, let only = services.keys.first { return only }
        if wanted == nil, built.count == 1 { return built[0] }
        throw ActionFailure(
            code: "NO_SERVICE",
            message: (wanted.map { "The compose file has no service \($0); it has " }
                ?? "Say by options.service which service of the compose file is the app; it has ")
                + services.keys.sorted().joined(separator: ", ") + ".")
    }
}
