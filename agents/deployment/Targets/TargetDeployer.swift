import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// Brings a release to a target and goes back when it doesn't become healthy.
///
/// In order: the tools and what they speak to; build and push; the grant; the record that names what is coming and what
/// was before; apply; health by the tool's own word and the app's health address; the watch; the record. An attempt that
/// finds such an unfinished record knows from it what to go back to.
struct TargetDeployer: Sendable {
    let directory: DeploymentDirectory
    let context: ActionContext
    let target: any ReleaseTarget
    let kind: TargetKind
    let options: TargetOptions
    /// The app's path of health.
    let health: String

    /// What serves after a release that failed.
    struct Setback: Sendable {
        var unit: TargetUnit
        var problem: String
        var serving: TargetUnit?
        var wentBack = false
        var restoreProblem: String?
    }

    enum Ending: Sendable {
        case healthy(TargetRecord, TargetUnit)
        case unhealthy(Setback)
    }

    /// So many looks in a row have to fail until a release that was healthy counts as unhealthy.
    private static let failuresThatCount = 3

    private var workflowID: String { context.envelope.workflowID.description }
    private var healthSeconds: Double {
        context.input["health_timeout_seconds"]?.doubleValue ?? kind.usualHealthSeconds
    }
    private var watchSeconds: Double { ReleaseWatch(context.input).seconds }

    /// Brings a release into service.
    func deploy(_ unit: TargetUnit, environment: AppEnvironment) async throws -> Ending {
        let earlier = directory.targetRecord()
        var unit = unit
        do {
            context.report(progress: 0.3, note: "building \(unit.release)")
            unit = try await target.prepare(unit)
            context.report(progress: 0.7, note: "asking for leave to switch")
            try await context.requestGrant()
        } catch {
            try await restoreInterrupted(earlier, after: error)
            throw error
        }
        context.report(progress: 0.8, note: "switching to \(unit.release)")
        // From here on a cancelled attempt does no half work: the switch is carried through, bounded by its limits.
        return try await Task { [unit] in
            let before = try await beforeState(earlier)
            return try await switchOver(to: unit, earlier: earlier, before: before, environment: environment)
        }.value
    }

    /// Brings an earlier release back because people ask for it.
    func rollBack(to unit: TargetUnit, record: TargetRecord) async throws -> Ending {
        context.report(progress: 0.5, note: "asking for leave to switch")
        try await context.requestGrant()
        return try await Task { [unit, record] in
            var record = record
            var unit = unit
            let before = try await beforeState(record)
            try begin(&record, unit, before: before)
            var problem: String?
            do {
                unit.state = try await target.goBack(to: unit.state, from: nil)
                problem = try await problemOf(unit)
            } catch {
                problem = "\(error)"
            }
            if let problem {
                return .unhealthy(await setBack(unit, problem, record: record, before: before))
            }
            return .healthy(try await settle(&record, unit, as: .restored), unit)
        }.value
    }

    // MARK: The switch

    private func beforeState(_ earlier: TargetRecord?) async throws -> JSONObject? {
        guard let earlier else { return try await target.present() }
        if earlier.pending != nil { return earlier.before }
        if earlier.status == .stopped { return nil }
        if let state = earlier.current?.state { return state }
        return try await target.present()
    }

    private func switchOver(
        to unit: TargetUnit, earlier: TargetRecord?, before: JSONObject?, environment: AppEnvironment
    ) async throws -> Ending {
        var record =
            earlier
            ?? TargetRecord(
                name: directory.name.description, kind: kind, status: .switching, options: options.json, health: health)
        var unit = unit
        record.options = options.json
        record.health = health
        try begin(&record, unit, before: before)
        var problem: String?
        do {
            unit = try await target.apply(unit)
            record.pending = unit
            try directory.write(record)
            problem = try await problemOf(unit)
        } catch {
            problem = "\(error)"
        }
        if let problem {
            return .unhealthy(await setBack(unit, problem, record: record, before: before))
        }
        let settled = try await settle(&record, unit, as: .healthy)
        try environment.keep(in: directory.environmentFile)
        await target.prune(keeping: settled.units)
        return .healthy(settled, unit)
    }

    private func begin(_ record: inout TargetRecord, _ unit: TargetUnit, before: JSONObject?) throws {
        record.status = .switching
        record.taskID = context.envelope.taskID.description
        record.pending = unit
        record.before = before
        try directory.write(record)
    }

    private func settle(
        _ record: inout TargetRecord, _ unit: TargetUnit, as outcome: AppRecord.Entry.Outcome
    ) async throws -> TargetRecord {
        record.url = try await target.address(of: unit.state) ?? record.options["health_url"]?.stringValue
        record.settle(unit, as: outcome, workflowID: workflowID)
        try directory.write(record)
        return record
    }

    /// Waits for health and then watches.
    ///
    /// - Returns: what is wrong; nil when nothing is.
    private func problemOf(_ unit: TargetUnit) async throws -> String? {
        if let problem = try await waitUntilHealthy(unit.state, seconds: healthSeconds) { return problem }
        let deadline = ContinuousClock.now + .seconds(watchSeconds)
        var failures = 0
        // The last look begins when the time is over: a pause that lasted longer than it should hides nothing.
        var isLast = false
        repeat {
            isLast = ContinuousClock.now >= deadline
            if let problem = await problem(of: unit.state, within: 1) {
                failures += 1
                if failures >= Self.failuresThatCount { return "it turned unhealthy while it was watched: \(problem)" }
            } else {
                failures = 0
            }
            if !isLast || failures > 0 { try await Task.sleep(for: .milliseconds(failures > 0 ? 100 : 500)) }
        } while !isLast || failures > 0
        return nil
    }

    /// Looks at least once, however little time there is.
    private func waitUntilHealthy(_ state: JSONObject, seconds: Double) async throws -> String? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last: String
        repeat {
            let left = max(1, (deadline - ContinuousClock.now) / .seconds(1))
            switch try await target.look(at: state, within: min(left, 10)) {
            case .healthy:
                guard let problem = await addressProblem(state) else { return nil }
                last = problem
            case .starting(let text): last = text
            case .failed(let text), .absent(let text): return text
            }
            try await Task.sleep(for: .milliseconds(200))
        } while ContinuousClock.now < deadline
        return "not healthy within \(Int(seconds)) s: \(last)"
    }

    private func problem(of state: JSONObject, within seconds: Double) async -> String? {
        do {
            let sight = try await target.look(at: state, within: seconds)
            guard sight.isHealthy else { return sight.detail }
            return await addressProblem(state)
        } catch {
            return "\(error)"
        }
    }

    /// What the app's own health address says against it; nil when it is well or can't be reached from here.
    private func addressProblem(_ state: JSONObject) async -> String? {
        let address: String
        if let given = options.healthURL {
            address = given
        } else if let base = try? await target.address(of: state) {
            address = base + health
        } else {
            return nil
        }
        let probe = await context.tools.probe(address, timeoutSeconds: 5)
        guard !probe.isHealthy else { return nil }
        return probe.status.map { "\(address) answered \($0)" } ?? "\(address): \(probe.problem ?? "no answer")"
    }

    // MARK: Back

    private func setBack(
        _ unit: TargetUnit, _ problem: String, record: TargetRecord, before: JSONObject?
    ) async -> Setback {
        var setback = Setback(unit: unit, problem: problem)
        var record = record
        record.note(.unhealthy, of: unit, workflowID: workflowID)
        record.pending = nil
        do {
            if let before {
                let state = try await target.goBack(to: before, from: unit)
                setback.wentBack = true
                // What was well before gets the usual time, even if the new one was given less.
                let seconds = max(healthSeconds, kind.usualHealthSeconds)
                if let problem = try await waitUntilHealthy(state, seconds: seconds) {
                    throw ActionFailure(code: "DEPLOYMENT_UNHEALTHY", message: problem)
                }
                record.status = .running
                record.before = nil
                record.current?.state = state
                if let current = record.current {
                    record.units = record.units.map { $0.id == current.id ? current : $0 }
                    record.note(.restored, of: current, workflowID: workflowID)
                }
                setback.serving = record.current
            } else {
                try await target.abandon(unit)
                record.status = record.current == nil ? .failed : .stopped
                record.before = nil
            }
        } catch {
            record.status = .failed
            setback.restoreProblem = "\(error)"
        }
        do {
            try directory.write(record)
        } catch {
            context.logger.warning("\(error)")
        }
        return setback
    }

    /// After an attempt that died in the middle, and one that could not even begin: what was before is brought back.
    private func restoreInterrupted(_ record: TargetRecord?, after error: any Error) async throws {
        guard let record, let unit = record.pending, !(error is CancellationError) else { return }
        context.logger.warning("an earlier attempt was interrupted; going back to what was before it")
        try await context.requestGrant()
        let setback = await Task { await setBack(unit, "\(error)", record: record, before: record.before) }.value
        if let problem = setback.restoreProblem { context.logger.error("going back failed: \(problem)") }
    }
}
