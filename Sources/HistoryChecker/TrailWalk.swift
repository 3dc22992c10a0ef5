import JSONTools

/// Follows one workflow's trail, event by event, and holds each against what happened before.
///
/// A second, much simpler telling of what the machine does, made from the trail's words alone: it shares no code with
/// the machine, so that one can find the other's mistakes.
struct TrailWalk {
    enum Phase: String {
        case initiated, running, paused, stopping, completed, failed, cancelled

        var isTerminal: Bool {
            switch self {
            case .completed, .failed, .cancelled: true
            case .initiated, .running, .paused, .stopping: false
            }
        }
    }

    enum StagePhase: String {
        case pending, running, completed, failed, skipped, cancelled
    }

    struct Stage {
        var generation = 1
        var phase = StagePhase.pending
        var open: AttemptName?
        var attempts = 0
        var failures = 0
        /// Waits for people.
        var isAsking = false
        var rounds = 0
    }

    struct StageName: Hashable, Comparable {
        var stage: String
        var generation: Int

        static func < (left: StageName, right: StageName) -> Bool {
            (left.stage, left.generation) < (right.stage, right.generation)
        }
    }

    struct AttemptName: Hashable, Comparable {
        var taskID: String
        var attempt: Int

        static func < (left: AttemptName, right: AttemptName) -> Bool {
            (left.taskID, left.attempt) < (right.taskID, right.attempt)
        }
    }

    let workflow: History.Workflow
    private let rules: [String: History.Stage]
    private(set) var phase = Phase.initiated
    private(set) var found: [HistoryViolation] = []
    /// How often each stage completed in each generation.
    private(set) var completed: [StageName: Int] = [:]
    /// How often each attempt was dispatched for the first time.
    private(set) var dispatched: [AttemptName: Int] = [:]
    /// Stages whose attempts are spent: each has a dead letter.
    private(set) var spent: Set<StageName> = []
    private var stages: [String: Stage] = [:]
    private var hasBegun = false
    private var place: Int64 = 0

    /// Attempts that the trail leaves open.
    var open: Set<AttemptName> { Set(stages.values.compactMap(\.open)) }

    /// Whether a stage waits for people.
    var isAsking: Bool { stages.values.contains(where: \.isAsking) }

    init(_ workflow: History.Workflow) {
        self.workflow = workflow
        rules = Dictionary(workflow.stages.map { ($0.name, $0) }) { first, _ in first }
    }

    private mutating func note(_ rule: HistoryRule, _ text: String) {
        found.append(
            HistoryViolation(rule: rule, workflowID: workflow.id, sequence: place == 0 ? nil : place, text: text))
    }

    mutating func follow(_ trail: [History.Event]) {
        var expected: Int64 = 1
        var earlier: Timestamp?
        for event in trail.sorted(by: { $0.sequence < $1.sequence }) {
            place = event.sequence
            if event.sequence != expected {
                note(.trailWithoutGaps, "event \(expected) was expected here")
            }
            expected = event.sequence + 1
            if let earlier, event.at < earlier {
                note(.trailWithoutGaps, "it is of \(event.at), before its predecessor's \(earlier)")
            }
            earlier = event.at
            take(event)
        }
        place = 0
        if !hasBegun { note(.trailLinear, "its trail has no workflow_created") }
    }

    /// Codes and findings that tell of a defect of ours.
    private static let defects: Set<String> = ["INTERNAL", "RECORD_MISMATCH", "record_mismatch"]

    private mutating func take(_ event: History.Event) {
        if let word = (event.data["code"] ?? event.data["finding"])?.stringValue, Self.defects.contains(word) {
            note(.nothingRepaired, "\(event.kind) tells of \(word)")
        }
        if phase.isTerminal, !["result_ignored", "late_success", "workflow_retried"].contains(event.kind) {
            note(.nothingAfterTheEnd, "\(event.kind) after the workflow was \(phase.rawValue)")
        }
        switch event.kind {
        case "workflow_created":
            if hasBegun { note(.trailLinear, "it was created twice") }
            hasBegun = true
        case "workflow_started": move(to: .running, from: [.initiated], event)
        case "workflow_paused": move(to: .paused, from: [.running], event)
        case "workflow_resumed": move(to: .running, from: [.paused], event)
        case "workflow_stopping": move(to: .stopping, from: [.initiated, .running, .paused], event)
        case "workflow_completed":
            move(to: .completed, from: [.running], event)
            checkAllEnded()
        case "workflow_failed": move(to: .failed, from: [.stopping], event)
        case "workflow_cancelled": move(to: .cancelled, from: [.stopping], event)
        case "workflow_retried": retry(event)
        case "stage_started": start(event)
        case "task_dispatched": dispatch(event)
        case "stage_completed": complete(event)
        case "stage_failed":
            if event.data["parked_as"] != nil, let name = event.stage {
                spent.insert(StageName(stage: name, generation: stages[name]?.generation ?? 1))
            }
            end(event, as: .failed)
        case "stage_skipped": end(event, as: .skipped)
        case "stage_cancelled": end(event, as: .cancelled)
        case "attempt_failed", "attempt_lost", "attempt_timed_out", "attempt_cancelled": attemptEnded(event)
        case "questions_asked": ask(event)
        case "questions_answered": if let name = event.stage { stages[name]?.isAsking = false }
        case "workflow_repaired":
            note(.nothingRepaired, "the workflow had to be repaired: \(event.data["found"] ?? "")")
        case "retry_scheduled":
            if phase == .stopping { note(.nothingSentWhileStopping, "a retry was scheduled while stopping") }
        default: break
        }
    }

    private mutating func move(to next: Phase, from: Set<Phase>, _ event: History.Event) {
        if !from.contains(phase), !phase.isTerminal {
            note(.trailLinear, "\(event.kind) while the workflow was \(phase.rawValue)")
        }
        phase = next
    }

    private mutating func retry(_ event: History.Event) {
        if !phase.isTerminal { note(.trailLinear, "retried while the workflow was \(phase.rawValue)") }
        phase = .running
        for name in event.data["stages"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
            stages[name] = Stage(generation: (stages[name]?.generation ?? 1) + 1)
        }
    }

    private mutating func checkMayDispatch(_ event: History.Event) {
        switch phase {
        case .paused: note(.nothingSentWhilePaused, "\(event.kind) of stage \(event.stage ?? "?") while paused")
        case .stopping:
            note(.nothingSentWhileStopping, "\(event.kind) of stage \(event.stage ?? "?") while stopping")
        case .initiated: note(.trailLinear, "\(event.kind) before the workflow was started")
        case .running, .completed, .failed, .cancelled: break
        }
    }

    private mutating func ask(_ event: History.Event) {
        guard let name = event.stage else { return }
        stages[name]?.open = nil
        stages[name]?.isAsking = true
        stages[name]?.rounds += 1
        if let rounds = stages[name]?.rounds, rounds > 3 {
            note(.trailLinear, "stage \(name) asked people \(rounds) times; 3 are allowed")
        }
    }

    private mutating func start(_ event: History.Event) {
        guard let name = event.stage else { return }
        let stage = stages[name] ?? Stage()
        if stage.phase != .pending {
            note(.trailLinear, "stage \(name) started though it was \(stage.phase.rawValue)")
        }
        for need in rules[name]?.needs ?? [] {
            let phase = stages[need]?.phase ?? .pending
            let isMet =
                phase == .completed || phase == .skipped || (phase == .failed && rules[need]?.isRequired == false)
            if !isMet {
                note(.needsEndedWell, "stage \(name) started while \(need), which it needs, was \(phase.rawValue)")
            }
        }
        stages[name, default: Stage()].phase = .running
        dispatch(event)
    }

    private mutating func dispatch(_ event: History.Event) {
        checkMayDispatch(event)
        guard let name = event.stage, let attempt = event.attempt else { return }
        var stage = stages[name] ?? Stage()
        if stage.phase != .running {
            note(.trailLinear, "an attempt of stage \(name) was dispatched though it was \(stage.phase.rawValue)")
        }
        if stage.isAsking {
            note(.trailLinear, "an attempt of stage \(name) was dispatched while it waits for answers")
        }
        if let open = stage.open {
            note(.oneAttemptAtATime, "attempt \(attempt) of stage \(name) began while \(open.attempt) was open")
        }
        stage.attempts += 1
        if attempt != stage.attempts {
            note(.oneAttemptAtATime, "attempt \(attempt) of stage \(name) where \(stage.attempts) was expected")
        }
        let id = AttemptName(taskID: event.data["task_id"]?.stringValue ?? "", attempt: attempt)
        stage.open = id
        dispatched[id, default: 0] += 1
        stages[name] = stage
    }

    private mutating func complete(_ event: History.Event) {
        guard let name = event.stage else { return }
        let generation = stages[name]?.generation ?? 1
        let id = StageName(stage: name, generation: generation)
        completed[id, default: 0] += 1
        if let count = completed[id], count > 1 {
            note(.completedOnce, "stage \(name) completed \(count) times in generation \(generation)")
        }
        if phase == .stopping { note(.nothingSentWhileStopping, "stage \(name) completed while stopping") }
        end(event, as: .completed)
    }

    private mutating func end(_ event: History.Event, as end: StagePhase) {
        guard let name = event.stage else { return }
        let stage = stages[name] ?? Stage()
        switch stage.phase {
        case .running: break
        // A stage that is skipped, cancelled or can't be computed never ran.
        case .pending where end != .completed: break
        case .pending, .completed, .failed, .skipped, .cancelled:
            note(.trailLinear, "stage \(name) became \(end.rawValue) though it was \(stage.phase.rawValue)")
        }
        stages[name, default: Stage()].phase = end
        stages[name]?.isAsking = false
        stages[name]?.open = nil
    }

    /// Faults that don't count against `max_attempts`: infrastructure, or an agent that left in good order.
    private static let uncounted: Set<String> = ["AGENT_STOPPED", "RECORD_MISMATCH"]

    private mutating func attemptEnded(_ event: History.Event) {
        guard let name = event.stage else { return }
        stages[name]?.open = nil
        guard !Self.uncounted.contains(event.data["code"]?.stringValue ?? "") else { return }
        stages[name]?.failures += 1
        let failures = stages[name]?.failures ?? 0
        if let limit = rules[name]?.maxAttempts, failures > limit {
            note(.failuresWithinLimit, "failure \(failures) of stage \(name), of which \(limit) are allowed")
        }
    }

    private mutating func checkAllEnded() {
        for rule in workflow.stages where rule.isRequired {
            let phase = stages[rule.name]?.phase ?? .pending
            if phase != .completed, phase != .skipped {
                note(.completedMeansAll, "completed, though required stage \(rule.name) is \(phase.rawValue)")
            }
        }
        for (name, stage) in stages.sorted(by: { $0.key < $1.key }) where stage.open != nil {
            note(.nothingLeftOpen, "completed, though stage \(name) has an open attempt")
        }
    }
}

extension History.Event {
    var stage: String? { data["stage"]?.stringValue }
    var attempt: Int? { data["attempt"]?.intValue }
}
