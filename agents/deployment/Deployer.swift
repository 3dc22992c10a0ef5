import AgentProtocol
import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Brings a release into service in place of the one before, and brings that one back when it doesn't become healthy.
///
/// In order: a rehearsal on another port while the old release goes on serving; the grant; stop old, start new on the
/// deployment's port; health; the switch of `current` and of the record. The record names the process before its health
/// is known, so that an agent that dies here leaves nothing that can't be found.
struct Deployer: Sendable {
    let directory: DeploymentDirectory
    let context: ActionContext
    let launcher: AppLauncher
    /// Starts what served before, with the variables it had.
    let formerLauncher: AppLauncher
    let store: ReleaseStore

    /// - Throws: ``ActionFailure`` `INVALID_ENVIRONMENT`.
    init(directory: DeploymentDirectory, context: ActionContext, healthSeconds: Double) throws {
        self.directory = directory
        self.context = context
        let kept = try AppEnvironment.choose([:], kept: directory.environmentFile)
        formerLauncher = AppLauncher(
            directory: directory, context: context, healthSeconds: healthSeconds, variables: kept)
        launcher = AppLauncher(
            directory: directory, context: context, healthSeconds: healthSeconds,
            variables: try AppEnvironment.choose(context.input, kept: directory.environmentFile))
        store = ReleaseStore(directory: directory, context: context)
    }

    /// What came of a deployment.
    enum Ending: Sendable {
        /// The release serves.
        case healthy(AppRecord, AppHealth)
        /// It doesn't.
        case unhealthy(Setback)
    }

    /// A release that did not become healthy, and what serves now.
    struct Setback: Sendable {
        var release: Release
        /// Why it isn't healthy.
        var problem: String
        /// Whether the old release had been stopped.
        var wasSwitched: Bool
        /// The release that serves now, seen healthy; nil when none does.
        var serving: AppRecord?
        /// Why there is none although there was one.
        var restoreProblem: String?
    }

    /// Brings a release into service.
    ///
    /// - Parameters:
    ///   - release: a complete release.
    ///   - port: the deployment's port.
    ///   - outcome: what the history says of it.
    /// - Throws: ``ActionFailure`` for what is not a matter of health; nothing was changed then.
    func activate(_ release: Release, port: Int, as outcome: AppRecord.Entry.Outcome = .healthy) async throws -> Ending
    {
        let manifest = try store.loadManifest(of: release)
        let previous = directory.record()?.unproxied
        context.report(progress: 0.5, note: "rehearsing \(release.id)")
        let rehearsal = try await launcher.rehearse(release, manifest: manifest)
        guard rehearsal.isHealthy else {
            let setback = Setback(release: release, problem: rehearsal.problem, wasSwitched: false)
            return .unhealthy(try await keepServing(previous, after: setback))
        }
        context.report(progress: 0.7, note: "asking for leave to switch")
        try await context.requestGrant()
        context.report(progress: 0.8, note: "switching to \(release.id)")
        // From here on a cancelled attempt does no half work: the switch is carried through, bounded by its health limit.
        return try await Task {
            try await switchOver(to: release, manifest: manifest, port: port, previous: previous, outcome: outcome)
        }.value
    }

    private func switchOver(
        to release: Release,
        manifest: ProjectManifest,
        port: Int,
        previous: AppRecord?,
        outcome: AppRecord.Entry.Outcome
    ) async throws -> Ending {
        if let process = previous?.process { await AppProcess.stop(process) }
        await stopStrays()
        var record = record(of: release, health: manifest.health, port: port, previous: previous)
        let health: AppHealth
        do {
            health = try await serve(release, manifest: manifest, record: &record, by: launcher)
        } catch {
            health = AppHealth(isHealthy: false, status: nil, problem: "\(error)")
        }
        guard health.isHealthy else {
            if let process = record.process { await AppProcess.stop(process, graceSeconds: 2) }
            var setback = Setback(release: release, problem: health.problem, wasSwitched: true)
            let tail = SmallFile.tail(directory.log, lines: 12)
            if !tail.isEmpty { setback.problem += "\n" + tail.joined(separator: "\n") }
            return .unhealthy(await restore(previous, after: setback))
        }
        record.status = .running
        record.note(outcome, of: release, workflowID: record.workflowID, at: record.deployedAt)
        try directory.setCurrent(release)
        try directory.write(record)
        try launcher.variables.keep(in: directory.environmentFile)
        store.touch(release)
        let rollbackTarget = record.healthyReleases.dropFirst().first?.release
        await store.prune(keeping: Set([release.id, rollbackTarget].compactMap(\.self)))
        return .healthy(record, health)
    }

    /// Starts a release on its port, writes down its process, and waits for its health.
    private func serve(
        _ release: Release,
        manifest: ProjectManifest,
        record: inout AppRecord,
        by launcher: AppLauncher
    ) async throws -> AppHealth {
        let port = record.port
        try await waitUntilFree(port)
        let process = try await launcher.start(release, manifest: manifest, port: port)
        record.process = process
        record.status = .starting
        try directory.write(record)
        return try await launcher.waitUntilHealthy(port: port, path: manifest.health) { process.isAlive }
    }

    /// Brings back the release that served before.
    private func restore(_ previous: AppRecord?, after setback: Setback) async -> Setback {
        var setback = setback
        guard var record = previous, let entry = record.healthyReleases.first,
            let release = directory.release(entry.release, commit: entry.commit)
        else {
            recordFailure(previous, setback)
            return setback
        }
        let now = Timestamp.now()
        do {
            let manifest = try store.loadManifest(of: release)
            record.release = release.id
            record.commit = release.commit
            let health = try await serve(release, manifest: manifest, record: &record, by: formerLauncher)
            guard health.isHealthy else {
                throw ActionFailure(code: "DEPLOYMENT_UNHEALTHY", message: health.problem)
            }
            record.status = .running
            record.note(.unhealthy, of: setback.release, workflowID: workflowID, at: now)
            record.note(.restored, of: release, workflowID: workflowID, at: now)
            try directory.setCurrent(release)
            try directory.write(record)
            setback.serving = record
        } catch {
            setback.restoreProblem = "\(error)"
            record.status = .failed
            record.note(.unhealthy, of: setback.release, workflowID: workflowID, at: now)
            writeOrWarn(record)
        }
        return setback
    }

    /// Starts a release again that served until its machine or it went down.
    ///
    /// - Throws: ``ActionFailure`` `DEPLOYMENT_UNHEALTHY` when it doesn't become healthy; it is stopped then, and still
    ///   counts as what should run: the next try may find a machine with less to do than after its start.
    func restart(_ record: AppRecord, _ release: Release) async throws {
        await stopStrays()
        var record = record
        let manifest = try store.loadManifest(of: release)
        let health = try await serve(release, manifest: manifest, record: &record, by: formerLauncher)
        if !health.isHealthy, let process = record.process { await AppProcess.stop(process, graceSeconds: 2) }
        record.status = .running
        try directory.write(record)
        guard !health.isHealthy else { return }
        throw ActionFailure(code: "DEPLOYMENT_UNHEALTHY", message: health.problem)
    }

    /// After a rehearsal that failed: the old release was not touched and goes on serving. If it doesn't serve although it
    /// should (it crashed, or an agent died in the middle of a switch), it is brought back.
    private func keepServing(_ previous: AppRecord?, after setback: Setback) async throws -> Setback {
        var setback = setback
        guard var record = previous else { return setback }
        let now = Timestamp.now()
        if let process = record.process, process.isAlive, record.status == .running,
            await context.tools.probe(record.url + record.health, timeoutSeconds: 5).isHealthy
        {
            setback.serving = record
        } else if record.status != .stopped, !record.healthyReleases.isEmpty {
            try await context.requestGrant()
            setback.wasSwitched = true
            return await Task { [setback] in
                if let process = record.process { await AppProcess.stop(process) }
                await stopStrays()
                return await restore(record, after: setback)
            }.value
        }
        record.note(.unhealthy, of: setback.release, workflowID: workflowID, at: now)
        writeOrWarn(record)
        return setback
    }

    /// Writes down that a release didn't become healthy and that nothing serves.
    func recordFailure(_ previous: AppRecord?, _ setback: Setback) {
        guard var record = previous ?? directory.record() else { return }
        record.status = .failed
        record.note(.unhealthy, of: setback.release, workflowID: workflowID, at: .now())
        writeOrWarn(record)
    }

    private func stopStrays() async {
        let strays = await AppProcess.stopStrays(of: directory.path)
        if !strays.isEmpty { context.logger.info("stopped what an earlier attempt had left: \(strays)") }
    }

    /// Writes a record where a failure to do so must not hide another one.
    func writeOrWarn(_ record: AppRecord) {
        do {
            try directory.write(record)
        } catch {
            context.logger.warning("\(error)")
        }
    }

    /// The record of a release that is about to serve.
    func record(
        of release: Release,
        health: String,
        port: Int,
        previous: AppRecord?
    ) -> AppRecord {
        AppRecord(
            name: directory.name.description, port: port, status: .starting, process: nil, release: release.id,
            commit: release.commit, health: health, log: directory.log, workflowID: workflowID,
            taskID: context.envelope.taskID.description, deployedAt: .now(), history: previous?.history ?? [])
    }

    private var workflowID: String { context.envelope.workflowID.description }

    /// - Throws: ``ActionFailure`` `PORT_IN_USE` when somebody listens on the port for 5 s.
    func waitUntilFree(_ port: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while !LocalPort.isFree(port) {
            guard ContinuousClock.now < deadline else {
                throw ActionFailure(
                    code: "PORT_IN_USE",
                    message: "Something else listens on port \(port); stop it, or give the deployment another port."
                )
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
