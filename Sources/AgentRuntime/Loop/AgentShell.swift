import AgentProtocol
import BlockingIO
import JSONTools
import Logging
import Synchronization
import TaskTransport

/// Carries out what the ``TaskLoop`` decides: the only part that touches Redis, tasks and clocks.
///
/// Whoever brings news steps the loop himself, under a lock that is held for microseconds; a thread of its own does so by
/// the clock. What takes time is put into outboxes, from which tasks on Swift's pool send it; actions run on the threads
/// of their slots. So neither a slow Redis nor an action that computes for minutes delays a heartbeat.
final class AgentShell: Sendable {
    enum Message: Sendable {
        case input(TaskLoop.Input)
        case decoded([EntryDecoder.Decoded])
        case grantWanted(TaskReference, GrantTicket)
        /// An attempt has ended with all that belongs to it; its thread may serve another.
        case slotFree(SlotExecutor)
    }

    /// So many results are reported in one transaction.
    static let reportBatch = 256
    static let reportBytes = 2 << 20
    /// How long one claim waits for tasks, unless the agent is to end meanwhile.
    static let claimPatience: Duration = .seconds(10)
    /// How long handing back, saying goodbye and cleaning up may take together. With 25 s for what runs and 2.5 s for
    /// stopping it, an agent ends within 30 s.
    static let farewellPatience: Duration = .seconds(2)

    let bus: any AgentTaskBus
    let runner: AttemptRunner
    let logger: Logger
    let level: LogLevelBox
    let health: HealthFile
    let progress = ProgressBoard()
    let logs: LogShipper
    let claims = Outbox<Int>()
    let lastClaim = WaitingClaim()
    let reports = Outbox<ReportOrder>()
    let signals = Outbox<AgentSignal>(capacity: 4096)
    let chores = Outbox<Chore>()
    /// The attempts that run, files and tools included.
    let attempts = AttemptCount()
    private let core: Mutex<LoopCore>
    private let farewell = Outbox<GoodbyeSignal>()

    /// What is to be told to the bus beside results and signals.
    enum Chore: Sendable {
        case handBack([ClaimedTask])
        case discard([ClaimedTask])
        case reject(RejectedSignal, ClaimedTask)
    }

    init(
        registration: RegisterSignal,
        limits: TaskLoop.Limits,
        bus: any AgentTaskBus,
        runner: AttemptRunner,
        health: HealthFile,
        logger: Logger,
        level: LogLevelBox
    ) {
        core = Mutex(LoopCore(loop: TaskLoop(registration: registration, limits: limits)))
        self.bus = bus
        self.runner = runner
        self.health = health
        self.logger = logger
        self.level = level
        logs = LogShipper(agentID: registration.agentID)
    }

    /// Takes, runs and reports tasks until ``terminate()``; returns when the agent has said goodbye.
    func run() async {
        let clock = BoundedMailbox<Never>(capacity: 1, name: "agent clock")
        let thread = DedicatedThread(name: "agent-clock") { [self] in
            var isBusy = tick()
            while case .timedOut = clock.waitAndTakeAll(atMost: 1, timeoutMilliseconds: isBusy ? 50 : 250) {
                isBusy = tick()
            }
        }
        await withTaskGroup { group in
            group.addTask { await self.claimTasks() }
            group.addTask { await self.sendReports() }
            group.addTask { await self.listen() }
            group.addTask { await self.logs.ship(through: self.bus, logger: self.logger) }
            let choring = Task { await self.doChores() }
            let signalling = Task { await self.sendSignals() }
            let goodbye = await farewell.take(atMost: 1)?.first
            // A Redis that isn't there can't keep us from leaving.
            let end = ContinuousClock.now + Self.farewellPatience
            // What was taken last is handed back before the goodbye says that nothing is left here.
            chores.close()
            await Self.wait(for: choring, until: end)
            if let goodbye { signals.put([.goodbye(goodbye)]) }
            signals.close()
            await Self.wait(for: signalling, until: end)
            for close in [claims.close, reports.close, logs.close] { close() }
            await bus.close()
            await Self.wait(for: Task { await self.attempts.waitForNone() }, until: end)
            group.cancelAll()
        }
        clock.close()
        thread.join()
        core.withLock { $0.close() }
    }

    /// Asks the agent to end: no more tasks, 25 s for those that were begun.
    func terminate() {
        send(.input(.terminate))
        lastClaim.cutShort()
    }

    func leave(_ goodbye: GoodbyeSignal) { farewell.put([goodbye]) }

    /// Tells the loop what happened, and does what follows from it.
    func send(_ message: Message) {
        carryOut(core.withLock { $0.handle(message, for: self) })
    }

    /// Tells an attempt's end in the agent's own log.
    func note(_ envelope: TaskEnvelope, _ result: TaskResult?) {
        logger.info(
            "an attempt has ended",
            metadata: [
                "task": "\(envelope.taskID)", "attempt": "\(envelope.attempt)", "workflow": "\(envelope.workflowID)",
                "action": "\(envelope.action)", "status": "\(result?.status.rawValue ?? "abandoned")",
                "ms": "\(result?.metrics.durationMilliseconds ?? 0)",
                "error": "\(result?.errors.first?.code ?? "")",
            ].merging(result.flatMap(Self.stopFacts) ?? [:]) { one, _ in one })
    }

    /// How long an attempt that was stopped took to end.
    private static func stopFacts(_ result: TaskResult) -> Logger.Metadata? {
        result.errors.first?.detail["stopped_after_ms"].map { ["stopped_after_ms": "\($0.intValue ?? 0)"] }
    }

    private func tick() -> Bool {
        let (afterwards, isBusy) = core.withLock { ($0.tick(for: self), $0.isBusy) }
        carryOut(afterwards)
        return isBusy
    }

    private func carryOut(_ afterwards: [LoopCore.Afterwards]) {
        for act in afterwards {
            switch act {
            case .cancel(let task): task.cancel()
            case .warn(let text): logger.warning("\(text)")
            case .touchHealth: health.touch()
            }
        }
    }

    private static func wait(for task: Task<Void, Never>, until end: ContinuousClock.Instant) async {
        await withTaskGroup { group in
            group.addTask { _ = try? await withUnfinishedWait { await task.value } }
            group.addTask { try? await Task.sleep(until: end) }
            await group.next()
            group.cancelAll()
        }
        task.cancel()
    }
}
