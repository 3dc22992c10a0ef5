import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// What the actions of the agent do for deployments that a tool runs.
enum TargetActions {
    /// `deployment`, inside the lock.
    static func deploy(
        _ kind: TargetKind, _ directory: DeploymentDirectory, _ context: ActionContext
    ) async throws -> ActionOutcome {
        try refuseAnother(kind, directory)
        let options = TargetOptions(context.input["options"])
        let environment = try AppEnvironment.choose(context.input, kept: directory.environmentFile)
        let store = ReleaseStore(directory: directory, context: context)
        let commit = try await store.commit()
        let health = try healthPath(context)
        let unit = TargetUnit(
            release: String(commit.prefix(12)), commit: commit, taskID: context.envelope.taskID.description,
            workflowID: context.envelope.workflowID.description, at: .now())
        let target = try await make(
            kind, directory, context, options: options, environment: environment, health: health)
        context.report(progress: 0.1, note: "looking for the tools of \(kind.rawValue)")
        let tools = try await target.check()
        context.logger.info("tools: \(JSONValue.object(tools))")
        let deployer = TargetDeployer(
            directory: directory, context: context, target: target, kind: kind, options: options,
            health: health)
        if let record = directory.targetRecord(), record.current?.id == unit.id, record.status == .running,
            let state = record.current?.state, try await target.look(at: state, within: 0).isHealthy
        {
            return report(.healthy(record, record.current ?? unit), directory, tools)
        }
        return report(try await deployer.deploy(unit, environment: environment), directory, tools)
    }

    /// `rollback`, inside the lock.
    static func rollBack(_ directory: DeploymentDirectory, _ context: ActionContext) async throws -> ActionOutcome {
        let record = try record(directory)
        let (target, options) = try await kept(record, directory, context)
        let tools = try await target.check()
        let deployer = TargetDeployer(
            directory: directory, context: context, target: target, kind: record.kind, options: options,
            health: record.health)
        let isRepeated = record.taskID == context.envelope.taskID.description
        if isRepeated, record.status == .running, let current = record.current {
            return report(.healthy(record, current), directory, tools)
        }
        let unit =
            if isRepeated, let pending = record.pending { pending } else {
                try choose(context.input["to"]?.stringValue, from: record)
            }
        return report(try await deployer.rollBack(to: unit, record: record), directory, tools)
    }

    /// `status`.
    static func status(_ directory: DeploymentDirectory, _ context: ActionContext) async throws -> ActionOutcome {
        let record = try record(directory)
        let (target, _) = try await kept(record, directory, context)
        let tools = try await target.check()
        let sight: TargetSight =
            if let state = record.current?.state { try await target.look(at: state, within: 0) } else {
                .absent("no release was ever healthy")
            }
        let state: String =
            switch (record.status, sight) {
            case (.stopped, .absent), (.stopped, .failed): "stopped"
            case (.switching, _): "switching"
            case (_, .healthy): "running"
            case (_, .starting): "starting"
            case (.failed, _): "failed"
            case (.running, .failed), (.running, .absent): "crashed"
            }
        var isHealthy = sight.isHealthy
        if isHealthy, let url = healthURL(of: record) {
            isHealthy = await context.tools.probe(url, timeoutSeconds: 5).isHealthy
        }
        var output = record.json.objectValue ?? [:]
        output["status"] = .string(state)
        output["healthy"] = .bool(isHealthy)
        output["deployment"] = .string(record.name)
        output["detail"] = .string(sight.detail)
        output["tools"] = .object(tools)
        output["release"] = record.current.map { .string($0.release) } ?? .null
        let place = record.url.map { " at \($0)" } ?? ""
        output["summary"] = .string(
            "\(record.name) on \(record.kind.rawValue): \(state)\(isHealthy ? ", healthy" + place : "")"
                + (record.current.map { ", release \($0.release)" } ?? ""))
        return ActionOutcome(output: output)
    }

    /// `history`.
    static func history(_ record: TargetRecord) -> ActionOutcome {
        let kept = Set(record.units.map(\.release))
        let entries = record.history.reversed().map { entry in
            var object = entry.json.objectValue ?? [:]
            object["current"] = .bool(entry.release == record.current?.release)
            object["kept"] = .bool(kept.contains(entry.release))
            return JSONValue.object(object)
        }
        let present = record.current?.release ?? "none"
        return ActionOutcome(output: [
            "summary": .string("\(record.name): \(entries.count) releases, at present \(present)"),
            "deployment": .string(record.name), "target": .string(record.kind.rawValue),
            "release": record.current.map { .string($0.release) } ?? .null, "history": .array(entries),
        ])
    }

    /// `stop`, inside the lock.
    static func stop(_ directory: DeploymentDirectory, _ context: ActionContext) async throws -> ActionOutcome {
        var record = try record(directory)
        let (target, _) = try await kept(record, directory, context)
        _ = try await target.check()
        let wasRunning = record.status == .running
        try await context.requestGrant()
        record = try await Task { [record] in
            var record = record
            // Of an attempt that died in the middle, too.
            for state in [record.current?.state, record.pending?.state].compactMap(\.self) {
                try await target.stop(state)
            }
            record.status = .stopped
            record.pending = nil
            record.before = nil
            try directory.write(record)
            return record
        }.value
        return ActionOutcome(output: [
            "summary": .string(wasRunning ? "\(record.name) stopped" : "\(record.name) was not running"),
            "deployment": .string(record.name), "target": .string(record.kind.rawValue),
            "was_running": .bool(wasRunning), "release": record.current.map { .string($0.release) } ?? .null,
        ])
    }

    // MARK: Parts

    /// - Throws: ``ActionFailure`` `TARGET_CHANGED` when the name belongs to a deployment of another target.
    static func refuseAnother(_ kind: TargetKind, _ directory: DeploymentDirectory) throws {
        let other = directory.targetRecord()?.kind ?? (directory.record() == nil ? nil : .process)
        guard let other, other != kind else { return }
        throw ActionFailure(
            code: "TARGET_CHANGED",
            message:
                "\(directory.name) is deployed to \(other.rawValue); give the deployment to \(kind.rawValue) another "
                + "`name`, and stop the old one when it is well.",
            detail: ["target": .string(other.rawValue)])
    }

    private static func record(_ directory: DeploymentDirectory) throws -> TargetRecord {
        guard let record = directory.targetRecord() else {
            throw ActionFailure(code: "NOT_DEPLOYED", message: "There is no deployment \(directory.name).")
        }
        return record
    }

    private static func kept(
        _ record: TargetRecord, _ directory: DeploymentDirectory, _ context: ActionContext
    ) async throws -> (any ReleaseTarget, TargetOptions) {
        let options = TargetOptions(.object(record.options))
        let none = try AppEnvironment([:])
        return (
            try await make(record.kind, directory, context, options: options, environment: none, health: record.health),
            options
        )
    }

    private static func make(
        _ kind: TargetKind, _ directory: DeploymentDirectory, _ context: ActionContext, options: TargetOptions,
        environment: AppEnvironment, health: String
    ) async throws -> any ReleaseTarget {
        let shell = TargetShell(context: context, directory: directory)
        let store = ReleaseStore(directory: directory, context: context)
        let images = ImageMaker(shell: shell, options: options, store: store)
        func port() async throws -> Int {
            try await PortBook(directory: directory).port(
                wanted: context.input["port"]?.intValue, holder: DeploymentInput.holder(context))
        }
        switch kind {
        case .process: preconditionFailure("a process needs no tool")
        case .docker:
            return DockerTarget(
                shell: shell, images: images, options: options, environment: environment, port: try await port())
        case .compose:
            return ComposeTarget(
                shell: shell, images: images, options: options, environment: environment, port: try await port())
        case .kubernetes:
            return KubernetesTarget(
                shell: shell, images: images, options: options, environment: environment, health: health)
        case .ecs:
            return try ECSTarget(shell: shell, images: images, options: options, environment: environment)
        }
    }

    /// The manifest's path of health, `/health` for a project without a manifest.
    private static func healthPath(_ context: ActionContext) throws -> String {
        do throws(ManifestError) {
            return try ProjectManifest.load(from: context.workspace).health
        } catch {
            guard error.code == .missing else { throw ActionFailure(error) }
            return "/health"
        }
    }

    private static func healthURL(of record: TargetRecord) -> String? {
        if let given = record.options["health_url"]?.stringValue { return given }
        return record.url.map { $0 + record.health }
    }

    /// - Throws: ``ActionFailure`` `NO_EARLIER_RELEASE` naming those there are.
    static func choose(_ wanted: String?, from record: TargetRecord) throws -> TargetUnit {
        let candidates = record.units.filter { $0.id != record.current?.id }
        let found =
            wanted.map { wanted in candidates.first { $0.release == wanted || $0.commit == wanted } }
            ?? candidates.first
        guard let found else {
            let names = candidates.map(\.release).joined(separator: ", ")
            throw ActionFailure(
                code: "NO_EARLIER_RELEASE",
                message: "\(record.name) can't go back to \(wanted ?? "an earlier release"); "
                    + (names.isEmpty ? "there is none." : "there are: \(names)."))
        }
        return found
    }

    // MARK: Report

    private static func report(
        _ ending: TargetDeployer.Ending, _ directory: DeploymentDirectory, _ tools: JSONObject
    ) -> ActionOutcome {
        switch ending {
        case .healthy(let record, let unit):
            let place = record.url.map { " at \($0)" } ?? " on \(record.kind.rawValue)"
            return ActionOutcome(output: [
                "summary": .string("healthy" + place), "url": record.url.map { .string($0) } ?? .null,
                "deployment": .string(record.name), "target": .string(record.kind.rawValue),
                "release": .string(unit.release), "commit": .string(unit.commit), "image": .string(unit.image),
                "health": ["healthy": true], "state": .object(unit.state), "tools": .object(tools),
            ])
        case .unhealthy(let setback):
            return report(setback, directory, tools)
        }
    }

    private static func report(
        _ setback: TargetDeployer.Setback, _ directory: DeploymentDirectory, _ tools: JSONObject
    ) -> ActionOutcome {
        let release = setback.unit.release
        let ending: String
        if let problem = setback.restoreProblem {
            ending = "; going back failed too: \(problem)"
        } else if let serving = setback.serving {
            ending = "; rolled back to \(serving.release), which is healthy"
        } else if setback.wentBack {
            ending = "; rolled back to what was there before, which is healthy"
        } else {
            ending = "; there was no healthy release to go back to"
        }
        let serving: JSONValue = setback.serving.map { .string($0.release) } ?? .null
        var outcome = ActionOutcome(
            status: .failure,
            output: [
                "summary": .string("\(release) is unhealthy\(ending)"),
                "deployment": .string(directory.name.description),
                "release": .string(release), "switched": true, "tools": .object(tools),
                "health": ["healthy": false, "problem": .string(setback.problem)], "rolled_back_to": serving,
            ])
        outcome.faults = [
            TaskFault(
                code: "DEPLOYMENT_UNHEALTHY",
                message: "The release \(release) did not become healthy\(ending). \(setback.problem)",
                retryable: false, detail: ["rolled_back_to": serving])
        ]
        return outcome
    }
}
