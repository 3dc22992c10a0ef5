import AgentProtocol
import JSONTools
public import Logging
import Synchronization
public import TaskTransport
import WorkflowCore
public import WorkflowStorage

/// Sees to it that nothing stays stuck: fires timers, sends again what never arrived, finds dead agents, holds the task
/// streams against the record. Any number of orchestrators sweep side by side; whatever two of them find is one event
/// through the door, and its second application changes nothing.
public final class Sweeper: Sendable {
    /// How often it looks.
    public struct Rhythm: Sendable {
        /// Between two looks while there is work.
        public var busy: Swift.Duration = .seconds(2)
        /// Between two looks while there is none.
        public var idle: Swift.Duration = .seconds(4)
        /// Between two walks of the streams.
        public var audit: Swift.Duration = .seconds(60)
        /// Between two searches for workflows that nobody woke.
        public var overdue: Swift.Duration = .seconds(60)
        /// Between two rounds of upkeep.
        public var upkeep: Swift.Duration = .seconds(3600)

        /// The rhythm of the design (05).
        public init() {}
    }

    private struct Times {
        var nextAudit: ContinuousClock.Instant
        var nextOverdue: ContinuousClock.Instant
        var nextUpkeep: ContinuousClock.Instant
        var roadEpoch: UInt64
        /// Whether the groups were seen in place: their absence later means that Redis lost its data.
        var hasGroups = false
        /// Whether the next walk follows a loss of Redis' data, so that what is missing is missing.
        var isUrgent = false
        /// Sends that the last walk missed: those that the next one misses too are lost.
        var suspects: Set<AttemptReference> = []
    }

    private let bus: any TaskBus
    private let store: any WatchStore
    private let advancer: Advancer
    private let results: ResultIntake
    private let monitor: RoadMonitor
    private let upkeep: @Sendable () async -> Void
    private let definedTypes: @Sendable () async -> Set<String>
    private let rhythm: Rhythm
    private let heartbeatMilliseconds: Int
    private let leaseMilliseconds: Int
    private let logger: Logger

    /// A sweeper for one orchestrator.
    ///
    /// - Parameters:
    ///   - definedTypes: the agent types that definitions name: their streams are walked though no agent of them lives.
    ///   - upkeep: what no workflow waits for, done at start and every hour.
    public init(
        bus: any TaskBus, store: any WatchStore, advancer: Advancer, results: ResultIntake,
        monitor: RoadMonitor, heartbeatMilliseconds: Int, leaseMilliseconds: Int, rhythm: Rhythm = Rhythm(),
        logger: Logger, definedTypes: @escaping @Sendable () async -> Set<String>,
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
        let start = ContinuousClock.now
        // At start results that an earlier orchestrator left are taken up first; then the streams are walked.
        var times = Times(
            nextAudit: start + .milliseconds(heartbeatMilliseconds + 1000), nextOverdue: start, nextUpkeep: start,
            roadEpoch: bus.epoch)
        var round = 0
        while !Task.isCancelled {
            let isBusy = await sweep(&times, round: round)
            round += 1
            // The first rounds are quick: what an orchestrator left behind is taken up within seconds.
            let pause: Swift.Duration = round < 5 ? .seconds(1) : (isBusy ? rhythm.busy : rhythm.idle)
            await rest(pause, times)
        }
    }

    /// Rests between two looks, but not past the next walk, and not when Redis came back.
    private func rest(_ pause: Swift.Duration, _ times: Times) async {
        let end = min(ContinuousClock.now + pause, max(times.nextAudit, ContinuousClock.now + .milliseconds(200)))
        repeat {
            do {
                try await Task.sleep(until: min(end, ContinuousClock.now + .seconds(1)))
            } catch {
                return
            }
        } while ContinuousClock.now < end && bus.epoch == times.roadEpoch
    }

    /// One look.
    ///
    /// - Returns: whether there was anything to do.
    private func sweep(_ times: inout Times, round: Int) async -> Bool {
        let lag = await signalLag()
        let now = ContinuousClock.now
        if !times.hasGroups { times.hasGroups = await makeGroups() }
        if now >= times.nextUpkeep {
            times.nextUpkeep = now + rhythm.upkeep
            await upkeep()
        }
        let looksForOverdue = now >= times.nextOverdue
        monitor.note(isRecordUp: true, isRoadUp: lag != nil, signalLagMilliseconds: lag)
        do throws(BatchError) {
            let findings = try await store.findings(
                WatchQuestion(
                    judgesLeases: monitor.hasListenedForALease, leaseMilliseconds: leaseMilliseconds,
                    looksForOverdue: looksForOverdue))
            if looksForOverdue { times.nextOverdue = now + rhythm.overdue }
            monitor.note(isRecordUp: true, isRoadUp: lag != nil, signalLagMilliseconds: lag)
            let submissions = submissions(for: findings)
            await advancer.enqueue(submissions)
            try await claimResults(isStarting: round < 5)
            try await auditIfDue(&times, now: now)
            return !submissions.isEmpty || advancer.backlog > 0
        } catch {
            monitor.note(isRecordUp: false, isRoadUp: lag != nil, signalLagMilliseconds: lag)
            logger.warning("the sweeper could not look", metadata: ["error": "\(error)"])
            return true
        }
    }

    private func makeGroups() async -> Bool {
        do {
            try await bus.ensureGroups(agentTypes: await definedTypes())
            return true
        } catch {
            return false
        }
    }

    private func signalLag() async -> Int? {
        do {
            return try await bus.signalLagMilliseconds()
        } catch {
            return nil
        }
    }

    private func submissions(for findings: WatchFindings) -> [Submission] {
        let judges = monitor.hasListenedForALease
        var submissions: [Submission] = []
        for id in findings.due {
            submissions.append(Submission(.event(.wake(judgeDeadlines: judges), workflowID: id), origin: .watch))
        }
        for id in findings.overdue {
            logger.warning("a workflow was long past its time to be looked at", metadata: ["workflow": "\(id)"])
            submissions.append(Submission(.event(.wake(judgeDeadlines: judges), workflowID: id), origin: .watch))
        }
        // While Redis is away nothing is sent, and nothing is lost by waiting.
        for found in monitor.isRoadUp ? findings.unpublished : [] {
            submissions.append(
                Submission(.event(.sendLost(found.reference), workflowID: found.workflowID), origin: .watch))
        }
        // Judged again after the query: if it took long, we did not listen meanwhile.
        for found in judges ? findings.expired : [] {
            logger.warning(
                "an agent fell silent for longer than its lease",
                metadata: ["agent": "\(found.agentID)", "workflow": "\(found.workflowID)"])
            submissions.append(
                Submission(
                    .event(.leaseExpired(found.reference, agentID: found.agentID), workflowID: found.workflowID),
                    origin: .watch))
        }
        return submissions
    }

    /// Takes up results that another orchestrator read and did not finish.
    private func claimResults(isStarting: Bool) async throws(BatchError) {
        let claimed: [InboundMessage]
        do {
            claimed = try await bus.claimResults(idleMilliseconds: isStarting ? 1000 : 10_000)
        } catch {
            return
        }
        guard !claimed.isEmpty else { return }
        logger.info("results left by another orchestrator are taken up", metadata: ["count": "\(claimed.count)"])
        try await results.take(claimed)
    }

    /// Walks the streams once a minute, and when Redis came back or lost its data: then after every living agent had the
    /// time of a heartbeat, and a second, to say what it runs.
    private func auditIfDue(_ times: inout Times, now: ContinuousClock.Instant) async throws(BatchError) {
        let epoch = bus.epoch
        if epoch != times.roadEpoch {
            times.roadEpoch = epoch
            times.nextAudit = now + .milliseconds(heartbeatMilliseconds + 1000)
            times.isUrgent = true
        }
        guard now >= times.nextAudit, monitor.isRoadUp else { return }
        // A walk that fails is tried again soon.
        times.nextAudit = now + Self.secondLook
        guard try await audit(&times) else { return }
        times.isUrgent = false
        // What was missed for the first time is looked for again once results left by others are taken up.
        times.nextAudit = ContinuousClock.now + (times.suspects.isEmpty ? rhythm.audit : Self.confirmation)
    }

    /// After how long a walk that failed is tried again.
    private static let secondLook: Swift.Duration = .seconds(2)
    /// After how long a send that was missed is looked for again: longer than a dead orchestrator's results wait.
    private static let confirmation: Swift.Duration = .seconds(12)

    /// Holds the streams against the record.
    ///
    /// - Returns: false if the streams could not be walked.
    private func audit(_ times: inout Times) async throws(BatchError) -> Bool {
        let living = try await store.livingAgents(leaseMilliseconds: leaseMilliseconds)
        let entries: [StreamAudit.Entry]
        // The streams before the record: what is sent between the two looks must not seem lost.
        do {
            var types = await definedTypes().union(living.values)
            types.formUnion(try await store.allOpenAttempts(limit: Self.auditLimit).map(\.agentType))
            try await bus.ensureGroups(agentTypes: types)
            entries = try await bus.taskEntries(ofTypes: types.sorted()).map(StreamAudit.Entry.init)
        } catch let error as BatchError {
            throw error
        } catch {
            logger.warning("the task streams could not be walked", metadata: ["error": "\(error)"])
            return false
        }
        let open = try await store.allOpenAttempts(limit: Self.auditLimit)
        let findings = StreamAudit(
            settleMilliseconds: Int64(heartbeatMilliseconds),
            silenceMilliseconds: Int64(2 * heartbeatMilliseconds + 2000),
            leaseMilliseconds: Int64(leaseMilliseconds)
        ).judge(
            entries: entries, open: open, living: Set(living.keys), judgesAgents: monitor.hasListenedForALease)
        if !findings.submissions.isEmpty || !findings.remove.isEmpty {
            logger.info(
                "task streams brought in line with the record",
                metadata: ["removed": "\(findings.remove.count)", "events": "\(findings.submissions.count)"])
        }
        await advancer.enqueue(findings.submissions)
        try await sendAgain(findings.missing, &times)
        // With more open attempts than were read, an entry that seems to belong to none may belong to one unread.
        guard open.count < Self.auditLimit else { return true }
        do {
            try await bus.deleteTaskEntries(findings.remove.map { (stream: $0.stream, entryID: $0.entryID) })
            try await bus.removeIdleConsumers(except: Set(living.keys))
        } catch {
            logger.warning("stale entries could not be removed", metadata: ["error": "\(error)"])
        }
        return true
    }

    /// Sends again what is nowhere to be found. A result may be on its way though its entry is gone, so a send counts as
    /// lost only when it was missed twice, or, after Redis lost its data, when it is still open a second later.
    private func sendAgain(_ missing: [OpenAttemptRow], _ times: inout Times) async throws(BatchError) {
        var lost: [OpenAttemptRow]
        if times.isUrgent {
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                return
            }
            let open = try await store.openAttempts(taskIDs: missing.map(\.reference.taskID))
            let still = Set(open.filter { $0.agentID == nil }.map(\.reference))
            lost = missing.filter { still.contains($0.reference) }
            times.suspects = []
        } else {
            lost = missing.filter { times.suspects.contains($0.reference) }
            times.suspects = Set(missing.map(\.reference)).subtracting(lost.map(\.reference))
        }
        guard !lost.isEmpty else { return }
        logger.info("sends that are nowhere to be found go out again", metadata: ["count": "\(lost.count)"])
        await advancer.enqueue(
            lost.map { Submission(.event(.sendLost($0.reference), workflowID: $0.workflowID), origin: .watch) })
    }

    /// The most open attempts that a walk holds against the streams.
    private static let auditLimit = 50_000
}
