import Glibc
public import Logging
public import PostgresDriver
public import TaskTransport
import WorkflowCore
public import WorkflowStorage

/// One orchestrator: the door, the watch and the intakes, wired together. Any number may run side by side.
public final class Orchestrator: Sendable {
    /// What an orchestrator has to know.
    public struct Settings: Sendable {
        /// Name of this process, for envelopes and consumers.
        public var name: String
        /// Absolute path of the data directory that all processes share.
        public var dataDirectory: String
        /// How often agents say that they live, in milliseconds.
        public var heartbeatMilliseconds = 5000
        /// After how long a silence an agent counts as lost, in milliseconds.
        public var leaseMilliseconds = 15_000
        /// For how long ended workflows are kept, in days; 0 means for ever.
        public var retentionDays = 90

        /// Settings with the protocol's times.
        public init(name: String, dataDirectory: String) {
            self.name = name
            self.dataDirectory = dataDirectory
        }
    }

    /// How many transactions advance workflows at once, each on a connection of its own, by the processors there are:
    /// one for two of them, four at most. Two on two processors were measured to be slower: smaller batches cost more.
    static func lanes(processors: Int) -> Int {
        max(1, min(4, processors / 2))
    }

    /// The one door.
    public let advancer: Advancer
    /// The road to the agents.
    public var road: any TaskBus { bus }
    /// Who watches what.
    public let feed = LiveFeed()
    /// What is known about Redis.
    public let monitor: RoadMonitor
    /// Definitions in the record.
    public let definitions: PostgresDefinitionStore

    private let bus: any TaskBus
    private let store: any WatchStore
    private let effects = EffectQueue()
    private let deferred: DeferredWrites
    private let publisher: EffectPublisher
    private let results: ResultIntake
    private let signals: SignalIntake
    private let logs: LogIntake
    private let sweeper: Sweeper
    private let retainer: Retainer?
    private let logger: Logger

    /// An orchestrator on a database whose schema is in place, and a bus that is or will be connected.
    public init(
        settings: Settings, database: PostgresConfiguration, pool: PostgresPool, bus: any TaskBus, logger: Logger
    ) {
        let store = PostgresWatchStore(pool: pool)
        let envelopes = EnvelopeFactory(
            orchestrator: settings.name, dataDirectory: settings.dataDirectory,
            heartbeatMilliseconds: settings.heartbeatMilliseconds, leaseMilliseconds: settings.leaseMilliseconds)
        self.bus = bus
        self.store = store
        self.logger = logger
        definitions = PostgresDefinitionStore(pool: pool)
        monitor = RoadMonitor(leaseMilliseconds: settings.leaseMilliseconds)
        deferred = DeferredWrites(store: store, logger: logger)
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        advancer = Advancer(
            sessions: (0..<Self.lanes(processors: processors)).map { _ in
                PostgresBatchSession(configuration: database)
            },
            queue: store, envelopes: envelopes, output: effects, logger: logger)
        publisher = EffectPublisher(
            queue: effects, bus: bus, deferred: deferred, feed: feed, envelopes: envelopes, logger: logger)
        results = ResultIntake(advancer: advancer, bus: bus, store: store, logger: logger)
        signals = SignalIntake(
            bus: bus, store: store, advancer: advancer, monitor: monitor,
            heartbeatMilliseconds: settings.heartbeatMilliseconds, leaseMilliseconds: settings.leaseMilliseconds,
            logger: logger)
        logs = LogIntake(bus: bus, store: store, feed: feed)
        retainer =
            settings.retentionDays > 0
            ? Retainer(
                retention: PostgresRetention(pool: pool, days: settings.retentionDays),
                files: WorkflowFiles(dataDirectory: settings.dataDirectory), logger: logger) : nil
        let maintenance = PostgresMaintenance(pool: pool)
        sweeper = Sweeper(
            bus: bus, store: store, advancer: advancer, results: results, monitor: monitor,
            heartbeatMilliseconds: settings.heartbeatMilliseconds, leaseMilliseconds: settings.leaseMilliseconds,
            logger: logger,
            definedTypes: { [definitions] in
                do throws(PostgresError) {
                    return Set(try await definitions.newest().flatMap { $0.definition.stages.map(\.agent) })
                } catch {
                    return nil
                }
            },
            upkeep: {
                do throws(PostgresError) {
                    try await maintenance.makePartitions()
                    try await maintenance.forgetBatches()
                    try await maintenance.forgetAgents()
                    try await maintenance.forgetKeys()
                    try await maintenance.forgetAccess()
                } catch {
                    logger.warning("upkeep of the record has to wait", metadata: ["error": "\(error)"])
                }
            })
    }

    /// Runs until the task is cancelled; then the intakes stop first, the door finishes its batch, what was committed
    /// is sent, and what was deferred is written.
    public func run() async {
        // What must outlive the intakes runs in tasks that their cancellation doesn't reach.
        let door = Task { await advancer.run() }
        let publishing = Task { await publisher.run() }
        let deferring = Task { await deferred.run() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.takeResults() }
            group.addTask { await self.takeReports() }
            group.addTask { await self.claimReports() }
            group.addTask { await self.claimReportsAsWished() }
            group.addTask { await self.bus.runInlet() }
            group.addTask { await FeedEar(feed: self.feed, bus: self.bus, logger: self.logger).run() }
            group.addTask { await self.sweeper.run() }
            if let retainer = self.retainer { group.addTask { await retainer.run() } }
            await group.waitForAll()
        }
        advancer.stop()
        await door.value
        effects.close()
        await publishing.value
        deferred.stop()
        await deferring.value
    }

    private func takeResults() async {
        await loop("results") {
            // With results at hand, often enough that nobody takes us for dead and our results for left behind.
            let patience = self.advancer.hasOpenAttempts ? Self.busyMilliseconds : Self.patienceMilliseconds
            let entries = try await self.bus.readResults(limit: 300, block: .milliseconds(patience))
            try await self.hand(entries, from: "orchestrator:results") { entries throws(BatchError) in
                try await self.results.take(entries)
            }
        }
    }

    private func takeReports() async {
        await loop("signals and logs") {
            let patience = self.signals.patience(atMost: Self.patienceMilliseconds)
            let reports = try await self.bus.readReports(limit: 200, block: .milliseconds(patience))
            try await self.take(reports)
            try await self.signals.flushIfDue()
            let done = self.signals.acknowledgeable([])
            if !done.isEmpty { try await self.bus.acknowledgeReports(signals: done, logs: []) }
            // Where no work is under way nothing but heartbeats comes: those of a moment are taken together.
            if !reports.isEmpty, !self.advancer.hasOpenAttempts { await self.pause(Self.gathering) }
        }
    }

    /// How long a read waits for something to come, in milliseconds.
    private static let patienceMilliseconds: Int64 = 10_000
    /// How long it waits while work is under way.
    private static let busyMilliseconds: Int64 = 2000
    /// For how long signals gather while no work is under way: short enough that none seems to be read with delay.
    private static let gathering: Swift.Duration = .milliseconds(600)

    /// Takes up signals and log lines that another orchestrator read and did not finish.
    private func claimReports() async {
        while !Task.isCancelled {
            await claimReports(idleMilliseconds: Self.claimIdleMilliseconds)
            await pause(Self.claimInterval)
        }
    }

    /// Takes them up sooner where the sweeper can't judge without them: then the record is in reach, and what is claimed
    /// is not held up here.
    private func claimReportsAsWished() async {
        for await idleMilliseconds in monitor.signalWishes {
            await claimReports(idleMilliseconds: idleMilliseconds)
        }
    }

    private func claimReports(idleMilliseconds: Int) async {
        await loopTurn("signals and logs of others") {
            let claimed = try await self.bus.claimReports(idleMilliseconds: idleMilliseconds)
            try await self.take(claimed, isStale: true)
        }
    }

    /// How often signals and log lines of others are looked for.
    private static let claimInterval: Swift.Duration = .seconds(30)
    /// For how long another orchestrator may hold signals and log lines, in milliseconds.
    private static let claimIdleMilliseconds = 20_000

    /// Takes reports into the record. Stale ones were read long ago, by an orchestrator that is gone.
    private func take(_ reports: AgentReports, isStale: Bool = false) async throws {
        guard !reports.isEmpty else { return }
        try await hand(reports.signals, from: "agent:signals") { entries throws(BatchError) in
            try await self.signals.take(entries, isStale: isStale)
        }
        try await hand(reports.logs, from: "agent:logs") { entries throws(BatchError) in
            try await self.logs.take(entries)
        }
        let signals = reports.signals.map(\.entryID)
        let done = isStale ? signals : self.signals.acknowledgeable(signals)
        guard !done.isEmpty || !reports.logs.isEmpty else { return }
        try await bus.acknowledgeReports(signals: done, logs: reports.logs.map(\.entryID))
    }

    /// Repeats `turn` until cancelled, with a pause after an error.
    private func loop(_ what: String, _ turn: @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            await loopTurn(what, turn)
        }
    }

    private func loopTurn(_ what: String, _ turn: @Sendable () async throws -> Void) async {
        do {
            try await turn()
        } catch {
            if Task.isCancelled { return }
            logger.warning("reading \(what) failed; trying again", metadata: ["error": "\(error)"])
            await pause(.milliseconds(500))
        }
    }

    /// Hands entries to `take` until the record has them: what was read is ours until it is acknowledged. What the
    /// record refuses is found by halves and becomes a dead letter, so that one bad entry doesn't hold up the others.
    private func hand(
        _ entries: [InboundMessage], from source: String,
        to take: @Sendable ([InboundMessage]) async throws(BatchError) -> Void
    ) async throws {
        guard !entries.isEmpty else { return }
        while true {
            do throws(BatchError) {
                return try await take(entries)
            } catch .refused(let reason) {
                guard entries.count == 1 else { break }
                return try await bury(entries[0], from: source, reason: reason)
            } catch {
                logger.warning("the record did not take a message; trying again", metadata: ["error": "\(error)"])
                try Task.checkCancellation()
                await pause(.seconds(1))
                try Task.checkCancellation()
            }
        }
        let middle = entries.count / 2
        try await hand(Array(entries[..<middle]), from: source, to: take)
        try await hand(Array(entries[middle...]), from: source, to: take)
    }

    /// Keeps an entry that the record refuses as a dead letter.
    private func bury(_ entry: InboundMessage, from source: String, reason: String) async throws {
        let letter = DeadLetter(
            kind: .message, source: source, cause: "REFUSED_BY_RECORD", detail: reason, bytes: entry.bytes)
        while true {
            do throws(BatchError) {
                return try await store.keep([letter])
            } catch .refused(let second) {
                // Not even its bytes can be kept: the log is the last place.
                logger.critical(
                    "a message was refused twice by the record and is dropped",
                    metadata: ["source": "\(source)", "entry": "\(entry.entryID)", "error": "\(second)"])
                return
            } catch {
                try Task.checkCancellation()
                await pause(.seconds(1))
            }
        }
    }

    private func pause(_ duration: Swift.Duration) async {
        do {
            try await Task.sleep(for: duration)
        } catch {
            return
        }
    }
}
