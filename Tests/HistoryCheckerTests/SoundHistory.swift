import HistoryChecker
import JSONTools

/// A sound history to spoil: one workflow that completes after a lost attempt and a pause, one that is cancelled.
struct SoundHistory {
    static let first = UniqueID(high: 1, low: 1)
    static let second = UniqueID(high: 2, low: 2)

    static let stages = [
        History.Stage(name: "one", needs: [], isRequired: true, maxAttempts: 2),
        History.Stage(name: "extra", needs: ["one"], isRequired: false, maxAttempts: 1),
        History.Stage(name: "two", needs: ["one", "extra"], isRequired: true, maxAttempts: 2),
    ]

    static func make() -> History {
        var history = History(
            workflows: [
                History.Workflow(
                    id: first, phase: "completed", shownStatus: "completed", idempotencyKey: "k", stages: stages),
                History.Workflow(id: second, phase: "cancelled", stages: stages),
            ],
            accepted: [
                History.Creation(workflowID: first, idempotencyKey: "k"),
                History.Creation(workflowID: first, idempotencyKey: "k"),
                History.Creation(workflowID: second, expectedPhases: ["cancelled"]),
            ],
            streams: [History.Stream(name: "orchestrator:results", count: 0)])
        history.tell(
            first,
            [
                ("workflow_created", [:]), ("workflow_started", [:]), ("stage_started", attempt("one", 1)),
                ("task_started", attempt("one", 1)), ("attempt_lost", attempt("one", 1, code: "AGENT_LOST")),
                ("retry_scheduled", ["stage": "one"]), ("workflow_paused", [:]), ("task_sent_again", [:]),
                ("workflow_resumed", [:]), ("task_dispatched", attempt("one", 2)),
                ("stage_completed", ["stage": "one"]), ("stage_started", attempt("extra", 1)),
                ("attempt_failed", attempt("extra", 1, code: "BAD")),
                ("stage_failed", ["stage": "extra", "parked_as": "agent"]),
                ("stage_started", attempt("two", 1)), ("attempt_lost", attempt("two", 1, code: "AGENT_STOPPED")),
                ("task_dispatched", attempt("two", 2)), ("stage_completed", ["stage": "two"]),
                ("workflow_completed", [:]), ("result_ignored", ["stage": "one"]),
                ("workflow_retried", ["stages": ["two"]]), ("stage_started", attempt("two", 1, generation: 2)),
                ("questions_asked", attempt("two", 1)), ("questions_answered", ["stage": "two"]),
                ("task_dispatched", attempt("two", 2, generation: 2)), ("stage_completed", ["stage": "two"]),
                ("workflow_completed", [:]),
            ])
        for (stage, number, generation) in [
            ("one", 1, 1), ("one", 2, 1), ("extra", 1, 1), ("two", 1, 1), ("two", 2, 1), ("two", 1, 2), ("two", 2, 2),
        ] {
            history.tasks.append(row(stage, number, generation: generation))
        }
        history.outputs = [("one", 1), ("two", 1), ("two", 2)].map { stage, generation in
            History.Output(workflowID: first, stage: stage, generation: generation)
        }
        history.parked = [History.Parked(workflowID: first, stage: "extra", generation: 1)]
        history.tell(
            second,
            [
                ("workflow_created", [:]), ("workflow_started", [:]), ("workflow_stopping", [:]),
                ("stage_cancelled", ["stage": "one"]), ("stage_cancelled", ["stage": "extra"]),
                ("stage_cancelled", ["stage": "two"]), ("workflow_cancelled", [:]),
            ])
        return history
    }

    static func row(_ stage: String, _ attempt: Int, generation: Int = 1, isOpen: Bool = false) -> History.Attempt {
        History.Attempt(
            workflowID: first, taskID: taskID(stage, generation), attempt: attempt, stage: stage,
            generation: generation, status: isOpen ? "running" : "succeeded", isOpen: isOpen)
    }

    static func attempt(
        _ stage: String, _ number: Int, generation: Int = 1, code: String? = nil
    ) -> JSONValue {
        [
            "stage": .string(stage), "attempt": .integer(Int64(number)),
            "task_id": .string("\(taskID(stage, generation))"), "code": code.map { .string($0) } ?? .null,
        ]
    }

    static func taskID(_ stage: String, _ generation: Int) -> UniqueID {
        UniqueID(high: UInt64(generation), low: UInt64(stage.utf8.reduce(0) { $0 + Int($1) }))
    }
}

extension History {
    /// Appends events to a workflow's trail.
    mutating func tell(_ workflowID: UniqueID, _ list: [(kind: String, data: JSONValue)]) {
        for (kind, data) in list {
            let sequence = Int64(events.count { $0.workflowID == workflowID } + 1)
            events.append(
                Event(
                    workflowID: workflowID, sequence: sequence, kind: kind, data: data,
                    at: Timestamp(milliseconds: sequence)))
        }
    }

    /// The place of the n-th event of a kind in the first workflow's trail.
    func place(of kind: String, _ number: Int = 1) -> Int {
        let places = events.indices.filter { events[$0].kind == kind && events[$0].workflowID == SoundHistory.first }
        return places[number - 1]
    }

    /// Puts an event into the first workflow's trail before another, and numbers the trail anew.
    mutating func insert(_ kind: String, _ data: JSONValue = [:], at place: Int) {
        let event = Event(
            workflowID: SoundHistory.first, sequence: 0, kind: kind, data: data, at: events[place].at)
        events.insert(event, at: place)
        number()
    }

    /// Numbers the first workflow's trail anew, in the order of the list.
    mutating func number() {
        var next: Int64 = 1
        for index in events.indices where events[index].workflowID == SoundHistory.first {
            events[index].sequence = next
            events[index].at = Timestamp(milliseconds: next)
            next += 1
        }
    }
}
