import JSONTools
public import Logging
public import TaskTransport
public import WorkflowStorage

/// Reads what agents say, keeps the registry in step, answers: the shell around ``SignalCore``.
public final class SignalIntake: Sendable {
    private let bus: any TaskBus
    private let store: any WatchStore
    private let advancer: Advancer
    private let monitor: RoadMonitor
    private let heartbeatMilliseconds: Int
    private let logger: Logger

    /// An intake that answers through `bus`.
    public init(
        bus: any TaskBus, store: any WatchStore, advancer: Advancer, monitor: RoadMonitor,
        heartbeatMilliseconds: Int, logger: Logger
    ) {
        self.bus = bus
        self.store = store
        self.advancer = advancer
        self.monitor = monitor
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.logger = logger
    }

    /// Takes one batch of entries; they are acknowledged by whoever calls once this returns.
    ///
    /// - Throws: `BatchError` if the record is away; then the same batch has to be taken again.
    func take(_ entries: [InboundMessage], isStale: Bool) async throws(BatchError) {
        var core = SignalCore(heartbeatMilliseconds: heartbeatMilliseconds)
        var input: SignalCore.Input? = .received(
            entries, isStale: isStale, judgesOmissions: monitor.hasListenedForALease, now: .now())
        while let present = input {
            input = nil
            for effect in core.step(present, at: MonotonicTime.milliseconds) {
                if case .giveUp(let error) = effect { throw error }
                if let answer = await carryOut(effect) { input = answer }
            }
        }
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
            case .beat(let beats):
                let types = try await store.beat(beats)
                return .beaten(
                    BeatAnswer(types: types, bound: try await store.openAttempts(boundTo: beats.map(\.agentID))))
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
