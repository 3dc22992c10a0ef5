import JSONTools
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Holds judgement off while a message that may speak against it lies unfinished, perhaps with an orchestrator that
/// stands still or died: a result that came in time, a goodbye, a heartbeat. A value.
///
/// Only what was said before a finding came up can speak against it. So a message holds up nothing that was found before
/// the message came, and under load judgement waits no longer than messages do. What is older than
/// ``horizonMilliseconds`` is passed over: by then it has been claimed four times, or nobody ever gets done with it.
struct JudgementHold: Sendable {
    /// How old a result may be when a finding first comes up, in milliseconds: so long the recording of one takes.
    static let resultPatienceMilliseconds = 250
    /// How old a signal may be when a finding first comes up, in milliseconds: heartbeats that list nothing gather for
    /// almost as long before they are recorded and acknowledged.
    static let signalPatienceMilliseconds = 6000
    /// From what age on messages hold nothing up, in milliseconds.
    static let horizonMilliseconds = 60_000
    /// How long another orchestrator must have been silent before its signals are taken over while they hold up
    /// judgement, in milliseconds: longer than one waits for signals, and soon enough that a loss is noticed in time.
    static let claimMilliseconds = 12_000

    /// What may be judged.
    struct Verdict: Sendable {
        /// The workflows whose deadlines may be judged.
        var deadlines: Set<UniqueID> = []
        /// The attempts that may count as lost with their agents.
        var leases: Set<AttemptReference> = []
        /// How many findings are held off.
        var heldOff = 0
        /// Whether signals hold some of them off.
        var waitsForSignals = false
        /// Whether that is new: once the signals of dead orchestrators are claimed there may be nothing left to wait for.
        var beginsToWait = false
    }

    /// When each finding that is held off first came up, in milliseconds of a monotonic clock.
    private var deadlines: [UniqueID: Int64] = [:]
    private var leases: [AttemptReference: Int64] = [:]
    private var waitsForSignals = false

    /// Whether anything is held off.
    var isEmpty: Bool { deadlines.isEmpty && leases.isEmpty }

    /// Whether all that agents said has been taken note of, but for what gathers.
    static func isHeard(_ unfinished: UnfinishedMessages?) -> Bool {
        unfinished.map { $0.signalMilliseconds ?? -1 <= signalPatienceMilliseconds } ?? false
    }

    /// Weighs what a look found against what is unfinished.
    ///
    /// - Parameters:
    ///   - unfinished: asked after the look; nil if Redis did not answer, which holds off everything.
    ///   - monotonic: milliseconds of a monotonic clock.
    mutating func weigh(
        _ findings: WatchFindings, against unfinished: UnfinishedMessages?, at monotonic: Int64
    ) -> Verdict {
        let result = unfinished.map { $0.resultMilliseconds ?? -1 } ?? .max
        let signal = unfinished.map { $0.signalMilliseconds ?? -1 } ?? .max
        var verdict = Verdict()
        var heldDeadlines: [UniqueID: Int64] = [:]
        for id in findings.wakeable {
            let since = deadlines[id] ?? monotonic
            if result <= max(Self.resultPatienceMilliseconds, Int(monotonic - since)) {
                verdict.deadlines.insert(id)
            } else {
                heldDeadlines[id] = since
            }
        }
        var heldLeases: [AttemptReference: Int64] = [:]
        for found in findings.expired {
            let since = leases[found.reference] ?? monotonic
            let waited = Int(monotonic - since)
            let isHeard = signal <= max(Self.signalPatienceMilliseconds, waited)
            if isHeard, result <= max(Self.resultPatienceMilliseconds, waited) {
                verdict.leases.insert(found.reference)
            } else {
                heldLeases[found.reference] = since
                if !isHeard { verdict.waitsForSignals = true }
            }
        }
        deadlines = heldDeadlines
        leases = heldLeases
        verdict.beginsToWait = verdict.waitsForSignals && !waitsForSignals
        waitsForSignals = verdict.waitsForSignals
        verdict.heldOff = heldDeadlines.count + heldLeases.count
        return verdict
    }

    /// Forgets what was held off: nothing is judged at present.
    mutating func reset() { self = JudgementHold() }
}

extension WatchFindings {
    /// The workflows whose clocks are to be looked at, each once.
    var wakeable: [UniqueID] {
        var seen: Set<UniqueID> = []
        return (due + expiredQuestions + pastDeadline.map(\.workflowID)).filter { seen.insert($0).inserted }
    }
}
