package import JSONTools
package import WorkflowCore
package import WorkflowStorage

/// The one door as a value: submissions and what the record answered go in, what has to be done next comes out.
///
/// No clock, no I/O, no lock. One batch is at hand at a time, so at most one request to the record is out; what waits
/// meanwhile shares the next batch. ``Advancer`` is the shell around it, the simulator another one.
package struct AdvancerCore: Sendable {
    /// After so many misses a workflow that others keep locking is waited for.
    static let missLimit = 3
    /// How often a batch that the database asked to repeat is carried out before its members are tried one by one.
    static let repeatLimit = 5
    /// For how long the record is left alone after it failed, in milliseconds.
    static let patienceMilliseconds = 1000

    /// What happened.
    package enum Input: Sendable {
        /// Something wants to change workflows.
        case submitted([Submission])
        /// The transaction is open.
        case began(BatchLoad)
        /// A definition's canonical JSON; nil if the record has none under the hash.
        case definition([UInt8]?)
        /// The outputs that were asked for, those that exist.
        case outputs([OutputKey: StageOutput])
        /// The transaction is committed.
        case committed(CommitAnswer)
        /// Whether a commit of unknown outcome went through.
        case lookedUp(wasCommitted: Bool)
        /// The dead letters are kept.
        case kept
        /// The record failed to do what it was asked for.
        case failed(BatchError)
        /// Whether the record answers again.
        case reachable(Bool)
        /// The pause is over.
        case paused
        /// What the sweeper counted for each agent type.
        case loads([AgentTypeLoad])
        /// What other lanes of this orchestrator did with the send windows.
        case heard(SendNews)
        /// Queued tasks of a type were let go; nil if the record could not be asked.
        case released(SendWindow.Release, [ResentTask]?)
        /// The batch at hand is to be the last one.
        case stop
    }

    /// What has to be done. The cases from `begin` to `pause` are requests: each is answered by exactly one input, and
    /// a step returns at most one of them, as its last effect.
    package enum Effect: Sendable {
        /// Answered by `began` or `failed`.
        case begin(BatchRequest)
        /// Answered by `definition` or `failed`.
        case fetchDefinition(hash: String)
        /// Answered by `outputs` or `failed`.
        case fetchOutputs([OutputKey])
        /// Answered by `committed` or `failed`.
        case commit(BatchSave)
        /// Answered by `lookedUp` or `failed`.
        case lookUp(UniqueID)
        /// Answered by `kept` or `failed`.
        case keep([DeadLetter])
        /// Answered by `reachable`, with false only after a while.
        case probe
        /// Answered by `paused`.
        case pause(milliseconds: Int)
        /// The transaction ends without writing.
        case abandon
        /// Callers get their answers, each of them once.
        case reply([(ReplyToken, SubmissionOutcome)])
        /// What is committed goes out.
        case handOn(BatchEffects)
        /// Queued tasks are to be let go, whatever else goes on meanwhile. Answered by `released`.
        case release(SendWindow.Release)
        /// Something that people should know.
        case report(AdvancerReport)
        /// Nothing will come out any more; every caller has been answered.
        case end
    }

    /// Where the batch at hand is.
    enum Phase: Sendable {
        /// There is none. Next: beginning, or ended.
        case idle
        /// Its transaction is being opened. Next: defining, feeding, committing, idle, or a failure.
        case beginning(Batch)
        /// A definition that it needs is being fetched. Next: as from beginning.
        case defining(Batch, BatchLoad, hash: String)
        /// Outputs that it reads are being fetched. Next: feeding, committing, idle, or a failure.
        case feeding(ComputedBatch)
        /// It is being committed. Next: idle, looking up, or a failure.
        case committing(ComputedBatch)
        /// The outcome of its commit is being looked up. Next: idle, beginning (again), probing.
        case lookingUp(ComputedBatch, cause: String)
        /// As looking up, but the record is away. Next: looking up, or idle when stopped.
        case probingToLookUp(ComputedBatch, cause: String)
        /// A refused result is being kept as a dead letter. Next: idle, resting with the culprit.
        case burying(Submission, DeadLetter)
        /// The record didn't take a dead letter. Next: idle, with the culprit waiting again.
        case resting(Submission)
        /// The record is away and left alone for a moment. Next: probing, or idle when stopped.
        case awaitingRecord
        /// The record is away and asked whether it is back. Next: idle, or probing again.
        case probing
        /// Stopped. Nothing comes after it.
        case ended
    }

    var queue = SubmissionQueue()
    /// What is left of refused batches, the next one last.
    var halves: [[Submission]] = []
    var phase = Phase.idle
    var isRecordReachable = true
    var isStopping = false
    /// The time of the step, in milliseconds of a monotonic clock.
    var monotonic: Int64 = 0
    /// How often the watchdog found what.
    package internal(set) var findings = FindingCounters()
    /// How much may be on the road; nil for no limit.
    var window: SendWindow?
    /// What was done with it since others were last told.
    var news = SendNews()
    var cache: RecordCache
    var entropy: EntropySource
    let envelopes: EnvelopeFactory

    /// A door that has seen nothing yet.
    ///
    /// - Parameters:
    ///   - envelopes: how attempts become messages.
    ///   - entropy: source of ids, dispatch marks and jitter.
    ///   - cache: what is known of the record already.
    ///   - window: how much may be on the road; nil for no limit.
    package init(
        envelopes: EnvelopeFactory, entropy: EntropySource, cache: RecordCache = RecordCache(),
        window: SendWindow? = nil
    ) {
        self.window = window
        self.envelopes = envelopes
        self.entropy = entropy
        self.cache = cache
    }

    /// How much waits, and whether a caller would be turned away now.
    package var admission: Admission {
        Admission(
            count: queue.count, weight: queue.weight, isRecordReachable: isRecordReachable, isStopped: isStopping)
    }

    /// Whether attempts are open, as far as is known; true if that isn't counted.
    package var hasOpenAttempts: Bool { !(window?.isIdle ?? false) }

    /// How many submissions wait, those of the batch at hand not counted.
    package var backlog: Int { queue.count }

    /// Whether there is no batch at hand and nothing waits.
    package var isIdle: Bool {
        if case .idle = phase { return queue.isEmpty && halves.isEmpty }
        return false
    }

    /// Takes note of what happened.
    ///
    /// - Parameter monotonic: milliseconds of a monotonic clock; sends are stamped with it.
    /// - Returns: what has to be done, in order.
    package mutating func step(_ input: Input, at monotonic: Int64) -> [Effect] {
        self.monotonic = monotonic
        window?.monotonic = monotonic
        var effects: [Effect] = []
        switch input {
        case .submitted(let submissions): take(submissions, into: &effects)
        case .began(let load): began(load, into: &effects)
        case .definition(let blob): learned(blob, into: &effects)
        case .outputs(let outputs): fed(outputs, into: &effects)
        case .committed(let answer): committed(answer, into: &effects)
        case .lookedUp(let wasCommitted): lookedUp(wasCommitted, into: &effects)
        case .kept: buried(into: &effects)
        case .failed(let error): failed(error, into: &effects)
        case .reachable(let isReachable): heard(isReachable, into: &effects)
        case .paused: paused(into: &effects)
        case .loads(let loads):
            window?.learn(loads)
            release(all: true, into: &effects)
        case .heard(let news): window?.hear(news)
        case .released(let release, let tasks): released(release, tasks, into: &effects)
        case .stop: isStopping = true
        }
        beginNext(into: &effects)
        return effects
    }

    /// What was done with the send windows since this was last asked; nil if nothing was.
    mutating func takeNews() -> SendNews? {
        guard !news.isEmpty else { return nil }
        defer { news = SendNews() }
        return news
    }

    private mutating func take(_ submissions: [Submission], into effects: inout [Effect]) {
        var refused: [(ReplyToken, SubmissionOutcome)] = []
        for submission in submissions {
            if case .caller(let token) = submission.origin, let refusal = admission.refusal() {
                refused.append((token, refusal))
            } else {
                queue.append(submission)
            }
        }
        if !refused.isEmpty { effects.append(.reply(refused)) }
    }

    /// Begins the next batch if none is at hand; ends if there shall be none.
    private mutating func beginNext(into effects: inout [Effect]) {
        guard case .idle = phase else { return }
        cache.trim()
        if let half = halves.popLast() {
            begin(Batch(half), into: &effects)
        } else if isStopping {
            phase = .ended
            answerCallers(with: .unavailable("the orchestrator is shutting down"), into: &effects)
            effects.append(.end)
        } else if !queue.isEmpty {
            begin(Batch(queue.takeBatch()), into: &effects)
        }
    }

    /// Lets queued tasks go where there is room.
    mutating func release(all: Bool, into effects: inout [Effect]) {
        guard !isStopping, let releases = window?.releases(all: all) else { return }
        for release in releases { effects.append(.release(release)) }
    }

    private mutating func released(
        _ release: SendWindow.Release, _ tasks: [ResentTask]?, into effects: inout [Effect]
    ) {
        noteRelease(of: release.agentType, got: tasks?.count)
        if let tasks, !tasks.isEmpty {
            var sends = BatchEffects()
            var answer = CommitAnswer()
            answer.resent = tasks
            sends.take(answer)
            sends.begunAt = release.askedAt
            effects.append(.handOn(sends))
        }
        if tasks != nil { self.release(all: false, into: &effects) }
    }

    /// Counts what was let go; nil if that is nothing, or not known.
    mutating func noteRelease(of agentType: String, got: Int?) {
        window?.released(agentType, got: got)
        news.note(released: got ?? 0, of: agentType)
    }

    /// Opens the transaction of a batch.
    mutating func begin(_ batch: Batch, into effects: inout [Effect]) {
        var batch = batch
        batch.begunAt = monotonic
        effects.append(.begin(batch.request(factsOf: cache.unknownFacts(among: batch.order))))
        phase = .beginning(batch)
    }

    /// Answers all callers who wait for a batch to come.
    mutating func answerCallers(with outcome: SubmissionOutcome, into effects: inout [Effect]) {
        let callers = queue.removeCallers()
        if !callers.isEmpty { effects.append(.reply(callers.map { ($0, outcome) })) }
    }

    /// An answer came that nobody asked for: the shell is wrong.
    func unexpected(_ input: String) -> Never {
        preconditionFailure("the Advancer was told '\(input)' while it was \(phase)")
    }
}
