import AgentProtocol
import JSONTools
import WorkflowCore
import WorkflowStorage

/// What the world knows better than the record: who was at fault, what was done when.
struct Judge {
    /// What becomes of commits, by number.
    private(set) var fates: [Int: Scenario.CommitFate] = [:]
    private var calls: [Scenario.Call: [Int: Scenario.CallFate]] = [:]
    /// Before which effects an orchestrator is killed.
    private(set) var crashes: [Int: Set<Int>] = [:]
    /// The agent that lives on each host.
    private var agents: [Int: String] = [:]
    /// Agents that were killed, or silent for seconds: what they ran may be lost.
    private(set) var faulty: Set<String> = []
    /// When an attempt's action ended by itself, in microseconds.
    private(set) var ends: [TaskReference: Int64] = [:]
    /// Attempts whose result became a dead letter.
    private(set) var buried: Set<TaskReference> = []
    /// Sends that an agent has begun to run.
    private var begun: Set<TaskReference> = []
    /// Those that may be begun once more.
    private var excused: Set<TaskReference> = []
    /// How often what can't be undone was begun, by task and attempt.
    private var irreversible: [String: Int] = [:]
    /// Sends whose agent asked for a grant while they were open and nobody else's.
    private var rightful: Set<TaskReference> = []
    /// When something last went wrong, in microseconds.
    private(set) var lastTrouble: Int64 = 0
    /// Since when each orchestrator, and all that it needs, has been well; in microseconds.
    var wellSince: [Int: Int64] = [:]
    var hasComeToRest = false
    var names: [UniqueID: String] = [:]

    init(_ scenario: Scenario) {
        for fault in scenario.faults {
            switch fault {
            case .commit(let number, let fate): fates[number] = fate
            case .call(let call, let number, let fate): calls[call, default: [:]][number] = fate
            case .crashAtEffect(let index, let effect): crashes[index, default: []].insert(effect)
            case .redisDown, .redisFlush, .redisFallback, .recordDown, .recordSlow, .crash, .stall, .cutOff, .terminate:
                break
            }
        }
    }

    func fate(of call: Scenario.Call, _ number: Int) -> Scenario.CallFate? { calls[call]?[number] }

    func name(of id: UniqueID) -> String { names[id] ?? "\(id)" }

    mutating func noteAgent(_ id: String, _ index: Int) { agents[index] = id }

    mutating func noteFaulty(_ index: Int) {
        if let id = agents[index] { faulty.insert(id) }
    }

    mutating func noteTrouble(at time: Int64) { lastTrouble = time }

    mutating func noteEnd(_ reference: TaskReference, at time: Int64) { ends[reference] = time }

    /// - Returns: whether the send was begun before, and there is no excuse for it.
    mutating func noteBegin(_ reference: TaskReference) -> Bool {
        if excused.remove(reference) != nil { return false }
        return !begun.insert(reference).inserted
    }

    /// Redis has forgotten who took what: sends of before may be taken once more.
    mutating func noteFallback() { excused = begun }

    mutating func noteDeadLetter(_ bytes: [UInt8]) {
        do throws(ProtocolError) {
            buried.insert(try TaskResult(decoding: bytes).reference)
        } catch {
            // Garbage belongs to no attempt.
        }
    }

    mutating func noteBuried(_ letters: [DeadLetter]) {
        for letter in letters { noteDeadLetter(letter.bytes) }
    }

    /// - Returns: how often it has begun in this attempt.
    mutating func countIrreversible(_ reference: TaskReference) -> Int {
        let name = "\(reference.taskID) #\(reference.attempt)"
        irreversible[name, default: 0] += 1
        return irreversible[name, default: 0]
    }

    mutating func noteRightfulRequest(_ reference: TaskReference) { rightful.insert(reference) }

    /// Whether the agent of a send asked for its grant at a time when it could be given.
    func isRightful(_ reference: TaskReference) -> Bool { rightful.contains(reference) }

    /// What a batch overwrites, as it is before.
    struct Before {
        var versions: [UniqueID: Int64] = [:]
        var attempts: [InMemoryRecord.TaskKey: InMemoryRecord.TaskRow] = [:]
    }

    /// What a batch overwrites, as it is before.
    func before(_ save: BatchSave, in record: InMemoryRecord) -> Before {
        var before = Before()
        for state in save.states { before.versions[state.id] = record.states[state.id]?.version }
        for closing in save.closings {
            let key = closing.key
            before.attempts[key] = record.tasks[key]
        }
        return before
    }
}

extension BatchSave.Closing {
    /// The attempt's row.
    var key: InMemoryRecord.TaskKey {
        InMemoryRecord.TaskKey(workflowID: workflowID, taskID: closing.taskID, attempt: closing.attempt)
    }
}
