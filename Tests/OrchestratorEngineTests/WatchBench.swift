import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// A `SweeperCore` whose requests are answered by closures of the test, with a clock of its own.
struct WatchBench {
    var core: SweeperCore
    var monotonic: Int64 = 0
    var epoch: UInt64 = 1
    var lag: Int? = 0
    var unfinished: UnfinishedMessages? = UnfinishedMessages()
    private(set) var questionsOfRedis = 0
    private(set) var signalClaims: [Int] = []
    var findings = WatchFindings()
    var living: [String: String] = ["scaffold-1": "scaffold"]
    var gone: Set<String> = []
    var open: [OpenAttemptRow] = []
    var entries: [TaskStreamEntry] = []
    private(set) var questions: [WatchQuestion] = []
    private(set) var submitted: [Submission] = []
    private(set) var removed: [String] = []
    private(set) var walks: [Int64] = []
    private(set) var looks: [Int64] = []
    private(set) var reports: [SweeperReport] = []
    private(set) var upkeeps = 0
    private(set) var claims = 0
    private(set) var inspected: [UniqueID] = []
    private(set) var shown: [[AgentTypeLoad]] = []
    private var next = SweeperCore.Input.begin
    var failsToAsk = false

    init() {
        core = SweeperCore(heartbeatMilliseconds: 5000, leaseMilliseconds: 15_000, roadEpoch: 1, at: 0)
    }

    /// Runs until the clock has passed so many milliseconds.
    mutating func run(for milliseconds: Int64) {
        let end = monotonic + milliseconds
        while monotonic < end {
            for effect in core.step(next, at: monotonic) { carryOut(effect) }
        }
    }

    private mutating func carryOut(_ effect: SweeperCore.Effect) {
        switch effect {
        case .askLag:
            looks.append(monotonic)
            next = .lag(lag, roadEpoch: epoch)
        case .askUnfinished:
            questionsOfRedis += 1
            next = .unfinished(unfinished)
        case .claimSignals(let idle): signalClaims.append(idle)
        case .makeGroups: next = .groupsMade(lag != nil)
        case .upkeep:
            upkeeps += 1
            next = .keptUp
        case .ask(let question):
            questions.append(question)
            next = failsToAsk ? .failed(.away("gone")) : .found(findings)
        case .readEvidence(let ids):
            inspected += ids
            next = .evidence(
                ids.map { id in
                    WorkflowEvidence(
                        workflowID: id, version: 3, nextWake: Timestamp(microseconds: 5), timerDue: nil, newestEvent: 9,
                        attempts: [], outputs: [], openQuestions: 0)
                })
        case .loads(let loads): shown.append(loads)
        case .claimResults:
            claims += 1
            next = .claimed([])
        case .takeResults: next = .taken
        case .readLiving: next = .living(living)
        case .readGone(let ids): next = .gone(gone.intersection(ids))
        case .readTypes: next = .definedTypes(["scaffold"])
        case .readOpen: next = .open(open)
        case .readOpenOf(let ids): next = .open(open.filter { ids.contains($0.reference.taskID) })
        case .walk:
            walks.append(monotonic)
            next = .entries(lag == nil ? nil : entries)
        case .remove(let entries, _):
            removed += entries.map(\.entryID)
            next = .removed
        case .rest(let milliseconds, let known):
            let isCutShort = known.map { $0 != epoch } ?? false
            monotonic += isCutShort ? 1 : Int64(milliseconds)
            next = .rested(roadEpoch: epoch, backlog: 0)
        case .submit(let submissions): submitted += submissions
        case .report(let report): reports.append(report)
        }
    }

    /// Of each wake whether deadlines were judged.
    var judgements: [Bool] {
        submitted.compactMap { submission in
            if case .event(.wake(let judges), _) = submission.body { return judges }
            return nil
        }
    }

    var events: [WorkflowEvent.Name] {
        submitted.compactMap { submission in
            if case .event(let event, _) = submission.body { return event.name }
            return nil
        }
    }
}

let workflow = UniqueID(high: 1, low: 1)

func reference(_ number: UInt64) -> AttemptReference {
    AttemptReference(taskID: UniqueID(high: 2, low: number), attempt: 1, dispatchID: number)
}

func row(_ number: UInt64, agent: String? = nil, age: Int64 = 60_000) -> OpenAttemptRow {
    OpenAttemptRow(
        workflowID: workflow, reference: reference(number), stage: "s", agentType: "scaffold", priority: .medium,
        agentID: agent, isStopping: false, ageMilliseconds: age, boundMilliseconds: nil)
}

func entry(_ number: UInt64, taker: String? = nil, idle: Int64 = 0) -> TaskStreamEntry {
    let reference = reference(number)
    return TaskStreamEntry(
        stream: "agent:scaffold:tasks", entryID: "\(number)-0",
        reference: TaskReference(
            taskID: reference.taskID, attempt: 1, dispatchID: DispatchID(rawValue: reference.dispatchID)),
        consumer: taker, idleMilliseconds: idle)
}
