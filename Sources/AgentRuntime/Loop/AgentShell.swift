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
    /// How long one claim waits for tasks; also how long an idle agent may take to end.
    static let claimPatience: Duration = .milliseconds(1000)

    let bus: any AgentTaskBus
    let runner: AttemptRunner
    let logger: Logger
    let level: LogLevelBox
    let health: HealthFile
    let progress = ProgressBoard()
    let logs: LogShipper
    let claims = Outbox<Int>()
    let reports = Outbox<ReportOrder>()
    let signals = Outbox<AgentSignal>(capacity: 4096)
    let chores = Outbox<Chore>()
    private let core: Mutex<LoopCore>
    private let hasLeft = Outbox<Void>()

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
            group.addTask { await self.doChores() }
            group.addTask { await self.listen() }
            group.addTask { await self.logs.ship(through: self.bus, logger: self.logger) }
            let farewell = Task { await self.sendSignals() }
            _ = await hasLeft.take(atMost: 1)
            // The goodbye is the last signal; a Redis that isn't there can't keep us from leaving.
            await Self.wait(for: farewell, atMost: .seconds(2))
            for close in [claims.close, reports.close, chores.close, logs.close] { close() }
            await bus.close()
            group.cancelAll()
        }
        clock.close()
        thread.join()
        core.withLock { $0.close() }
    }

    /// Asks the agent to end: no more tasks, 25 s for those that were begun.
    func terminate() { send(.input(.terminate)) }

    func leave(_ goodbye: GoodbyeSignal) {
        signals.put([.goodbye(goodbye)])
        signals.close()
        hasLeft.put([()])
    }

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
            ])
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

    private static func wait(for task: Task<Void, Never>, atMost limit: Duration) async {
        await withTaskGroup { group in
            group.addTask { _ = try? await withUnfinishedWait { await task.value } }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        task.cancel()
    }
}
