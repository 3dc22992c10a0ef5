package import JSONTools
package import TaskTransport
import WorkflowCore
package import WorkflowStorage

/// The watch as a value: when to look, what to ask, what to make of the answers. ``Sweeper`` is the shell around it.
///
/// A look goes: ask Redis how far behind its signals are, ask the record what is due, ask Redis what is unfinished if
/// something is to be judged, submit that, take up results of dead orchestrators, and, once a minute or when Redis came
/// back, hold the streams against the record. Then it rests.
package struct SweeperCore: Sendable {
    /// What happened.
    package enum Input: Sendable {
        /// The orchestrator starts.
        case begin
        /// The rest is over, or Redis came back meanwhile. `backlog` is what waits at the door.
        case rested(roadEpoch: UInt64, backlog: Int)
        /// Age of the oldest unread signal in milliseconds; nil if Redis did not answer.
        case lag(Int?, roadEpoch: UInt64)
        /// Whether the groups are in place.
        case groupsMade(Bool)
        case keptUp
        case found(WatchFindings)
        /// What no orchestrator is done with; nil if Redis did not answer.
        case unfinished(UnfinishedMessages?)
        /// What the record says of the workflows that are to be inspected.
        case evidence([WorkflowEvidence])
        /// Results that were left by others; nil if Redis did not answer.
        case claimed([InboundMessage]?)
        /// They were handed in.
        case taken
        /// Type by id, of the agents that live.
        case living([String: String])
        /// Those of the agents asked for that said goodbye.
        case gone(Set<String>)
        /// The agent types that definitions name.
        case definedTypes(Set<String>)
        case open([OpenAttemptRow])
        /// All entries of the task streams; nil if Redis did not answer.
        case entries([TaskStreamEntry]?)
        /// Entries were removed, or could not be.
        case removed
        /// The record failed to do what it was asked for.
        case failed(BatchError)
    }

    /// What has to be done. All but `submit`, `loads`, `claimSignals` and `report` are requests: each is answered by one
    /// input, and a step returns one of them, as its last effect.
    package enum Effect: Sendable {
        /// Answered by `lag`.
        case askLag
        /// Create the groups of these types, or of those that definitions name. Answered by `groupsMade`.
        case makeGroups(Set<String>?)
        /// What no workflow waits for. Answered by `keptUp`.
        case upkeep
        /// Answered by `found` or `failed`.
        case ask(WatchQuestion)
        /// Ask what no orchestrator is done with, of what came within a time. Answered by `unfinished`.
        case askUnfinished(withinMilliseconds: Int)
        /// Read what the record says of some workflows. Answered by `evidence` or `failed`.
        case readEvidence([UniqueID])
        /// Answered by `claimed`.
        case claimResults(idleMilliseconds: Int)
        /// Hand them in as if they had just come. Answered by `taken` or `failed`.
        case takeResults([InboundMessage])
        /// Answered by `living` or `failed`.
        case readLiving
        /// Which of some agents said goodbye. Answered by `gone` or `failed`.
        case readGone([String])
        /// Answered by `definedTypes`.
        case readTypes
        /// All open attempts, oldest first. Answered by `open` or `failed`.
        case readOpen(limit: Int)
        /// The open ones of some tasks. Answered by `open` or `failed`.
        case readOpenOf([UniqueID])
        /// Answered by `entries`.
        case walk([String])
        /// Delete entries, then the consumers of agents that are not among the living; nil to leave the consumers alone.
        /// Answered by `removed`.
        case remove([(stream: String, entryID: String)], living: Set<String>?)
        /// Answered by `rested`: after the time, or as soon as the bus has another epoch than the given one.
        case rest(milliseconds: Int, whileEpochIs: UInt64?)
        /// Submit; nobody waits.
        case submit([Submission])
        /// Tell the door what is under way for each agent type.
        case loads([AgentTypeLoad])
        /// Take over signals of orchestrators that have been silent for so long; nobody waits.
        case claimSignals(idleMilliseconds: Int)
        /// Something that people should know.
        case report(SweeperReport)
    }

    /// What a walk has gathered.
    struct Walk: Sendable {
        var living: [String: String] = [:]
        var types: Set<String> = []
        var entries: [StreamAudit.Entry] = []
        /// Those that said goodbye, of the agents that hold entries and are not heard any more.
        var gone: Set<String> = []
        /// Whether agents can't be judged by their silence, as their last words may lie with another orchestrator.
        var isHeldOff = false
        /// Entries that belong to nothing that is open.
        var stale: [StreamAudit.Entry] = []
        /// Open sends that no stream holds.
        var missing: [OpenAttemptRow] = []
        /// Whether all open attempts were read.
        var isWhole = true
    }

    /// What the core waits for. Every phase but `resting` belongs to one look, in this order.
    enum Phase: Sendable {
        case starting
        case resting
        case listening
        case makingGroups
        case keepingUp
        case asking(WatchQuestion)
        case weighing(WatchFindings)
        case inspecting
        case claiming
        case taking
        case readingLiving
        case readingTypes(Walk)
        case readingOpenTypes(Walk)
        case makingTypeGroups(Walk)
        case walking(Walk)
        case weighingWalk(Walk, silent: [String])
        case readingGone(Walk)
        case readingOpen(Walk)
        /// A second's rest before what is missing counts as lost.
        case waiting(Walk)
        case confirming(Walk)
        case removing
    }

    /// How many looks at start are quick: what an orchestrator left behind is taken up within seconds.
    static let quickLooks = 5
    /// Between two quick looks, in milliseconds.
    static let quickMilliseconds: Int64 = 1000
    /// How long results must have lain with another orchestrator at start, and later, in milliseconds.
    ///
    /// A living orchestrator with results at hand reads again within 2 s, so it seems silent for no longer.
    static let claimMilliseconds = (starting: 3000, later: 10_000)
    /// In which of the looks results of others are looked for though no attempt is open.
    static let stillClaims = 8
    /// When to look again after signals were asked for without which nothing can be judged, in milliseconds.
    static let soonMilliseconds: Int64 = 500
    /// The shortest rest, in milliseconds.
    static let shortestRestMilliseconds: Int64 = 200
    /// After how long a walk that failed is tried again, in milliseconds.
    static let secondLookMilliseconds: Int64 = 2000
    /// After how long a send that was missed is looked for again, in milliseconds: longer than a dead orchestrator's
    /// results wait.
    static let confirmationMilliseconds: Int64 = 12_000
    /// How often consumers are cleaned up though no agent came or went, in milliseconds.
    static let cleaningMilliseconds: Int64 = 600_000
    /// The most open attempts that a walk holds against the streams.
    static let auditLimit = 50_000
    /// From how many rows on a list may have left out others.
    static let fullList = 500
    /// For how long a thing may be late before it is a finding, in milliseconds.
    static let patienceMilliseconds = 5000
    /// In how many looks in a row a queued task must be passed over, with room for it, before that is a finding.
    static let passedOverLimit = 3

    /// Since when silence proves something.
    package private(set) var hearing = Hearing()
    /// Whether Redis answered when last asked.
    package private(set) var isRoadUp = false
    /// Age of the oldest unread signal when last asked, in milliseconds; nil if unknown.
    package private(set) var lagMilliseconds: Int?

    var phase = Phase.starting
    var looks = 0
    /// Whether this look found anything to do.
    var isBusy = false
    var roadEpoch: UInt64
    /// Whether the groups were seen in place: their absence later means that Redis lost its data.
    var hasGroups = false
    var nextAudit: Int64
    var nextOverdue: Int64
    var nextUpkeep: Int64
    /// Whether the next walk follows a loss of Redis' data, so that what is missing is missing.
    var isUrgent = false
    /// Sends that the last walk missed: those that the next one misses too are lost.
    var suspects: Set<AttemptReference> = []
    /// The types whose groups were made since Redis was last seen to come back.
    var madeTypes: Set<String> = []
    /// The agents that lived when consumers were last cleaned up, and when that was.
    var cleaned: (living: Set<String>, at: Int64)?
    /// What is not judged yet because something unfinished may speak against it.
    var hold = JudgementHold()
    /// Whether the next look follows soon.
    var looksSoon = false
    /// Whether the last walk could not judge silent agents.
    var isAuditHeldOff = false
    /// Attempts of which was submitted that nobody lives who could take them.
    var agentless: Set<AttemptReference> = []
    /// How many looks in a row have seen a queued task passed over.
    var passedOver: [AttemptReference: Int] = [:]
    /// How many tasks of each type were queued at the last look.
    var queuedBefore: [String: Int] = [:]
    /// Whether attempts were open at the last look.
    var hasOpenAttempts = true
    /// Whether the record had more than one answer holds.
    var hasMore = false
    /// The time of the step, in milliseconds of a monotonic clock.
    var monotonic: Int64

    let rhythm: Sweeper.Rhythm
    let heartbeatMilliseconds: Int
    let leaseMilliseconds: Int

    /// A watch that has seen nothing yet. Results that an earlier orchestrator left are taken up first; then the streams
    /// are walked.
    ///
    /// - Parameters:
    ///   - heartbeatMilliseconds: how often agents say that they live.
    ///   - leaseMilliseconds: after how long a silence an agent counts as lost.
    ///   - roadEpoch: the bus's epoch at present.
    ///   - monotonic: milliseconds of a monotonic clock.
    package init(
        rhythm: Sweeper.Rhythm = Sweeper.Rhythm(), heartbeatMilliseconds: Int, leaseMilliseconds: Int,
        roadEpoch: UInt64, at monotonic: Int64
    ) {
        self.rhythm = rhythm
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        self.roadEpoch = roadEpoch
        self.monotonic = monotonic
        nextAudit = monotonic + Int64(heartbeatMilliseconds) + 1000
        nextOverdue = monotonic
        nextUpkeep = monotonic
    }

    /// Whether silence proves anything now.
    var judges: Bool { hearing.hasListened(for: leaseMilliseconds, at: monotonic) }

    /// Takes note of what happened.
    ///
    /// - Parameter monotonic: milliseconds of the clock that the core was made with.
    /// - Returns: what has to be done, in order.
    package mutating func step(_ input: Input, at monotonic: Int64) -> [Effect] {
        self.monotonic = monotonic
        var effects: [Effect] = []
        let present = phase
        switch (input, present) {
        case (.begin, .starting):
            listen(into: &effects)
        case (.rested(_, let backlog), .resting):
            isBusy = backlog > 0
            listen(into: &effects)
        case (.lag(let lag, let epoch), .listening):
            heard(lag, epoch: epoch, into: &effects)
        case (.groupsMade(let isMade), .makingGroups):
            hasGroups = isMade
            keepUp(into: &effects)
        case (.keptUp, .keepingUp):
            ask(into: &effects)
        case (.found(let findings), .asking(let question)):
            found(findings, question, into: &effects)
        case (.unfinished(let unfinished), .weighing(let findings)):
            let verdict = weigh(findings, against: unfinished, into: &effects)
            act(on: findings, verdict, into: &effects)
        case (.evidence(let evidence), .inspecting):
            inspected(evidence, into: &effects)
        case (.claimed(let messages), .claiming):
            claimed(messages, into: &effects)
        case (.taken, .taking):
            audit(into: &effects)
        case (.living, _), (.definedTypes, _), (.open, _), (.groupsMade, _), (.entries, _), (.unfinished, _),
            (.gone, _), (.removed, _), (.rested, _):
            walk(input, present, into: &effects)
        case (.failed(let error), .asking), (.failed(let error), .inspecting), (.failed(let error), .taking),
            (.failed(let error), .readingLiving),
            (.failed(let error), .readingOpenTypes), (.failed(let error), .readingGone),
            (.failed(let error), .readingOpen), (.failed(let error), .confirming):
            note(isRecordUp: false)
            effects.append(.report(.couldNotLook("\(error)")))
            isBusy = true
            rest(into: &effects)
        default:
            // Each input belongs to phases of its own.
            unexpected(input)
        }
        return effects
    }

    func unexpected(_ input: Input) -> Never {
        preconditionFailure("the sweeper was told \(input) while in \(phase)")
    }

    mutating func note(isRecordUp: Bool) {
        hearing.note(
            isRecordUp: isRecordUp, isRoadUp: isRoadUp, signalLagMilliseconds: lagMilliseconds, at: monotonic)
    }

    // MARK: One look

    private mutating func listen(into effects: inout [Effect]) {
        phase = .listening
        effects.append(.askLag)
    }

    private mutating func heard(_ lag: Int?, epoch: UInt64, into effects: inout [Effect]) {
        isRoadUp = lag != nil
        lagMilliseconds = lag
        if epoch != roadEpoch {
            // Redis came back, or lost its data: every living agent gets the time of a heartbeat, and a second, to say
            // what it runs.
            roadEpoch = epoch
            madeTypes = []
            nextAudit = monotonic + Int64(heartbeatMilliseconds) + 1000
            isUrgent = true
        }
        guard !hasGroups else { return keepUp(into: &effects) }
        phase = .makingGroups
        effects.append(.makeGroups(nil))
    }

    private mutating func keepUp(into effects: inout [Effect]) {
        guard monotonic >= nextUpkeep else { return ask(into: &effects) }
        nextUpkeep = monotonic + rhythm.upkeep.asMilliseconds
        phase = .keepingUp
        effects.append(.upkeep)
    }

    private mutating func ask(into effects: inout [Effect]) {
        note(isRecordUp: true)
        let question = WatchQuestion(
            judgesLeases: judges, leaseMilliseconds: leaseMilliseconds, looksForOverdue: monotonic >= nextOverdue,
            patienceMilliseconds: Self.patienceMilliseconds)
        phase = .asking(question)
        effects.append(.ask(question))
    }

    private mutating func found(_ findings: WatchFindings, _ question: WatchQuestion, into effects: inout [Effect]) {
        if question.looksForOverdue { nextOverdue = monotonic + rhythm.overdue.asMilliseconds }
        note(isRecordUp: true)
        hasMore = findings.isFull(question.limit)
        hasOpenAttempts = findings.loads.contains { $0.sent > 0 }
        guard judges, !findings.wakeable.isEmpty || !findings.expired.isEmpty else {
            hold.reset()
            return act(on: findings, JudgementHold.Verdict(), into: &effects)
        }
        phase = .weighing(findings)
        effects.append(.askUnfinished(withinMilliseconds: JudgementHold.horizonMilliseconds))
    }

    /// Takes up what dead orchestrators read and did not finish. Where no attempt is open no result can be missed: then
    /// it is enough to look now and then for late ones.
    mutating func claim(into effects: inout [Effect]) {
        guard hasOpenAttempts || looks < Self.quickLooks || looks % Self.stillClaims == 0 else {
            return audit(into: &effects)
        }
        phase = .claiming
        effects.append(
            .claimResults(
                idleMilliseconds: looks < Self.quickLooks
                    ? Self.claimMilliseconds.starting : Self.claimMilliseconds.later))
    }

    private mutating func claimed(_ messages: [InboundMessage]?, into effects: inout [Effect]) {
        guard let messages, !messages.isEmpty else { return audit(into: &effects) }
        phase = .taking
        effects.append(.report(.tookUp(results: messages.count)))
        effects.append(.takeResults(messages))
    }

    /// Walks the streams if it is time, else rests.
    private mutating func audit(into effects: inout [Effect]) {
        guard monotonic >= nextAudit, isRoadUp else { return rest(into: &effects) }
        // A walk that fails is tried again soon.
        nextAudit = monotonic + Self.secondLookMilliseconds
        phase = .readingLiving
        effects.append(.readLiving)
    }

    /// Rests between two looks, but not past the next walk, and not when Redis came back.
    mutating func rest(into effects: inout [Effect]) {
        var pause = (isBusy ? rhythm.busy : rhythm.idle).asMilliseconds
        if looks < Self.quickLooks { pause = Self.quickMilliseconds }
        if looksSoon { pause = Self.soonMilliseconds }
        if hasMore { pause = Self.shortestRestMilliseconds }
        hasMore = false
        looksSoon = false
        looks += 1
        pause = min(pause, max(nextAudit - monotonic, Self.shortestRestMilliseconds))
        phase = .resting
        effects.append(.rest(milliseconds: Int(pause), whileEpochIs: roadEpoch))
    }
}
