import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// `deployment`: makes a release of the workspace's commit and brings it into service.
struct DeploymentAction: AgentAction {
    let description = ActionDescription(
        name: "deployment",
        inputSchema: [
            "type": "object",
            "properties": [
                "target": TargetKind.schema,
                "options": TargetOptions.schema,
                "environment": AppEnvironment.schema,
                "name": DeploymentInput.nameSchema,
                "port": [
                    "type": ["integer", "null"], "minimum": 1, "maximum": 65_535,
                    "description": "The app's port; the one it had, or else a free one from 4100 on, if absent.",
                ],
                "health_timeout_seconds": DeploymentInput.healthSchema,
                "strategy": DeploymentStrategy.schema,
                "watch_seconds": ReleaseWatch.schema["watch_seconds"] ?? [:],
                "canary_percent": ReleaseWatch.schema["canary_percent"] ?? [:],
                "max_error_percent": ReleaseWatch.schema["max_error_percent"] ?? [:],
            ],
        ],
        workspace: .read,
        exclusive: true
    )

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let kind = try TargetKind(context.input)
        let directory = try DeploymentInput.directory(context)
        try directory.make()
        return try await DeploymentInput.locked(directory, context) {
            guard kind == .process else { return try await TargetActions.deploy(kind, directory, context) }
            try TargetActions.refuseAnother(.process, directory)
            context.report(progress: 0.1, note: "making the release")
            let strategy = DeploymentInput.strategy(context, recorded: directory.record())
            let deployer = try Deployer(
                directory: directory, context: context, healthSeconds: DeploymentInput.healthSeconds(context))
            // Before anything is built: a proxy that isn't there is told at once.
            let proxied = try strategy.isProxied ? ProxiedDeployer(deployer, strategy) : nil
            let release = try await deployer.store.prepare()
            if let outcome = await alreadyDone(release, directory, context) { return outcome }
            let port = try await PortBook(directory: directory).port(
                wanted: context.input["port"]?.intValue, holder: DeploymentInput.holder(context))
            let ending =
                if let proxied {
                    try await proxied.activate(release, port: port)
                } else {
                    try await deployer.activate(release, port: port)
                }
            await BootUnit(context: context, parent: directory.parent).install()
            return DeploymentReport.outcome(ending, name: directory.name)
        }
    }

    /// The outcome of an attempt whose work an earlier attempt of the same task has done, and which is well.
    private func alreadyDone(
        _ release: Release,
        _ directory: DeploymentDirectory,
        _ context: ActionContext
    ) async -> ActionOutcome? {
        guard let record = directory.record(), record.taskID == context.envelope.taskID.description,
            record.commit == release.commit, record.status == .running, record.process?.isAlive == true
        else { return nil }
        let probe = await context.tools.probe(record.url + record.health, timeoutSeconds: 5)
        guard probe.isHealthy else { return nil }
        let health = AppHealth(isHealthy: true, status: probe.status)
        return DeploymentReport.outcome(.healthy(record, health), name: directory.name)
    }
}
