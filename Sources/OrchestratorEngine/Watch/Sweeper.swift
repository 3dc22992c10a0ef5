public import Logging
import Synchronization
public import TaskTransport
public import WorkflowStorage

/// Sees to it that nothing stays stuck: fires timers, sends again what never arrived, finds dead agents, holds the task
/// streams against the record. Any number of orchestrators sweep side by side; whatever two of them find is one event
/// through the door, and its second application changes nothing. What decides is ``SweeperCore``; this is the shell.
public final class Sweeper: Sendable {
    private let bus: any TaskBus
    private let store: any WatchStore
    private let advancer: Advancer
    private let results: ResultIntake
    private let monitor: RoadMonitor
    private let upkeep: @Sendable () async -> Void
    private let definedTypes: @Sendable () async -> Set<String>?
    /// What failed when it was last tried: said once, and once more when it works again.
    private let failing = Mutex<Set<String>>([])
    private let rhythm: Rhythm
    private let heartbeatMilliseconds: Int
    private let leaseMilliseconds: Int
    private let logger: Logger

    /// A sweeper for one orchestrator.
    ///
    /// - Parameters:
    ///   - definedTypes: the agent types that definitions name: their streams are walked though no agent of them lives.
    ///     Nil if the record can't be asked.
    ///   - upkeep: what no workflow waits for, done at start and every hour.
    public init(
        bus: any TaskBus, store: any WatchStore, advancer: Advancer, results: ResultIntake,
        monitor: RoadMonitor, heartbeatMilliseconds: Int, leaseMilliseconds: Int, rhythm: Rhythm = Rhythm(),
        logger: Logger, definedTypes: @escaping @Sendable () async -> Set<String>?,
        upkeep: @escaping @Sendable () async -> Void
    ) {
        self.definedTypes = definedTypes
        self.bus = bus
        self.store = store
        self.advancer = advancer
        self.results = results
        self.monitor = monitor
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        self.rhythm = rhythm
        self.upkeep = upkeep
        self.logger = logger
    }

    /// Runs until cancelled.
    public func run() async {
        var core = SweeperCore(
            rhythm: rhythm, heartbeatMilliseconds: heartbeatMilliseconds, leaseMilliseconds: leaseMilliseconds,
            roadEpoch: bus.epoch, at: MonotonicTime.milliseconds)
        var input = SweeperCore.Input.begin
        while !Task.isCancelled {
            let effects = core.step(input, at: MonotonicTime.milliseconds)
            monitor.show(core.hearing, isRoadUp: core.isRoadUp, lagMilliseconds: core.lagMilliseconds)
            for effect in effects {
                if let answer = await carryOut(effect) { input = answer }
            }
        }
    }

    /// Carries an effect out.
    ///
    /// - Returns: the answer, if it was a request.
    private func carryOut(_ effect: SweeperCore.Effect) async -> SweeperCore.Input? {
        do throws(BatchError) {
            switch effect {
            case .ask(let question): return .found(try await store.findings(question))
            case .takeResults(let messages):
                try await results.take(messages, wereLeftBehind: true)
                return .taken
            case .readLiving:
                return .living(try await store.livingAgents(leaseMilliseconds: leaseMilliseconds))
            case .readGone(let agentIDs): return .gone(try await store.goneAgents(among: agentIDs))
            case .readTypes: return .definedTypes(await definedTypes() ?? [])
            case .readOpen(let limit): return .open(try await store.allOpenAttempts(limit: limit))
            case .readOpenOf(let taskIDs): return .open(try await store.openAttempts(taskIDs: taskIDs))
            case .upkeep:
                await upkeep()
                return .keptUp
            case .rest(let milliseconds, let epoch): return await rest(milliseconds, whileEpochIs: epoch)
            case .askLag, .askUnfinished, .makeGroups, .claimResults, .walk, .remove: return await askRedis(effect)
            case .readEvidence(let ids): return .evidence(try await store.evidence(of: ids))
            case .loads(let loads): advancer.learn(loads)
            case .submit(let submissions): await advancer.enqueue(submissions)
            case .claimSignals(let idleMilliseconds): monitor.wishForSignals(idleMilliseconds: idleMilliseconds)
            case .report(let report): log(report)
            }
            return nil
        } catch {
            return .failed(error)
        }
    }

    /// Carries out what Redis is needed for; where it fails the answer says so.
    private func askRedis(_ effect: SweeperCore.Effect) async -> SweeperCore.Input? {
        switch effect {
        case .askLag:
            let lag = await attempt("asking how old the oldest unread signal is") {
                try await self.bus.signalLagMilliseconds()
            }
            return .lag(lag, roadEpoch: bus.epoch)
        case .askUnfinished(let milliseconds):
            return .unfinished(
                await attempt("asking what no orchestrator is done with") {
                    try await self.bus.unfinished(within: milliseconds)
                })
        case .makeGroups(let named):
            var types = named
            if types == nil { types = await definedTypes() }
            guard let types else { return .groupsMade(false) }
            let done: Void? = await attempt("making the groups of the task streams") {
                try await self.bus.ensureGroups(agentTypes: types)
            }
            return .groupsMade(done != nil)
        case .claimResults(let idleMilliseconds):
            return .claimed(
                await attempt("taking up results of others") {
                    try await self.bus.claimResults(idleMilliseconds: idleMilliseconds)
                })
        case .walk(let types):
            return .entries(
                await attempt("walking the task streams") { try await self.bus.taskEntries(ofTypes: types) })
        case .remove(let entries, let living):
            _ = await attempt("removing stale entries") {
                try await self.bus.deleteTaskEntries(entries)
                if let living { try await self.bus.removeIdleConsumers(except: living) }
            }
            return .removed
        case .ask, .takeResults, .readLiving, .readGone, .readTypes, .readOpen, .readOpenOf, .readEvidence, .upkeep,
            .rest, .submit, .loads, .claimSignals, .report:
            return nil
        }
    }

    /// Tries something on Redis; a streak of failures is reported when it begins and when it ends.
    private func attempt<Value>(_ what: String, _ body: () async throws -> Value) async -> Value? {
        do {
            let value = try await body()
            if failing.withLock({ $0.remove(what) }) != nil { logger.info("\(what) works again") }
            return value
        } catch {
            if !Task.isCancelled, failing.withLock({ $0.insert(what).inserted }) {
                logger.warning("\(what) failed; it is tried again", metadata: ["error": "\(error)"])
            }
            return nil
        }
    }

    /// Rests; looks up once a second whether Redis came back.
    private func rest(_ milliseconds: Int, whileEpochIs epoch: UInt64?) async -> SweeperCore.Input {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while epoch.map({ $0 == bus.epoch }) ?? true, ContinuousClock.now < end {
            do {
                try await Task.sleep(until: min(end, ContinuousClock.now + .seconds(1)))
            } catch {
                break
            }
        }
        return .rested(roadEpoch: bus.epoch, backlog: advancer.backlog)
    }

    private func log(_ report: SweeperReport) {
        switch report {
        case .overdue(let workflowID):
            logger.info(
                "a workflow is overdue; its rows are held against its state", metadata: ["workflow": "\(workflowID)"])
        case .silent(let agentID, let workflowID):
            logger.warning(
                "an agent fell silent for longer than its lease",
                metadata: ["agent": "\(agentID)", "workflow": "\(workflowID)"])
        case .heldOff(let count):
            logger.info(
                "judgement waits for messages that no orchestrator is done with", metadata: ["findings": "\(count)"])
        case .tookUp(let count):
            logger.info("results left by another orchestrator are taken up", metadata: ["count": "\(count)"])
        case .broughtInLine(let removed, let events):
            logger.info(
                "task streams brought in line with the record",
                metadata: ["removed": "\(removed)", "events": "\(events)"])
        case .sentAgain(let count):
            logger.info("sends that are nowhere to be found go out again", metadata: ["count": "\(count)"])
        case .couldNotLook(let error):
            logger.warning("the sweeper could not look", metadata: ["error": "\(error)"])
        case .couldNotWalk:
            // Why is in the report of the request that failed.
            break
        }
    }
}
