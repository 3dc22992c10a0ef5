import AgentProtocol
import JSONTools
import Logging
import Synchronization
import TaskTransport
import Testing

@testable import AgentRuntime

/// A road on which a claim stays under way until the test lets it end, and which notes in what order things are done.
private final class GatedBus: AgentTaskBus {
    let controlEvents: AsyncStream<ControlEvent>
    let epoch: UInt64 = 1
    let order = Mutex<[String]>([])
    private let control: AsyncStream<ControlEvent>.Continuation
    private struct Claims {
        var delivered: [ClaimedTask]?
        var waiter: CheckedContinuation<[ClaimedTask]?, Never>?
    }

    private let claims = Mutex(Claims())
    private let claiming = AsyncStream.makeStream(of: Void.self)

    init() {
        (controlEvents, control) = AsyncStream.makeStream(of: ControlEvent.self)
        control.yield(.listening(epoch: 1))
    }

    /// Waits until a claim is under way.
    func waitForClaim() async { for await _ in claiming.stream { return } }

    /// Ends the claim that is under way.
    func deliver(_ tasks: [ClaimedTask]) {
        let waiter = claims.withLock { claims in
            if claims.waiter == nil { claims.delivered = tasks }
            return claims.waiter.take()
        }
        waiter?.resume(returning: tasks)
    }

    func claim(freeSlots: Int, block: Duration) async throws(TransportError) -> [ClaimedTask] {
        claiming.continuation.yield()
        let tasks = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (ready, mustWait) = claims.withLock { claims -> ([ClaimedTask]?, Bool) in
                    if Task.isCancelled { return (nil, false) }
                    if let delivered = claims.delivered.take() { return (delivered, false) }
                    claims.waiter = continuation
                    return (nil, true)
                }
                if !mustWait { continuation.resume(returning: ready) }
            }
        } onCancel: {
            endClaim()
        }
        // As a read that is cut short: what it had got stays pending, and the next claim brings it.
        guard let tasks else { throw TransportError(.closed, "cut short") }
        return tasks
    }

    private func endClaim() { claims.withLock { $0.waiter.take() }?.resume(returning: nil) }

    func handBack(_ tasks: [ClaimedTask]) async throws(TransportError) {
        // Whoever would close meanwhile gets every chance to.
        for _ in 0..<1000 { await Task.yield() }
        order.withLock { $0 += tasks.map { "back \($0.entryID)" } }
    }

    func send(_ signal: AgentSignal) async throws(TransportError) {
        if case .goodbye = signal { order.withLock { $0.append("goodbye") } }
    }

    func close() async {
        order.withLock { $0.append("close") }
        control.finish()
        endClaim()
    }

    func report(_ results: [OutgoingResult]) async throws(TransportError) {}
    func discard(_ tasks: [ClaimedTask]) async throws(TransportError) {}
    func reject(_ task: ClaimedTask, signal: RejectedSignal) async throws(TransportError) {}
    func send(_ log: LogBatch) async throws(TransportError) {}
}

@Suite("How an agent leaves")
struct LeavingTests {
    private func shell(
        _ bus: GatedBus, in directory: TemporaryDirectory, _ limits: TaskLoop.Limits
    ) throws -> AgentShell {
        let configuration = try AgentConfiguration(environment: directory.environment, executable: "agent")
        let catalog = try ActionCatalog([])
        return AgentShell(
            registration: RegisterSignal(
                agentID: LoopFixture.agentID, sentAt: .now(), agentType: "demo", agentVersion: "1",
                actions: catalog.descriptions, slots: limits.slots, host: "here", pid: 1),
            limits: limits, bus: bus,
            runner: AttemptRunner(
                catalog: catalog, builder: ResultBuilder(agentID: LoopFixture.agentID, agentType: "demo"),
                host: AttemptHost(configuration, agentID: LoopFixture.agentID)),
            health: HealthFile(runDirectory: directory.path + "/run", agentType: "demo"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, level: LogLevelBox(.info))
    }

    @Test("What a claim brings after SIGTERM is handed back before the goodbye, and both before the road is closed")
    func claimInFlight() async throws {
        try await TemporaryDirectory.with { directory in
            let bus = GatedBus()
            let shell = try shell(bus, in: directory, TaskLoop.Limits())
            let running = Task { await shell.run() }
            await bus.waitForClaim()
            shell.terminate()
            bus.deliver(
                [LoopFixture.task(1).entry, LoopFixture.task(2).entry].map { entry in
                    var entry = entry
                    entry.bytes = LoopFixture.task(1).envelope.encoded()
                    return entry
                })
            await running.value
            #expect(bus.order.withLock { $0 } == ["back 1-0", "back 2-0", "goodbye", "close"])
        }
    }

    @Test("A claim that never comes back keeps no agent from leaving")
    func lostClaim() async throws {
        try await TemporaryDirectory.with { directory in
            let bus = GatedBus()
            var limits = TaskLoop.Limits()
            limits.lastClaim = .milliseconds(100)
            let shell = try shell(bus, in: directory, limits)
            let running = Task { await shell.run() }
            await bus.waitForClaim()
            shell.terminate()
            await running.value
            #expect(bus.order.withLock { $0 } == ["goodbye", "close"])
        }
    }
}
