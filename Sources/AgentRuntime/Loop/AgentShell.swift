import AgentProtocol
import BlockingIO
import JSONTools
import Logging
import Synchronization
import TaskTransport

/// Carries out what the ``TaskLoop`` decides: the only part that touches Redis, tasks and clocks.
///
/// The loop runs on a thread of its own, woken by what happens and by the clock, and never waits for anything else. What
/// takes time is put into outboxes, from which tasks on Swift's pool send it; actions run on the threads of their slots.
/// So neither a slow Redis nor an action that computes for minutes delays a heartbeat.
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
    /// How long one claim waits for tasks; also how long an idle agent may take to end.
    static let claimPatience: Duration = .milliseconds(1000)

    let bus: any AgentTaskBus
    let runner: AttemptRunner
    let logger: Logger
    let level: LogLevelBox
    let health: HealthFile
    let mailbox = BoundedMailbox<Message>(capacity: 8192, name: "agent loop")
    let progress = ProgressBoard()
    let logs: LogShipper
    let claims = Outbox<Int>()
    let reports = Outbox<ReportOrder>()
    let signals = Outbox<AgentSignal>(capacity: 4096)
    let chores = Outbox<Chore>()
    private let loop: TaskLoop
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
        loop = TaskLoop(registration: registration, limits: limits)
        self.bus = bus
        self.runner = runner
        self.health = health
        self.logger = logger
        self.level = level
        logs = LogShipper(agentID: registration.agentID)
    }

    /// Takes, runs and reports tasks until ``terminate()``; returns when the agent has said goodbye.
    func run() async {
        let thread = DedicatedThread(name: "agent-loop") { [self] in
            var work = LoopThread(shell: self, loop: loop)
            work.run()
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
            mailbox.close()
            await bus.close()
            group.cancelAll()
        }
        thread.join()
    }

    /// Asks the agent to end: no more tasks, 25 s for those that were begun.
    func terminate() { send(.input(.terminate)) }

    func leave(_ goodbye: GoodbyeSignal) {
        signals.put([.goodbye(goodbye)])
        signals.close()
        hasLeft.put([()])
    }

    /// Puts a message into the loop's mailbox without waiting, as long as there is room.
    func send(_ message: Message) {
        do {
            try mailbox.send(message)
        } catch {
            switch error {
            case .full: Task { try? await mailbox.sendWhenRoom(message) }
            case .closed: break  // The loop has ended; nothing counts any more.
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
