import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// Brings a release into service beside the one before, behind a reverse proxy, so that no request is lost.
///
/// In order: the new release is started on a port of its own and has to become healthy; the grant; the proxy sends it
/// requests, all at once or (canary) step by step; it is watched, while the old one still runs; then the old one is
/// stopped once it has answered what it was asked. A release that turns unhealthy while it is watched loses its requests
/// to the old one. The record names the old release until the watch is over: an agent that dies meanwhile leaves a
/// deployment that the next attempt brings back to it.
struct ProxiedDeployer: Sendable {
    private let deployer: Deployer
    private let strategy: DeploymentStrategy
    private let proxy: ReverseProxy
    private let watch: ReleaseWatch

    private var directory: DeploymentDirectory { deployer.directory }
    private var context: ActionContext { deployer.context }

    /// How long the old release may take to answer what it was asked before the switch.
    private static let drainSeconds: Double = 20
    /// So many probes in a row have to fail until a release counts as unhealthy.
    private static let failuresThatCount = 2
    /// The share of errors says nothing about fewer answers than this.
    private static let answersThatCount = 20

    /// - Throws: ``ActionFailure`` `TOOL_MISSING` when there is no HAProxy.
    init(_ deployer: Deployer, _ strategy: DeploymentStrategy) throws {
        self.deployer = deployer
        self.strategy = strategy
        proxy = try ReverseProxy(deployer.directory, tools: deployer.context.tools)
        watch = ReleaseWatch(deployer.context.input)
    }

    /// A release that runs, and where.
    private struct Serving: Sendable {
        var release: Release
        var slot: ProxySlot
        var port: Int
        var process: AppProcess.Identity
        var health: String
    }

    /// Brings a release into service; see ``Deployer/activate(_:port:as:)``.
    func activate(
        _ release: Release, port: Int, as outcome: AppRecord.Entry.Outcome = .healthy
    ) async throws -> Deployer.Ending {
        let manifest = try deployer.store.loadManifest(of: release)
        let previous = directory.record()
        let kept = [previous?.process, previous?.proxy].compactMap(\.self)
        let strays = await AppProcess.stopStrays(of: directory.path, except: kept)
        if !strays.isEmpty { context.logger.info("stopped what an earlier attempt had left: \(strays)") }

        context.report(progress: 0.5, note: "starting \(release.id) beside the present release")
        let slot = previous?.slot?.other ?? .blue
        let (new, health) = try await start(release, manifest, in: slot, by: deployer.launcher)
        guard let new else {
            var setback = Deployer.Setback(release: release, problem: health.problem, wasSwitched: false)
            setback.problem += tail()
            return .unhealthy(await keep(previous, after: setback))
        }
        do {
            context.report(progress: 0.7, note: "asking for leave to switch")
            try await context.requestGrant()
        } catch {
            await AppProcess.stop(new.process, graceSeconds: 2)
            throw error
        }
        context.report(progress: 0.8, note: "switching to \(release.id)")
        // From here on a cancelled attempt does no half work: the switch is carried through, bounded by its watch.
        return try await Task {
            try await switchOver(to: new, health: health, previous: previous, port: port, outcome: outcome)
        }.value
    }

    /// Starts a release on a free port.
    ///
    /// - Returns: nil, and why, when it doesn't become healthy; nothing of it runs then.
    private func start(
        _ release: Release, _ manifest: ProjectManifest, in slot: ProxySlot, by launcher: AppLauncher
    ) async throws -> (Serving?, AppHealth) {
        let port = try context.tools.freePort()
        let process = try await launcher.start(release, manifest: manifest, port: port)
        do {
            let health = try await launcher.waitUntilHealthy(port: port, path: manifest.health) {
                process.isAlive
            }
            if health.isHealthy {
                let serving = Serving(
                    release: release, slot: slot, port: port, process: process, health: manifest.health)
                return (serving, health)
            }
            await AppProcess.stop(process, graceSeconds: 2)
            return (nil, health)
        } catch {
            await AppProcess.stop(process, graceSeconds: 2)
            throw error
        }
    }

    private func switchOver(
        to new: Serving, health: AppHealth, previous: AppRecord?, port: Int, outcome: AppRecord.Entry.Outcome
    ) async throws -> Deployer.Ending {
        let old: Serving?
        let proxyProcess: AppProcess.Identity
        do {
            old = try await behindProxy(previous, port: port)
            proxyProcess = try await runningProxy(previous, port: port, first: old ?? new)
            try proxy.socket.admit(new.slot, port: new.port)
        } catch {
            await AppProcess.stop(new.process, graceSeconds: 2)
            throw error
        }
        var problem: String?
        var routes: [ProxyRoute] = [.only(new.slot)]
        if strategy == .canary, old != nil {
            routes = watch.steps.map { .share(new.slot, percent: $0) } + routes
        }
        for route in routes where problem == nil {
            do {
                try send(route, port: port, old: old, new: new)
                problem = try await watched(new)
            } catch {
                problem = "\(error)"
            }
        }
        if let problem {
            return .unhealthy(
                await goBack(
                    from: new, to: old, previous: previous, port: port, proxyProcess: proxyProcess, problem: problem))
        }
        var record = deployer.record(of: new.release, health: new.health, port: port, previous: previous)
        record.strategy = strategy
        record.slot = new.slot
        record.appPort = new.port
        record.process = new.process
        record.proxy = proxyProcess
        record.status = .running
        record.note(outcome, of: new.release, workflowID: record.workflowID, at: record.deployedAt)
        try directory.setCurrent(new.release)
        try directory.write(record)
        try deployer.launcher.variables.keep(in: directory.environmentFile)
        if let old { await retire(old) }
        try proxy.write(configuration(port: port, servers: [new], route: .only(new.slot)))
        deployer.store.touch(new.release)
        let rollbackTarget = record.healthyReleases.dropFirst().first?.release
        await deployer.store.prune(keeping: Set([new.release.id, rollbackTarget].compactMap(\.self)))
        return .healthy(record, health)
    }

    /// Starts a release and its proxy again that served until their machine or the release went down.
    ///
    /// - Throws: ``ActionFailure`` `DEPLOYMENT_UNHEALTHY` when it doesn't become healthy; see ``Deployer/restart(_:_:)``.
    func restart(_ record: AppRecord, _ release: Release) async throws {
        await AppProcess.stopStrays(of: directory.path)
        var record = record
        let manifest = try deployer.store.loadManifest(of: release)
        let slot = record.slot ?? .blue
        let (serving, health) = try await start(release, manifest, in: slot, by: deployer.formerLauncher)
        guard let serving else {
            throw ActionFailure(code: "DEPLOYMENT_UNHEALTHY", message: health.problem)
        }
        record.process = serving.process
        record.appPort = serving.port
        do {
            record.proxy = try await runningProxy(nil, port: record.port, first: serving)
            try directory.write(record)
        } catch {
            await AppProcess.stopStrays(of: directory.path)
            throw error
        }
    }

    // MARK: The release before

    /// The release before as it runs behind the proxy; one that answered at the deployment's port itself is started once
    /// more, so that the proxy can take its place.
    private func behindProxy(_ previous: AppRecord?, port: Int) async throws -> Serving? {
        guard let previous, let process = previous.process, process.isAlive, previous.status == .running,
            let release = directory.release(previous.release, commit: previous.commit)
        else {
            if let process = previous?.process { await AppProcess.stop(process) }
            return nil
        }
        if let slot = previous.slot, let appPort = previous.appPort {
            return Serving(release: release, slot: slot, port: appPort, process: process, health: previous.health)
        }
        let manifest = try deployer.store.loadManifest(of: release)
        let again = try await start(release, manifest, in: .green, by: deployer.formerLauncher)
        await AppProcess.stop(process)
        return again.0
    }

    /// The proxy that was there, or a new one that sends everything to `first`.
    private func runningProxy(
        _ previous: AppRecord?, port: Int, first: Serving
    ) async throws -> AppProcess.Identity {
        if let process = previous?.proxy, process.isAlive, previous?.port == port,
            (try? proxy.socket.ask("show info")) != nil
        {
            return process
        }
        if let process = previous?.proxy { await AppProcess.stop(process, graceSeconds: 2) }
        try await deployer.waitUntilFree(port)
        return try await proxy.start(configuration(port: port, servers: [first], route: .only(first.slot)))
    }

    /// Stops a release once it has answered what it was asked.
    private func retire(_ old: Serving) async {
        let deadline = ContinuousClock.now + .seconds(Self.drainSeconds)
        while ContinuousClock.now < deadline, (try? proxy.socket.figures(of: old.slot).current) ?? 0 > 0 {
            try? await Task.sleep(for: .milliseconds(50))
        }
        do {
            try proxy.socket.exclude(old.slot)
        } catch {
            context.logger.warning("\(error)")
        }
        await AppProcess.stop(old.process)
    }

    // MARK: Routes

    private func configuration(port: Int, servers: [Serving], route: ProxyRoute) -> ProxyConfiguration {
        proxy.configuration(
            port: port, health: servers.first?.health ?? "/",
            servers: Dictionary(servers.map { ($0.slot, $0.port) }) { first, _ in first }, route: route)
    }

    private func send(_ route: ProxyRoute, port: Int, old: Serving?, new: Serving) throws {
        let configuration = configuration(port: port, servers: [new] + (old.map { [$0] } ?? []), route: route)
        try proxy.write(configuration)
        try proxy.socket.route(configuration)
        context.logger.info("the proxy sends requests to \(route.shown)")
    }

    /// Looks at a release that gets requests.
    ///
    /// - Returns: what is wrong with it; nil when nothing was for as long as it is to be watched.
    private func watched(_ new: Serving) async throws -> String? {
        let before = try proxy.socket.figures(of: new.slot)
        let deadline = ContinuousClock.now + .seconds(watch.seconds)
        var failures = 0
        // The last look begins when the time is over: a pause that lasted longer than it should hides nothing.
        var isLast = false
        repeat {
            isLast = ContinuousClock.now >= deadline
            guard new.process.isAlive else { return "it ended after the switch" + tail() }
            let url = "http://127.0.0.1:\(new.port)\(new.health)"
            let probe = await context.tools.probe(url, timeoutSeconds: 2)
            failures = probe.isHealthy ? 0 : failures + 1
            if failures >= Self.failuresThatCount {
                let answer = probe.status.map { "answered \($0)" } ?? probe.problem ?? "gave no answer"
                return "after the switch \(new.health) \(answer)"
            }
            let now = try proxy.socket.figures(of: new.slot)
            let answers = now.answers - before.answers
            let errors = now.errors - before.errors
            if answers >= Self.answersThatCount, Double(errors) > Double(answers) * watch.maxErrorPercent / 100 {
                return "after the switch \(errors) of \(answers) answers were errors (5xx)"
            }
            if !isLast || failures > 0 { try await Task.sleep(for: .milliseconds(failures > 0 ? 50 : 200)) }
        } while !isLast || failures > 0
        return nil
    }

    // MARK: Back

    /// Gives the requests back to the old release and stops the new one.
    private func goBack(
        from new: Serving, to old: Serving?, previous: AppRecord?, port: Int, proxyProcess: AppProcess.Identity,
        problem: String
    ) async -> Deployer.Setback {
        var setback = Deployer.Setback(release: new.release, problem: problem, wasSwitched: true)
        guard let old, old.process.isAlive, var record = previous else {
            await AppProcess.stopStrays(of: directory.path)
            deployer.recordFailure(previous, setback)
            return setback
        }
        do {
            try send(.only(old.slot), port: port, old: old, new: new)
        } catch {
            setback.restoreProblem = "\(error)"
        }
        await retire(new)
        let now = Timestamp.now()
        record.strategy = strategy
        record.slot = old.slot
        record.appPort = old.port
        record.process = old.process
        record.port = port
        record.proxy = proxyProcess
        record.note(.unhealthy, of: new.release, workflowID: context.envelope.workflowID.description, at: now)
        record.note(.restored, of: old.release, workflowID: context.envelope.workflowID.description, at: now)
        deployer.writeOrWarn(record)
        if setback.restoreProblem == nil { setback.serving = record }
        return setback
    }

    /// After a release that never became healthy: nothing was changed, the old one goes on.
    private func keep(_ previous: AppRecord?, after setback: Deployer.Setback) async -> Deployer.Setback {
        var setback = setback
        guard var record = previous else { return setback }
        if let process = record.process, process.isAlive, record.status == .running,
            await context.tools.probe(record.url + record.health, timeoutSeconds: 5).isHealthy
        {
            setback.serving = record
        }
        record.note(
            .unhealthy, of: setback.release, workflowID: context.envelope.workflowID.description, at: .now())
        deployer.writeOrWarn(record)
        return setback
    }

    private func tail() -> String {
        let lines = SmallFile.tail(directory.log, lines: 12)
        return lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n")
    }
}

extension ProxyRoute {
    /// For the log.
    fileprivate var shown: String {
        switch self {
        case .only(let slot): slot.rawValue
        case .share(let slot, let percent): "\(slot.rawValue) (\(percent) %) and \(slot.other.rawValue)"
        }
    }
}
