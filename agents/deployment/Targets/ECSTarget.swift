import AgentRuntime
import JSONTools
import ProjectTools

/// A service of Amazon ECS, which has to be there: its network, roles and balancers are no matter of a release.
///
/// A release is a new revision of the service's task definition with the image of the commit; going back is the
/// revision of before.
struct ECSTarget: ReleaseTarget {
    let shell: TargetShell
    let images: ImageMaker
    let options: TargetOptions
    let environment: AppEnvironment
    let cluster: String
    let service: String

    /// - Throws: ``ActionFailure`` `NO_SERVICE` unless cluster and service are named.
    init(shell: TargetShell, images: ImageMaker, options: TargetOptions, environment: AppEnvironment) throws {
        guard let cluster = options.cluster, let service = options.service else {
            throw ActionFailure(
                code: "NO_SERVICE", message: "Name options.cluster and options.service for the target ecs.")
        }
        self.shell = shell
        self.images = images
        self.options = options
        self.environment = environment
        self.cluster = cluster
        self.service = service
    }

    func check() async throws -> JSONObject {
        try shell.require(.aws)
        let version = try await shell.checked(.aws, ["--version"])
        var tools: JSONObject = [
            "aws": .string(
                version.text.split(separator: " ").first.map { String($0.split(separator: "/").last ?? "") } ?? "")
        ]
        _ = try await found()
        if options.image == nil {
            for (name, value) in try await images.check() { tools[name] = value }
        }
        return tools
    }

    func prepare(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        unit.image = try await images.make(unit, pushes: true)
        let present = try await definition(try await found().taskDefinition)
        guard let family = present["family"]?.stringValue else {
            throw ActionFailure(code: "NO_SERVICE", message: "The service's task definition has no family.")
        }
        // A repetition of the task takes what the first attempt registered.
        let newest = try await definition(family)
        if ECSTaskDefinition.unit(of: newest) == unit.id, let name = newest["taskDefinitionArn"] {
            unit.state = ["task_definition": name]
            return unit
        }
        let next = try ECSTaskDefinition.next(after: present, unit: unit, options: options, environment: environment)
        // It may hold the app's variables, so it is on no command line.
        let file = "\(shell.context.scratch)/\(unit.id).task.json"
        try SmallFile.replace(file, with: JSONValue.object(next).encoded(), permissions: 0o600)
        let registered = try await ask(["register-task-definition", "--cli-input-json", "file://\(file)"])
        guard let name = registered["taskDefinition"]?["taskDefinitionArn"] else {
            throw ActionFailure(code: "TOOL_OUTPUT_UNREADABLE", message: "ECS named no task definition.")
        }
        unit.state = ["task_definition": name]
        return unit
    }

    func present() async throws -> JSONObject? {
        let service = try await found()
        return service.desired == 0
            ? nil
            : ["task_definition": .string(service.taskDefinition), "desired": .integer(Int64(service.desired))]
    }

    func apply(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        unit.state["desired"] = .integer(Int64(try await run(unit.state)))
        return unit
    }

    func look(at state: JSONObject, within seconds: Double) async throws -> TargetSight {
        try await found().sight(expecting: state["task_definition"]?.stringValue ?? "")
    }

    /// A balancer's address is not the service's to say.
    func address(of state: JSONObject) async throws -> String? { nil }

    func goBack(to state: JSONObject, from unit: TargetUnit?) async throws -> JSONObject {
        _ = try await run(state)
        return state
    }

    func abandon(_ unit: TargetUnit) async throws { try await stop(unit.state) }

    func stop(_ state: JSONObject) async throws {
        _ = try await ask(["update-service", "--cluster", cluster, "--service", service, "--desired-count", "0"])
    }

    /// Task definitions cost nothing and are how ECS itself remembers; only files are deleted.
    func prune(keeping units: [TargetUnit]) async { await images.store.prune(keeping: Set(units.map(\.release))) }

    // MARK: Commands

    /// Has the service run a task definition; one that was stopped gets its number of tasks back.
    private func run(_ state: JSONObject) async throws -> Int {
        let now = try await found()
        let desired = now.desired > 0 ? now.desired : max(1, state["desired"]?.intValue ?? formerCount)
        var arguments = [
            "update-service", "--cluster", cluster, "--service", service, "--task-definition",
            state["task_definition"]?.stringValue ?? "",
        ]
        if now.desired == 0 { arguments += ["--desired-count", String(desired)] }
        _ = try await ask(arguments)
        return desired
    }

    private var formerCount: Int {
        shell.directory.targetRecord()?.current?.state["desired"]?.intValue ?? 1
    }

    private func found() async throws -> ECSService {
        let answer = try await ask(["describe-services", "--cluster", cluster, "--services", service])
        guard let found = answer["services"]?[0].flatMap(ECSService.init(json:)) else {
            let reason = answer["failures"]?[0]?["reason"]?.stringValue ?? "not listed"
            throw ActionFailure(
                code: "NO_SERVICE",
                message: "The cluster \(cluster) has no service \(service) (\(reason)); make it first.")
        }
        return found
    }

    private func definition(_ name: String) async throws -> JSONValue {
        try await ask(["describe-task-definition", "--task-definition", name])["taskDefinition"] ?? .null
    }

    private func ask(_ arguments: [String]) async throws -> JSONValue {
        let region = options.region.map { ["--region", $0] } ?? []
        return try await shell.json(
            .aws, ["ecs"] + arguments + region + ["--output", "json"], environment: ["AWS_PAGER": "cat"]
        ).first ?? .null
    }
}
