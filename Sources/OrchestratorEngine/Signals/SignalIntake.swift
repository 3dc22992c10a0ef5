import JSONTools
public import Logging
import Synchronization
public import TaskTransport
public import WorkflowStorage

/// Reads what agents say, keeps the registry in step, answers: the shell around ``SignalCore``.
public final class SignalIntake: Sendable {
    private struct State {
        var registry: AgentRegistry
        /// Entries that are done with once what is noted is recorded.
        var unacknowledged: [String] = []
    }

    private let state: Mutex<State>
    private let bus: any TaskBus
    private let store: any WatchStore
    private let advancer: Advancer
    private let monitor: RoadMonitor
    private let heartbeatMilliseconds: Int
    private let logger: Logger

    /// An intake that answers through `bus`.
    public init(
        bus: any TaskBus, store: any WatchStore, advancer: Advancer, monitor: RoadMonitor,
        heartbeatMilliseconds: Int, leaseMilliseconds: Int, logger: Logger
    ) {
        state = Mutex(State(registry: AgentRegistry(leaseMilliseconds: leaseMilliseconds)))
        self.bus = bus
        self.store = store
        self.advancer = advancer
        self.monitor = monitor
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.logger = logger
    }

    /// Takes one batch of entries; they are done with once this returns, see ``acknowledgeable(_:)``. To be called by one
    /// loop; another one may take stale entries.
    ///
    /// - Throws: `BatchError` if the record is away; then the same batch has to be taken again.
    func take(_ entries: [InboundMessage], isStale: Bool) async throws(BatchError) {
        guard !entries.isEmpty else { return }
        try await run(
            .received(entries, isStale: isStale, judgesOmissions: monitor.hasListenedForALease, now: .now()),
            knows: !isStale)
    }

    /// Records the heartbeats that were noted, if they have waited long enough.
    func flushIfDue() async throws(BatchError) {
        guard state.withLock({ $0.registry.isDue(at: MonotonicTime.milliseconds) }) == 0 else { return }
        try await run(.flush(judgesOmissions: monitor.hasListenedForALease, now: .now()), knows: true)
    }

    /// For how long there is nothing to do here unless something comes; at most `longest` milliseconds.
    func patience(atMost longest: Int64) -> Int64 {
        let due = state.withLock { $0.registry.isDue(at: MonotonicTime.milliseconds) }
        return due.map { min(max($0, 1), longest) } ?? longest
    }

    /// Says which entries may be acknowledged once these are taken: none while heartbeats wait to be recorded.
    func acknowledgeable(_ entryIDs: [String]) -> [String] {
        state.withLock { state in
            state.unacknowledged += entryIDs
            guard !state.registry.hasNotes else { return [] }
            defer { state.unacknowledged = [] }
            return state.unacknowledged
        }
    }

    private func run(_ first: SignalCore.Input, knows: Bool) async throws(BatchError) {
        var core = SignalCore(
            heartbeatMilliseconds: heartbeatMilliseconds, registry: knows ? state.withLock { $0.registry } : nil)
        var input: SignalCore.Input? = first
        while let present = input {
            input = nil
            for effect in core.step(present, at: MonotonicTime.milliseconds) {
                if case .giveUp(let error) = effect { throw error }
                if let answer = await carryOut(effect) { input = answer }
            }
        }
        if let registry = core.registry { state.withLock { $0.registry = registry } }
    }

    /// Carries an effect out.
    ///
    /// - Returns: the answer, if it was a request.
    private func carryOut(_ effect: SignalCore.Effect) async -> SignalCore.Input? {
        do throws(BatchError) {
            switch effect {
            case .register(let agents):
                try await store.register(agents)
                return .registered
            case .beat(let beats): return .beaten(try await store.beat(beats))
            case .readOpen(let taskIDs): return .open(try await store.openAttempts(taskIDs: taskIDs))
            case .keep(let letters):
                try await store.keep(letters)
                return .kept
            case .submit(let bodies): return .submitted(await submit(bodies))
            case .retire(let agentIDs):
                try await store.retire(agentIDs)
                return .retired
            case .mirror(let letters): await bus.mirror(letters)
            case .enqueue(let submissions): await advancer.enqueue(submissions)
            case .control(let messages):
                do {
                    try await bus.control(messages)
                } catch {
                    logger.warning(
                        "answers to agents could not be sent; they ask again", metadata: ["error": "\(error)"])
                }
            case .report(let report): log(report)
            case .finished, .giveUp: break
            }
            return nil
        } catch {
            return .failed(error)
        }
    }

    /// Submits all of them at once, so that they share a batch.
    private func submit(_ bodies: [Submission.Body]) async -> [SubmissionOutcome] {
        await withTaskGroup(of: (Int, SubmissionOutcome).self) { group in
            for (index, body) in bodies.enumerated() {
                group.addTask { (index, await self.advancer.submit(body)) }
            }
            var outcomes: [(Int, SubmissionOutcome)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func log(_ report: SignalReport) {
        switch report {
        case .registered(let agentID, let slots):
            logger.info("agent registered", metadata: ["agent": "\(agentID)", "slots": "\(slots)"])
        case .left(let agentID):
            logger.info("agent left in good order", metadata: ["agent": "\(agentID)"])
        }
    }
}
