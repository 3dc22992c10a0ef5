import JSONTools

/// Judges a history by the rules of ``HistoryRule``.
public struct HistoryChecker: Sendable {
    private let history: History
    private var found: [HistoryViolation] = []

    /// The rules that a history breaks, workflow by workflow; empty when it is sound.
    ///
    /// - Parameter history: what is left of a run that has come to rest.
    public static func violations(in history: History) -> [HistoryViolation] {
        var checker = HistoryChecker(history: history)
        checker.checkTrails()
        checker.checkAccepted()
        checker.checkKeys()
        checker.checkStreams()
        return checker.found
    }

    private init(history: History) { self.history = history }

    private mutating func note(
        _ rule: HistoryRule, _ workflowID: UniqueID?, sequence: Int64? = nil, _ text: String
    ) {
        found.append(HistoryViolation(rule: rule, workflowID: workflowID, sequence: sequence, text: text))
    }

    // MARK: Workflow by workflow

    private mutating func checkTrails() {
        let trails = Dictionary(grouping: history.events, by: \.workflowID)
        let attempts = Dictionary(grouping: history.tasks, by: \.workflowID)
        let outputs = Dictionary(grouping: history.outputs, by: \.workflowID)
        let letters = Dictionary(grouping: history.parked, by: \.workflowID)
        let timers = Set(history.timers)
        let asking = Set(history.openQuestions)
        let known = Set(history.workflows.map(\.id))
        for workflow in history.workflows.sorted(by: { $0.id < $1.id }) {
            var walk = TrailWalk(workflow)
            walk.follow(trails[workflow.id] ?? [])
            found += walk.found
            check(workflow, told: walk, attempts: attempts[workflow.id] ?? [])
            checkOutputs(outputs[workflow.id] ?? [], of: workflow, completed: walk.completed)
            checkLetters(letters[workflow.id] ?? [], of: workflow, spent: walk.spent)
            if Self.terminal.contains(workflow.phase), timers.contains(workflow.id) {
                note(.nothingLeftOpen, workflow.id, "it has ended (\(workflow.phase)) and still has a timer")
            }
            if Self.terminal.contains(workflow.phase), asking.contains(workflow.id) {
                note(.nothingLeftOpen, workflow.id, "it has ended (\(workflow.phase)) and still asks people")
            }
            if !Self.terminal.contains(workflow.phase), asking.contains(workflow.id) != walk.isAsking {
                note(
                    .rowsAsTold, workflow.id,
                    walk.isAsking ? "it asks people and no question is open" : "a question is open that nobody asks")
            }
        }
        for stranger in Set(trails.keys).union(attempts.keys).union(outputs.keys).subtracting(known).sorted() {
            note(.rowsAsTold, stranger, "there are events, attempts or outputs of a workflow that is not recorded")
        }
    }

    private static let terminal: Set<String> = ["completed", "failed", "cancelled"]

    private mutating func check(_ workflow: History.Workflow, told: TrailWalk, attempts: [History.Attempt]) {
        if told.phase.rawValue != workflow.phase {
            note(.stateAsTold, workflow.id, "its state is \(workflow.phase), its trail ends \(told.phase.rawValue)")
        }
        if Self.terminal.contains(workflow.phase), let shown = workflow.shownStatus, shown != workflow.phase {
            note(.stateAsTold, workflow.id, "lists show it as \(shown) though it is \(workflow.phase)")
        }
        var rows: [TrailWalk.AttemptName: Int] = [:]
        for row in attempts.sorted(by: { ($0.taskID, $0.attempt) < ($1.taskID, $1.attempt) }) {
            rows[.init(taskID: "\(row.taskID)", attempt: row.attempt), default: 0] += 1
            let name = "attempt \(row.attempt) of stage \(row.stage), generation \(row.generation)"
            let isOver = Self.terminal.contains(workflow.phase)
            if row.isOpen, isOver {
                note(.nothingLeftOpen, workflow.id, "\(name) is still \(row.status) though the workflow has ended")
            } else if row.isOpen != told.open.contains(.init(taskID: "\(row.taskID)", attempt: row.attempt)), !isOver {
                note(.rowsAsTold, workflow.id, "the row of \(name) is \(row.status), the trail tells otherwise")
            }
        }
        for (name, count) in told.dispatched.sorted(by: { $0.key < $1.key }) where count != rows[name, default: 0] {
            note(
                .rowsAsTold, workflow.id,
                "task \(name.taskID), attempt \(name.attempt): \(count) in the trail, \(rows[name, default: 0]) rows")
        }
        for name in rows.keys.sorted() where told.dispatched[name] == nil {
            note(.rowsAsTold, workflow.id, "task \(name.taskID), attempt \(name.attempt), has a row and no event")
        }
    }

    private mutating func checkOutputs(
        _ outputs: [History.Output], of workflow: History.Workflow, completed: [TrailWalk.StageName: Int]
    ) {
        var counts: [TrailWalk.StageName: Int] = [:]
        for output in outputs { counts[.init(stage: output.stage, generation: output.generation), default: 0] += 1 }
        for name in Set(counts.keys).union(completed.keys).sorted() {
            let (count, expected) = (counts[name, default: 0], completed[name] == nil ? 0 : 1)
            guard count != expected else { continue }
            note(
                .oneOutput, workflow.id,
                "stage \(name.stage), generation \(name.generation): \(count) outputs, expected \(expected)")
        }
    }

    private mutating func checkLetters(
        _ letters: [History.Parked], of workflow: History.Workflow, spent: Set<TrailWalk.StageName>
    ) {
        var counts: [TrailWalk.StageName: Int] = [:]
        for letter in letters { counts[.init(stage: letter.stage, generation: letter.generation), default: 0] += 1 }
        for name in spent.union(counts.keys).sorted() {
            let (count, expected) = (counts[name, default: 0], spent.contains(name) ? 1 : 0)
            guard count != expected else { continue }
            note(
                .oneLetter, workflow.id,
                "stage \(name.stage), generation \(name.generation): \(count) dead letters, expected \(expected)")
        }
    }

    // MARK: All together

    private mutating func checkAccepted() {
        let phases = Dictionary(history.workflows.map { ($0.id, $0.phase) }) { first, _ in first }
        for creation in history.accepted.sorted(by: { $0.workflowID < $1.workflowID }) {
            guard let phase = phases[creation.workflowID] else {
                note(.conservation, creation.workflowID, "it was accepted and is not in the record")
                continue
            }
            let expected = creation.expectedPhases ?? Self.terminal
            if !expected.contains(phase) {
                note(
                    .acceptedEnds, creation.workflowID,
                    "it is \(phase), expected \(expected.sorted().joined(separator: " or "))")
            }
        }
        if phases.count != history.workflows.count {
            note(.conservation, nil, "\(history.workflows.count) rows of workflows have \(phases.count) ids")
        }
    }

    private mutating func checkKeys() {
        var byKey: [String: Set<UniqueID>] = [:]
        for workflow in history.workflows {
            guard let key = workflow.idempotencyKey else { continue }
            byKey["\(key) of tenant \(workflow.tenant)", default: []].insert(workflow.id)
        }
        for creation in history.accepted {
            guard let key = creation.idempotencyKey else { continue }
            byKey["\(key) of tenant \(creation.tenant)", default: []].insert(creation.workflowID)
        }
        for (key, ids) in byKey.sorted(by: { $0.key < $1.key }) where ids.count > 1 {
            let list = ids.sorted().map { "\($0)" }.joined(separator: ", ")
            note(.conservation, nil, "idempotency key \(key) stands for \(ids.count) workflows: \(list)")
        }
    }

    private mutating func checkStreams() {
        for stream in history.streams.sorted(by: { $0.name < $1.name }) where stream.count > 0 {
            note(.streamsEmpty, nil, "\(stream.name) still holds \(stream.count) entries")
        }
    }
}
