import AgentRuntime
import JSONTools
import ProjectTools

/// A Deployment of a Kubernetes cluster.
///
/// What is applied goes to kubectl on its standard input; the rollout is Kubernetes' own, and so is going back: to the
/// revision whose pods carry the release's mark.
struct KubernetesTarget: ReleaseTarget {
    let shell: TargetShell
    let images: ImageMaker
    let options: TargetOptions
    let environment: AppEnvironment
    let health: String

    private var directory: DeploymentDirectory { shell.directory }
    private var label: String { directory.name.label }

    func check() async throws -> JSONObject {
        try shell.require(.kubectl)
        let version = try await shell.json(.kubectl, scope + ["version", "--output", "json"]).first
        var tools: JSONObject = [
            "kubectl": version?["clientVersion"]?["gitVersion"] ?? .null,
            "kubernetes": version?["serverVersion"]?["gitVersion"] ?? .null,
        ]
        if options.image == nil {
            for (name, value) in try await images.check() { tools[name] = value }
        }
        return tools
    }

    func prepare(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        let release = try await images.store.checkOut()
        unit.image = try await images.make(unit, pushes: true)
        let own = try Workspace(root: release.path).resolve("k8s")
        let facts = options.image == nil ? try await images.inspect(unit.image) : nil
        let values = KubernetesManifest.Release(
            label: label, unit: unit, options: options,
            containerPort: options.containerPort ?? facts?.ports.first ?? 8080, health: health,
            environment: environment)
        var manifest = KubernetesManifest.generated(values)
        if SmallFile.isThere(own) {
            // Read by the tool itself: it knows what it reads.
            let documents = try await shell.json(
                .kubectl, scope + ["create", "--dry-run=client", "--output", "json", "--filename", own])
            manifest = try KubernetesManifest.own(documents, label: label)
        }
        try SmallFile.replace(file(of: unit), with: try manifest.released(values).list, permissions: 0o600)
        unit.state = ["deployment": .string(manifest.deployment), "unit": .string(unit.id)]
        return unit
    }

    func present() async throws -> JSONObject? { try await state(of: label) }

    func apply(_ unit: TargetUnit) async throws -> TargetUnit {
        var unit = unit
        guard let manifest = SmallFile.read(file(of: unit), maxBytes: 8 << 20) else {
            throw ActionFailure(code: "DEPLOYMENT_FAILED", message: "The manifest of \(unit.id) is gone.")
        }
        try await shell.checked(
            .kubectl, scope + ["apply", "--filename", "-"], input: manifest, logs: true, code: "DEPLOYMENT_FAILED")
        if let revision = try await state(of: name(unit.state))?["revision"] { unit.state["revision"] = revision }
        return unit
    }

    func look(at state: JSONObject, within seconds: Double) async throws -> TargetSight {
        let arguments =
            scope + [
                "rollout", "status", "deployment/\(name(state))", "--timeout", "\(max(1, Int(seconds)))s",
            ]
        let output = try await shell.run(.kubectl, arguments)
        if output.succeeded {
            guard let unit = state["unit"]?.stringValue, let now = try await self.state(of: name(state)) else {
                return .healthy("rolled out")
            }
            if now["replicas"] == 0 { return .absent("scaled to no pods") }
            return now["unit"]?.stringValue == unit
                ? .healthy("rolled out, revision \(now["revision"]?.stringValue ?? "unknown")")
                : .failed("the Deployment runs \(now["unit"]?.stringValue ?? "something else") by now")
        }
        let said = output.lastLines(3)
        if said.contains("NotFound") || said.contains("not found") { return .absent(said) }
        if said.contains("exceeded its progress deadline") { return .failed(said) }
        guard said.contains("timed out") else {
            throw TargetShell.failure(.kubectl, arguments, output, code: "TOOL_FAILED")
        }
        let pods = try await shell.json(
            .kubectl,
            scope + ["get", "pods", "--selector", "\(KubernetesManifest.deploymentLabel)=\(label)", "--output", "json"])
        let problem = KubernetesReading.problem(
            of: KubernetesReading.items(pods), unit: state["unit"]?.stringValue ?? "")
        return problem.map { .failed($0) } ?? .starting(said)
    }

    /// A Service of the cluster is no address of this machine.
    func address(of state: JSONObject) async throws -> String? { nil }

    func goBack(to state: JSONObject, from unit: TargetUnit?) async throws -> JSONObject {
        var revision = state["revision"]?.stringValue
        if let unit = state["unit"]?.stringValue {
            let sets = try await shell.json(
                .kubectl,
                scope + [
                    "get", "replicasets", "--selector", "\(KubernetesManifest.deploymentLabel)=\(label)", "--output",
                    "json",
                ])
            revision = KubernetesReading.revision(of: unit, among: KubernetesReading.items(sets))
        }
        guard let revision else {
            throw ActionFailure(
                code: "NO_EARLIER_RELEASE", message: "The cluster keeps no ReplicaSet of the release before.")
        }
        try await shell.checked(
            .kubectl, scope + ["rollout", "undo", "deployment/\(name(state))", "--to-revision", revision], logs: true,
            code: "DEPLOYMENT_FAILED")
        if try await self.state(of: name(state))?["replicas"] == 0 {
            try await scale(name(state), to: state["replicas"]?.intValue ?? options.replicas ?? 1)
        }
        var now = state
        now["revision"] = try await self.state(of: name(state))?["revision"] ?? .string(revision)
        return now
    }

    func abandon(_ unit: TargetUnit) async throws {
        guard try await state(of: name(unit.state)) != nil else { return }
        try await scale(name(unit.state), to: 0)
    }

    func stop(_ state: JSONObject) async throws {
        guard try await self.state(of: name(state)) != nil else { return }
        try await scale(name(state), to: 0)
    }

    func prune(keeping units: [TargetUnit]) async {
        let kept = Set(units.map { "\(label)-env-\($0.id)" })
        do {
            let secrets = try await shell.checked(
                .kubectl,
                scope + [
                    "get", "secrets", "--selector", "\(KubernetesManifest.deploymentLabel)=\(label)", "--output",
                    "name",
                ]
            ).text.split(whereSeparator: \.isNewline).map { String($0.split(separator: "/").last ?? "") }
            let old = secrets.filter { $0.hasPrefix("\(label)-env-") && !kept.contains($0) }
            if !old.isEmpty {
                try await shell.checked(.kubectl, scope + ["delete", "secret", "--ignore-not-found"] + old)
            }
            for name in SmallFile.names(in: directory.releases) where name.hasSuffix(".k8s.json") {
                try await shell.context.tools.runChecked(
                    ToolCommand(
                        "rm", ["-f", "--", "\(directory.releases)/\(name)"], in: directory.path, logsOutput: false))
            }
        } catch {
            shell.context.logger.warning("What no release needs could not be deleted: \(error)")
        }
        await images.store.prune(keeping: Set(units.map(\.release)))
    }

    // MARK: Parts

    /// Context and namespace.
    private var scope: [String] {
        (options.kubeContext.map { ["--context", $0] } ?? []) + (options.namespace.map { ["--namespace", $0] } ?? [])
    }

    private func name(_ state: JSONObject) -> String { state["deployment"]?.stringValue ?? label }

    /// Kept beside the release until it serves: it holds the app's variables.
    private func file(of unit: TargetUnit) -> String { "\(directory.releases)/\(unit.id).k8s.json" }

    private func scale(_ name: String, to replicas: Int) async throws {
        try await shell.checked(.kubectl, scope + ["scale", "deployment/\(name)", "--replicas", String(replicas)])
    }

    /// What a Deployment is now; nil when there is none.
    private func state(of name: String) async throws -> JSONObject? {
        let documents = try await shell.json(
            .kubectl, scope + ["get", "deployment", name, "--ignore-not-found", "--output", "json"])
        guard let object = documents.first else { return nil }
        var state: JSONObject = ["deployment": .string(name)]
        state["revision"] = KubernetesReading.revision(of: object).map { .string($0) }
        state["unit"] = KubernetesReading.unit(of: object).map { .string($0) }
        state["replicas"] = object["spec"]?["replicas"]
        return state
    }
}
