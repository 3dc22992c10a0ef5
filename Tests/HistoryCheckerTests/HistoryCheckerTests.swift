import HistoryChecker
import JSONTools
import Testing

@Suite struct HistoryCheckerTests {
    @Test func `A sound history breaks no rule`() {
        #expect(HistoryChecker.violations(in: SoundHistory.make()) == [])
    }

    @Test(arguments: HistoryRule.allCases)
    func `Each rule finds what breaks it, and says where`(_ rule: HistoryRule) {
        for (number, spoil) in Self.faults(against: rule).enumerated() {
            var history = SoundHistory.make()
            spoil(&history)
            let found = HistoryChecker.violations(in: history)
            #expect(found.contains { $0.rule == rule }, "fault \(number + 1) against \(rule.rawValue): \(found)")
            #expect(found.allSatisfy { !$0.text.isEmpty })
        }
    }

    @Test func `A violation names rule, workflow and place in one line`() {
        var history = SoundHistory.make()
        history.insert("stage_completed", ["stage": "one"], at: history.place(of: "workflow_completed"))
        let lines = HistoryChecker.violations(in: history).map(\.description)
        let place = "workflow \(SoundHistory.first) seq 19"
        let expected = "[completed-once] \(place): stage one completed 2 times in generation 1"
        #expect(lines.contains(expected), "\(lines)")
    }

    typealias Spoil = (inout History) -> Void

    /// What breaks a rule; the switch keeps a new rule from coming without its fault.
    static func faults(against rule: HistoryRule) -> [Spoil] {
        switch rule {
        case .acceptedEnds: [{ $0.workflows[1].phase = "running" }, { $0.accepted[2].expectedPhases = ["completed"] }]
        case .conservation:
            [
                { $0.accepted.append(History.Creation(workflowID: UniqueID(high: 9, low: 9))) },
                { $0.accepted[1].workflowID = SoundHistory.second },
                { $0.workflows[1].idempotencyKey = "k" },
                { $0.workflows.append($0.workflows[0]) },
            ]
        case .trailWithoutGaps:
            [
                { $0.events.remove(at: 3) }, { $0.events[4].at = Timestamp(milliseconds: 0) },
                { $0.events.append($0.events[3]) },
            ]
        case .trailLinear: trailFaults
        case .stateAsTold: [{ $0.workflows[0].phase = "failed" }, { $0.workflows[0].shownStatus = "running" }]
        case .completedOnce:
            [{ $0.insert("stage_completed", ["stage": "two"], at: $0.place(of: "workflow_completed")) }]
        case .nothingSentWhilePaused:
            [
                { history in
                    let dispatch = history.events.remove(at: history.place(of: "task_dispatched"))
                    history.events.insert(dispatch, at: history.place(of: "workflow_resumed"))
                    history.number()
                }
            ]
        case .nothingSentWhileStopping: stoppingFaults
        case .nothingAfterTheEnd:
            [
                { $0.tell(SoundHistory.first, [("task_started", SoundHistory.attempt("two", 2))]) },
                { $0.tell(SoundHistory.first, [("workflow_completed", [:])]) },
            ]
        case .needsEndedWell:
            [
                { $0.workflows[0].stages[1].isRequired = true },
                { $0.workflows[0].stages[0].needs = ["two"] },
            ]
        case .completedMeansAll:
            [{ $0.workflows[0].stages[1].isRequired = true }]
        case .failuresWithinLimit:
            [{ $0.workflows[0].stages[0].maxAttempts = 0 }, { $0.workflows[0].stages[1].maxAttempts = 0 }]
        case .oneAttemptAtATime:
            [
                { $0.events.remove(at: $0.place(of: "attempt_lost")) },
                { $0.events[$0.place(of: "task_dispatched")].data = SoundHistory.attempt("one", 3) },
            ]
        case .rowsAsTold:
            [
                { $0.tasks.removeFirst() }, { $0.tasks.append($0.tasks[0]) },
                { $0.tasks.append(SoundHistory.row("one", 3)) },
                { $0.outputs[0].workflowID = UniqueID(high: 8, low: 8) },
                { history in
                    history.workflows[1].phase = "running"
                    history.events.removeLast(5)
                    history.openQuestions = [SoundHistory.second]
                },
                { history in
                    history.workflows[0].phase = "running"
                    history.events.remove(at: history.place(of: "workflow_completed", 2))
                    history.tasks[6].isOpen = true
                },
            ]
        case .nothingLeftOpen:
            [
                { $0.tasks[0].isOpen = true }, { $0.timers = [SoundHistory.second] },
                { $0.openQuestions = [SoundHistory.second] },
            ]
        case .nothingRepaired:
            [
                { $0.insert("workflow_repaired", at: $0.place(of: "stage_completed")) },
                { $0.insert("watchdog_finding", ["finding": "record_mismatch"], at: $0.place(of: "stage_completed")) },
                { $0.insert("attempt_lost", ["code": "INTERNAL"], at: $0.place(of: "stage_completed")) },
            ]
        case .oneOutput:
            [{ $0.outputs.removeLast() }, { $0.outputs.append($0.outputs[0]) }, { $0.outputs[0].generation = 7 }]
        case .oneLetter:
            [
                { $0.parked = [] }, { $0.parked.append($0.parked[0]) }, { $0.parked[0].generation = 2 },
                { $0.parked[0].stage = "one" },
            ]
        case .streamsEmpty: [{ $0.streams[0].count = 1 }]
        }
    }

    static var trailFaults: [Spoil] {
        [
            { $0.events.removeAll { $0.workflowID == SoundHistory.second } },
            { $0.insert("workflow_created", at: 2) },
            { $0.insert("workflow_resumed", at: $0.place(of: "workflow_paused")) },
            { $0.insert("workflow_paused", at: $0.place(of: "workflow_resumed")) },
            { $0.insert("workflow_retried", ["stages": []], at: $0.place(of: "workflow_completed")) },
            { $0.insert("stage_started", SoundHistory.attempt("one", 3), at: $0.place(of: "workflow_completed")) },
            { $0.insert("stage_failed", ["stage": "one"], at: $0.place(of: "workflow_completed")) },
            { $0.insert("task_dispatched", SoundHistory.attempt("one", 3), at: $0.place(of: "workflow_completed")) },
            { $0.insert("workflow_failed", at: $0.place(of: "workflow_completed")) },
            { $0.events.remove(at: $0.place(of: "questions_answered")) },
        ]
    }

    static var stoppingFaults: [Spoil] {
        [
            { $0.insert("workflow_stopping", at: $0.place(of: "task_dispatched")) },
            { $0.insert("workflow_stopping", at: $0.place(of: "stage_completed")) },
            { $0.insert("workflow_stopping", at: $0.place(of: "retry_scheduled")) },
        ]
    }
}
