import Logging
import Synchronization
import WorkflowCore
import WorkflowStorage

/// A lane of the ``Advancer``: takes what waits, changes the workflows concerned in one transaction, then hands the effects
/// on.
///
/// Idle it makes a batch of one at once; busy, all that waits shares the commit. What decides is in
/// ``AdvancerCore``; this is the shell, which carries out what the core says and tells it what came of it.
final class AdvancerLane: Sendable {
    private struct State {
        /// What came since the core was last told.
        var arrived: [Submission] = []
        /// What else happened since.
        var news: [AdvancerCore.Input] = []
        var findings = FindingCounters()
        var hasOpenAttempts = true
        /// How much waits, here and in the core.
        var admission = Admission()
        var replies: [ReplyToken: CheckedContinuation<SubmissionOutcome, Never>] = [:]
        var nextToken: UInt64 = 1
        var consumer: CheckedContinuation<Void, Never>?

        mutating func append(_ submission: Submission) {
            arrived.append(submission)
            admission.count += 1
            admission.weight += submission.weight
        }

        mutating func wake() -> CheckedContinuation<Void, Never>? {
            defer { consumer = nil }
            return consumer
        }
    }

    private let state = Mutex(State())
    private let session: any BatchSession
    private let queue: (any WatchStore)?
    private let cache: RecordCache
    private let envelopes: EnvelopeFactory
    private let output: EffectQueue
    private let board: LaneBoard
    private let place: Int
    private let logger: Logger

    /// A lane on a session of its own with the record.
    ///
    /// - Parameters:
    ///   - queue: where tasks that are beyond the send window are let go; nil to send all at once.
    ///   - board: where the lanes tell each other what they send.
    ///   - place: its number among them, from 0.
    init(
        session: any BatchSession,
        queue: (any WatchStore)?,
        cache: RecordCache,
        envelopes: EnvelopeFactory,
        output: EffectQueue,
        board: LaneBoard,
        place: Int,
        logger: Logger
    ) {
        self.session = session
        self.queue = queue
        self.cache = cache
        self.envelopes = envelopes
        self.output = output
        self.board = board
        self.place = place
        self.logger = logger
    }
}

// MARK: Coming in

extension AdvancerLane {
    /// Whether the record could be reached when it was last tried.
    var isRecordReachable: Bool {
        state.withLock { $0.admission.isRecordReachable }
    }

    /// How many submissions wait.
    var backlog: Int {
        state.withLock { $0.admission.count }
    }

    /// How often the watchdog's findings were committed here, since the start.
    var findings: FindingCounters {
        state.withLock { $0.findings }
    }

    /// Whether attempts are open, as far as is known here.
    var hasOpenAttempts: Bool {
        state.withLock { $0.hasOpenAttempts || !$0.arrived.isEmpty }
    }

    /// Takes note of what is under way for each agent type.
    func learn(_ loads: [AgentTypeLoad]) {
        // What was counted in the record has what the others did until now.
        _ = board.take(place)
        tell(.loads(loads))
    }

    private func tell(_ input: AdvancerCore.Input) {
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.news.append(input)
            return state.wake()
        }
        consumer?.resume()
    }

    /// Submits and waits for the commit.
    ///
    /// - Returns: what became of it; at once `.overloaded` when the queue is full, and `.unavailable` when the record is
    ///   away or the orchestrator stops.
    func submit(_ body: Submission.Body) async -> SubmissionOutcome {
        await withCheckedContinuation { continuation in
            let (refusal, consumer) = state.withLock {
                state -> (SubmissionOutcome?, CheckedContinuation<Void, Never>?) in
                if let refusal = state.admission.refusal() { return (refusal, nil) }
                let token = ReplyToken(number: state.nextToken)
                state.nextToken += 1
                state.replies[token] = continuation
                state.append(Submission(body, origin: .caller(token)))
                return (nil, state.wake())
            }
            consumer?.resume()
            if let refusal { continuation.resume(returning: refusal) }
        }
    }

    /// Hands in what nobody waits for, waiting for room while the queue is full.
    func enqueue(_ submissions: [Submission]) async {
        guard !submissions.isEmpty else { return }
        await waitForRoom()
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            for submission in submissions { state.append(submission) }
            return state.wake()
        }
        consumer?.resume()
    }

    /// Waits while the queue is full. Looks again and again, so that a cancelled intake never hangs here.
    private func waitForRoom() async {
        while state.withLock({ !$0.admission.hasRoom && !$0.admission.isStopped }) {
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                return
            }
        }
    }
}

// MARK: Running

extension AdvancerLane {
    /// Runs until ``stop()`` or until the task is cancelled, then finishes the batch at hand and turns the rest away.
    func run() async {
        await withTaskCancellationHandler {
            // Queued tasks are let go beside the batches.
            await withDiscardingTaskGroup { group in await drive(beside: &group) }
        } onCancel: {
            stop()
        }
        turnAwayTheRest()
        await session.close()
    }

    /// Lets the batch at hand be the last one.
    func stop() {
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.admission.isStopped = true
            return state.wake()
        }
        consumer?.resume()
    }

    private func drive(beside group: inout DiscardingTaskGroup) async {
        var core = AdvancerCore(
            envelopes: envelopes, entropy: .system(), cache: cache, window: queue == nil ? nil : SendWindow())
        var answer: AdvancerCore.Input?
        var wasToldToStop = false
        while true {
            var effects: [AdvancerCore.Effect] = []
            let now = MonotonicTime.milliseconds
            let (arrived, news, isStopped) = takeArrivals()
            if let heard = board.take(place) { effects += core.step(.heard(heard), at: now) }
            for input in news { effects += core.step(input, at: now) }
            if !arrived.isEmpty { effects += core.step(.submitted(arrived), at: now) }
            if isStopped, !wasToldToStop {
                wasToldToStop = true
                effects += core.step(.stop, at: now)
            }
            if let input = answer { effects += core.step(input, at: now) }
            show(core)
            if let news = core.takeNews() { board.post(news, from: place) }
            guard !effects.isEmpty || answer != nil else {
                await waitForArrivals(orStop: !wasToldToStop)
                continue
            }
            answer = nil
            for effect in effects {
                if case .end = effect { return }
                if case .release(let release) = effect {
                    group.addTask { await self.carryOut(release) }
                    continue
                }
                if let input = await carryOut(effect) { answer = input }
            }
        }
    }

    /// Carries an effect out.
    ///
    /// - Returns: the answer, if it was a request.
    private func carryOut(_ effect: AdvancerCore.Effect) async -> AdvancerCore.Input? {
        do throws(BatchError) {
            switch effect {
            case .begin(let request): return .began(try await session.begin(request))
            case .fetchDefinition(let hash): return .definition(try await session.definitionBlob(hash: hash))
            case .fetchOutputs(let keys): return .outputs(try await session.outputs(keys))
            case .commit(let save): return .committed(try await session.commit(save))
            case .lookUp(let id): return .lookedUp(wasCommitted: try await session.wasCommitted(id))
            case .keep(let letters):
                try await session.keep(letters)
                return .kept
            case .probe: return .reachable(await session.isReachable())
            case .pause(let milliseconds):
                await pause(milliseconds)
                return .paused
            case .abandon: await session.abandon()
            case .reply(let replies): reply(replies)
            case .handOn(let effects): await output.append(effects)
            case .report(let report): log(report)
            case .release, .end: break
            }
            return nil
        } catch {
            return .failed(error)
        }
    }

    private func carryOut(_ release: SendWindow.Release) async {
        do throws(BatchError) {
            let tasks = try await queue?.releaseQueued(
                agentType: release.agentType, count: release.count, turn: release.turn)
            tell(.released(release, tasks ?? []))
        } catch {
            logger.warning("queued tasks have to wait", metadata: ["error": "\(error)"])
            tell(.released(release, nil))
        }
    }

    private func takeArrivals() -> (arrived: [Submission], news: [AdvancerCore.Input], isStopped: Bool) {
        state.withLock { state in
            defer {
                state.arrived = []
                state.news = []
            }
            return (state.arrived, state.news, state.admission.isStopped)
        }
    }

    /// Lets callers see how much waits: in the core, and here since it was last told.
    private func show(_ core: borrowing AdvancerCore) {
        let admission = core.admission
        let findings = core.findings
        let hasOpenAttempts = core.hasOpenAttempts
        state.withLock { state in
            state.hasOpenAttempts = hasOpenAttempts
            let isStopped = state.admission.isStopped
            state.findings = findings
            state.admission = admission
            state.admission.isStopped = isStopped
            for submission in state.arrived {
                state.admission.count += 1
                state.admission.weight += submission.weight
            }
        }
    }

    private func waitForArrivals(orStop minds: Bool) async {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if !state.arrived.isEmpty || !state.news.isEmpty || (minds && state.admission.isStopped) {
                    return false
                }
                state.consumer = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    private func reply(_ replies: [(ReplyToken, SubmissionOutcome)]) {
        for (token, outcome) in replies {
            let continuation = state.withLock { $0.replies.removeValue(forKey: token) }
            continuation?.resume(returning: outcome)
        }
    }

    /// Answers those who came too late for the core.
    private func turnAwayTheRest() {
        let replies = state.withLock { state in
            state.admission.isStopped = true
            defer { state.replies = [:] }
            return state.replies
        }
        for continuation in replies.values {
            continuation.resume(returning: .unavailable("the orchestrator is shutting down"))
        }
    }

    /// Waits; cut short when the task is cancelled.
    private func pause(_ milliseconds: Int) async {
        do {
            try await Task.sleep(for: .milliseconds(milliseconds))
        } catch {
            return
        }
    }

    private func log(_ report: AdvancerReport) {
        switch report {
        case .repeated(let error, let tries):
            logger.debug("batch to be repeated", metadata: ["error": "\(error)", "tries": "\(tries)"])
        case .outcomeUnknown(let error):
            logger.warning("the outcome of a commit is unknown; looking it up", metadata: ["error": "\(error)"])
        case .refused(let error):
            logger.error("a submission was refused by the record", metadata: ["error": "\(error)"])
        case .notKept(let error):
            logger.error("a dead letter could not be kept", metadata: ["error": "\(error)"])
        case .recordAway(let error):
            logger.warning("PostgreSQL can't be used; waiting for it", metadata: ["error": "\(error)"])
        case .recordBack:
            logger.info("PostgreSQL is back")
        }
    }
}
