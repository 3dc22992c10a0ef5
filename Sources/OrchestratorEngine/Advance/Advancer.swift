import JSONTools
public import Logging
import Synchronization
import WorkflowCore
public import WorkflowStorage

/// The one door: takes what waits, changes the workflows concerned in one transaction, then hands the effects on.
///
/// Idle it makes a batch of one at once; busy, all that waits shares the commit. What decides is in
/// ``BatchComputation`` and `WorkflowMachine`; this is the shell.
public final class Advancer: Sendable {
    /// After so many misses a workflow that others keep locking is waited for.
    static let missLimit = 3
    /// How often a batch that the database asked to repeat is repeated before its members are tried one by one.
    static let repeatLimit = 5

    private struct State {
        var queue = SubmissionQueue()
        var replies: [ReplyToken: CheckedContinuation<SubmissionOutcome, Never>] = [:]
        var nextToken: UInt64 = 1
        var consumer: CheckedContinuation<Void, Never>?
        var isStopped = false
        var isRecordReachable = true
    }

    private let state = Mutex(State())
    private let session: any BatchSession
    private let cache: RecordCache
    private let envelopes: EnvelopeFactory
    private let output: EffectQueue
    private let logger: Logger

    /// An advancer on a session of its own with the record.
    public init(
        session: any BatchSession,
        cache: RecordCache,
        envelopes: EnvelopeFactory,
        output: EffectQueue,
        logger: Logger
    ) {
        self.session = session
        self.cache = cache
        self.envelopes = envelopes
        self.output = output
        self.logger = logger
    }
}

// MARK: Coming in

extension Advancer {
    /// Whether the record could be reached when it was last tried.
    public var isRecordReachable: Bool {
        state.withLock { $0.isRecordReachable }
    }

    /// How many submissions wait.
    public var backlog: Int {
        state.withLock { $0.queue.count }
    }

    /// Submits and waits for the commit.
    ///
    /// - Returns: what became of it; `.unavailable` at once when the queue is full, the record is away or the
    ///   orchestrator stops.
    public func submit(_ body: Submission.Body) async -> SubmissionOutcome {
        await withCheckedContinuation { continuation in
            let (refusal, consumer) = state.withLock {
                state -> (SubmissionOutcome?, CheckedContinuation<Void, Never>?) in
                if state.isStopped { return (.unavailable("the orchestrator is shutting down"), nil) }
                if !state.isRecordReachable { return (.unavailable("PostgreSQL can't be reached"), nil) }
                guard state.queue.hasRoom else { return (.unavailable("too much is waiting to be recorded"), nil) }
                let token = ReplyToken(number: state.nextToken)
                state.nextToken += 1
                state.replies[token] = continuation
                state.queue.append(Submission(body, origin: .caller(token)))
                defer { state.consumer = nil }
                return (nil, state.consumer)
            }
            consumer?.resume()
            if let refusal { continuation.resume(returning: refusal) }
        }
    }

    /// Hands in what nobody waits for, waiting for room while the queue is full.
    public func enqueue(_ submissions: [Submission]) async {
        guard !submissions.isEmpty else { return }
        await waitForRoom()
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            for submission in submissions { state.queue.append(submission) }
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume()
    }

    /// Waits while the queue is full. Looks again and again, so that a cancelled intake never hangs here.
    private func waitForRoom() async {
        while state.withLock({ !$0.queue.hasRoom && !$0.isStopped }) {
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                return
            }
        }
    }
}

// MARK: Running

extension Advancer {
    /// Runs until ``stop()`` or until the task is cancelled, then finishes the batch at hand and turns the rest away.
    public func run() async {
        await withTaskCancellationHandler {
            while let batch = await nextBatch() {
                await carryOut(batch, depth: 0)
            }
        } onCancel: {
            stop()
        }
        turnAwayTheRest()
        await session.close()
    }

    /// Lets the batch at hand be the last one.
    public func stop() {
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isStopped = true
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume()
    }

    private func nextBatch() async -> [Submission]? {
        while true {
            let (batch, isStopped) = state.withLock { state -> ([Submission], Bool) in
                if state.isStopped { return ([], true) }
                return (state.queue.takeBatch(), false)
            }
            if isStopped { return nil }
            if !batch.isEmpty { return batch }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if !state.queue.isEmpty || state.isStopped { return false }
                    state.consumer = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    private func turnAwayTheRest() {
        let replies = state.withLock { state in
            defer { state.replies = [:] }
            return state.replies
        }
        for continuation in replies.values {
            continuation.resume(returning: .unavailable("the orchestrator is shutting down"))
        }
    }

    private func reply(_ replies: [(ReplyToken, SubmissionOutcome)]) {
        for (token, outcome) in replies {
            let continuation = state.withLock { $0.replies.removeValue(forKey: token) }
            continuation?.resume(returning: outcome)
        }
    }

    private func putBack(_ submissions: [Submission]) {
        state.withLock { state in
            for submission in submissions { state.queue.append(submission) }
        }
    }
}

// MARK: One batch

extension Advancer {
    /// Carries a batch out; what a failure spares is put back, what the database refuses is told so.
    private func carryOut(_ batch: [Submission], depth: Int) async {
        for attempt in 1...Self.repeatLimit {
            switch await attemptBatch(batch) {
            case .committed(let effects, let missed):
                putBack(missed)
                reply(effects.replies)
                await output.append(effects)
                return
            case .repeatable(let error):
                logger.debug("batch to be repeated", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
            case .refused(let error):
                await bisect(batch, refusedWith: error, depth: depth)
                return
            case .away(let error):
                await waitForRecord(error, batch: batch)
                return
            }
        }
        await bisect(
            batch, refusedWith: "the transaction could not be completed in \(Self.repeatLimit) tries", depth: depth)
    }

    private enum BatchEnd {
        case committed(BatchEffects, missed: [Submission])
        case repeatable(String)
        case refused(String)
        case away(String)
    }

    private func attemptBatch(_ batch: [Submission]) async -> BatchEnd {
        do throws(BatchError) {
            return try await loadComputeCommit(batch)
        } catch {
            await session.abandon()
            switch error {
            case .repeatable(let text): return .repeatable(text)
            case .refused(let text): return .refused(text)
            case .away(let text): return .away(text)
            case .unknownOutcome(let text): return .away(text)
            }
        }
    }

    private func loadComputeCommit(_ batch: [Submission]) async throws(BatchError) -> BatchEnd {
        var byWorkflow: [UniqueID: [Submission]] = [:]
        var order: [UniqueID] = []
        var creations: [(Creation, Submission.Origin)] = []
        var mustWait = false
        for submission in batch {
            switch submission.body {
            case .create(let creation):
                creations.append((creation, submission.origin))
            case .event(_, let id):
                if byWorkflow[id] == nil { order.append(id) }
                byWorkflow[id, default: []].append(submission)
                mustWait = mustWait || submission.misses >= Self.missLimit
            }
        }
        let keys = creations.compactMap { creation, _ in
            creation.idempotencyKey.map { IdempotencyKey(tenant: creation.tenant, key: $0) }
        }
        let load = try await session.begin(
            BatchRequest(
                workflows: order.sorted(), waits: mustWait, factsOf: cache.unknownFacts(among: order), keys: keys))
        cache.remember(load.facts)
        var entropy = EntropySource.system()
        var computation = BatchComputation(
            id: UniqueID.v7(at: load.now, using: &entropy), now: load.now, entropy: entropy, envelopes: envelopes)

        try await create(creations, known: load.known, in: &computation)
        let missed = try await applyAll(order, of: byWorkflow, load: load, waited: mustWait, in: &computation)

        if computation.save.isEmpty {
            await session.abandon()
            return .committed(computation.effects, missed: missed)
        }
        let effects = try await commit(computation)
        return .committed(effects, missed: missed)
    }

    private func create(
        _ creations: [(Creation, Submission.Origin)], known: [KnownKey], in computation: inout BatchComputation
    ) async throws(BatchError) {
        var used: [IdempotencyKey: KnownKey] = [:]
        for key in known { used[key.key] = key }
        var deferred: [IdempotencyKey: Bool] = [:]
        for (creation, origin) in creations {
            if let text = creation.idempotencyKey {
                let key = IdempotencyKey(tenant: creation.tenant, key: text)
                if let earlier = used[key] {
                    let isSame = earlier.bodyHash == creation.bodyHash
                    computation.answer(
                        origin, with: isSame ? .repeated(earlier.workflowID) : .keyReused(earlier.workflowID))
                    continue
                }
                if deferred[key] != nil {
                    // The same key twice in one batch: the second finds the first in the next batch.
                    putBack([Submission(.create(creation), origin: origin)])
                    continue
                }
                deferred[key] = true
            }
            let definition = try await cache.definition(hash: creation.definitionHash, from: session)
            computation.create(creation, definition: definition, origin: origin)
        }
    }

    private func applyAll(
        _ order: [UniqueID],
        of byWorkflow: [UniqueID: [Submission]],
        load: BatchLoad,
        waited: Bool,
        in computation: inout BatchComputation
    ) async throws(BatchError) -> [Submission] {
        var locked: [UniqueID: LockedWorkflow] = [:]
        for row in load.locked { locked[row.id] = row }
        var missed: [Submission] = []
        var hungry: [(BatchComputation.Loaded, [Submission], Set<String>)] = []
        for id in order {
            let submissions = byWorkflow[id] ?? []
            guard let row = locked[id] else {
                for var submission in submissions {
                    if waited {
                        computation.answerUnknown(submission)
                    } else {
                        submission.misses += 1
                        missed.append(submission)
                    }
                }
                continue
            }
            let loaded = try await machine(of: row)
            let needs = computation.apply(submissions, to: loaded, outputs: [:])
            if !needs.isEmpty { hungry.append((loaded, submissions, needs)) }
        }
        try await feed(hungry, in: &computation)
        return missed
    }

    /// Loads the outputs that some workflows read, all at once, and applies their events.
    private func feed(
        _ hungry: [(BatchComputation.Loaded, [Submission], Set<String>)], in computation: inout BatchComputation
    ) async throws(BatchError) {
        var waiting = hungry
        var fetched: [OutputKey: StageOutput] = [:]
        while !waiting.isEmpty {
            var keys: [OutputKey] = []
            for (loaded, _, needs) in waiting {
                keys += needs.map { outputKey(of: $0, in: loaded.machine) }.filter { fetched[$0] == nil }
            }
            for (key, output) in try await session.outputs(keys) { fetched[key] = output }
            var still: [(BatchComputation.Loaded, [Submission], Set<String>)] = []
            for (loaded, submissions, needs) in waiting {
                var outputs: [String: StageOutput] = [:]
                for stage in needs {
                    guard let output = fetched[outputKey(of: stage, in: loaded.machine)] else {
                        throw .refused(
                            "the output of completed stage \(stage) of \(loaded.machine.facts.id) is missing")
                    }
                    outputs[stage] = output
                }
                let more = computation.apply(submissions, to: loaded, outputs: outputs)
                if !more.isEmpty { still.append((loaded, submissions, needs.union(more))) }
            }
            waiting = still
        }
    }

    private func outputKey(of stage: String, in machine: WorkflowMachine) -> OutputKey {
        let generation = machine.definition.index(of: stage).map { machine.state.stages[$0].generation } ?? 1
        return OutputKey(workflowID: machine.facts.id, stage: stage, generation: generation)
    }

    private func machine(of row: LockedWorkflow) async throws(BatchError) -> BatchComputation.Loaded {
        let definition = try await cache.definition(hash: row.definitionHash, from: session)
        guard let facts = cache.facts(of: row.id) else {
            throw .refused("workflow \(row.id) has a state but no row in workflows")
        }
        let state: WorkflowState
        do {
            state = try WorkflowState(decoding: row.state)
        } catch {
            throw .refused("workflow \(row.id): \(error)")
        }
        return BatchComputation.Loaded(
            machine: WorkflowMachine(definition: definition, facts: facts, state: state),
            definitionHash: row.definitionHash, version: row.version)
    }

    /// Commits; when the outcome is unknown, looks the batch's id up before anything is repeated.
    private func commit(_ computation: BatchComputation) async throws(BatchError) -> BatchEffects {
        var effects = computation.effects
        do throws(BatchError) {
            effects.take(try await session.commit(computation.save))
        } catch .unknownOutcome(let text) {
            logger.warning("the outcome of a commit is unknown; looking it up", metadata: ["error": "\(text)"])
            guard try await lookUp(computation.save.id) else { throw .repeatable(text) }
        }
        return effects
    }

    /// Finds out whether a batch was committed, however long the record is away.
    private func lookUp(_ id: UniqueID) async throws(BatchError) -> Bool {
        while true {
            do throws(BatchError) {
                return try await session.wasCommitted(id)
            } catch {
                state.withLock { $0.isRecordReachable = false }
                while !(await session.isReachable()) {
                    if state.withLock({ $0.isStopped }) { throw .away("\(error)") }
                }
                state.withLock { $0.isRecordReachable = true }
            }
        }
    }
}

// MARK: Failures

extension Advancer {
    /// Finds the culprit of a batch that the database refuses, by halves, so that the others go on.
    private func bisect(_ batch: [Submission], refusedWith error: String, depth: Int) async {
        if batch.count > 1 {
            let middle = batch.count / 2
            await carryOut(Array(batch[..<middle]), depth: depth + 1)
            await carryOut(Array(batch[middle...]), depth: depth + 1)
            return
        }
        guard let culprit = batch.first else { return }
        logger.error("a submission was refused by the record", metadata: ["error": "\(error)"])
        var effects = BatchEffects()
        switch culprit.origin {
        case .caller(let token):
            reply([(token, .refused(error))])
            return
        case .result(let entryID, let agentType, let agentID, let reference, let bytes):
            let letter = DeadLetter(
                kind: .message, source: "orchestrator:results", cause: "REFUSED_BY_RECORD", detail: error,
                bytes: bytes, workflowID: culprit.workflowID)
            guard await keep(letter) else {
                await pause()
                putBack([culprit])
                return
            }
            effects.deadLetters.append(letter)
            effects.acknowledgements.append(entryID)
            effects.settled.append(
                BatchEffects.Settled(agentType: agentType, agentID: agentID, reference: reference))
        case .watch:
            break
        }
        await output.append(effects)
    }

    private func keep(_ letter: DeadLetter) async -> Bool {
        do throws(BatchError) {
            try await session.keep([letter])
            return true
        } catch {
            logger.error("a dead letter could not be kept", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// The record is away: callers are told, everything else waits for its return.
    private func waitForRecord(_ error: String, batch: [Submission]) async {
        let waiting = batch.filter { submission in
            if case .caller = submission.origin { return false }
            return true
        }
        let callers = batch.compactMap { submission -> (ReplyToken, SubmissionOutcome)? in
            guard case .caller(let token) = submission.origin else { return nil }
            return (token, .unavailable("PostgreSQL can't be reached: \(error)"))
        }
        let queued = state.withLock { state -> [ReplyToken] in
            state.isRecordReachable = false
            return state.queue.removeCallers()
        }
        putBack(waiting)
        reply(callers + queued.map { ($0, .unavailable("PostgreSQL can't be reached: \(error)")) })
        logger.warning("PostgreSQL can't be used; waiting for it", metadata: ["error": "\(error)"])
        await pause()
        while !Task.isCancelled, !state.withLock({ $0.isStopped }) {
            if await session.isReachable() { break }
        }
        state.withLock { $0.isRecordReachable = true }
        logger.info("PostgreSQL is back")
    }

    /// A second in which the record may mend itself; cut short when the task is cancelled.
    private func pause() async {
        do {
            try await Task.sleep(for: .seconds(1))
        } catch {
            return
        }
    }
}
