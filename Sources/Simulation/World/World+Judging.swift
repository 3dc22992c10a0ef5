import AgentProtocol
import HistoryChecker
import JSONTools
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Rules that are checked while a world runs, and at its end.
extension World {
    /// For how long an attempt may be nowhere, in microseconds, while an orchestrator is well: the 10 s of the design (the
    /// relay's 5 s, a look's 4 s, a send), and some for the world's own round.
    private static let relayPatience: Int64 = 12_000_000
    /// For how long an agent may go on with what is over, in microseconds.
    private static let stopPatience: Int64 = 45_000_000

    /// Judges a batch that was just committed.
    func judgeCommit(_ save: BatchSave, before: Judge.Before) {
        for new in save.created { judge.names[new.facts.id] = new.facts.name }
        judge.noteBuried(save.deadLetters)
        for state in save.states where before.versions[state.id].map({ $0 + 1 != state.version }) ?? true {
            complain(
                "lost-update",
                "\(judge.name(of: state.id)) went from version \(before.versions[state.id] ?? 0) to \(state.version)")
        }
        for row in save.states + save.newStates {
            guard let facts = record.workflows[row.id]?.facts, let state = state(of: row.id),
                let definition = SimulatedDefinitions.named(facts.type)
            else { continue }
            let machine = WorkflowMachine(definition: definition, facts: facts, state: state)
            for violation in machine.invariantViolations(at: save.now) {
                complain("invariant", "\(facts.name): \(violation)")
            }
        }
        for closing in save.closings {
            guard let row = before.attempts[closing.key] else { continue }
            judgeResult(closing, of: row)
            judgeClosing(closing, of: row)
        }
    }

    /// Whether a result that counts is that of the newest send, from the agent that the attempt is bound to.
    private func judgeResult(_ closing: BatchSave.Closing, of row: InMemoryRecord.TaskRow) {
        guard closing.closing.keepsResult, let bytes = closing.result else { return }
        let place = "\(judge.name(of: closing.workflowID)) \(row.stage) #\(row.key.attempt)"
        do throws(ProtocolError) {
            let result = try TaskResult(decoding: bytes)
            if result.dispatchID.rawValue != row.dispatchID || result.attempt != row.key.attempt {
                complain("fence", "\(place) took a result of another send, from \(result.agentID)")
            }
            if let bound = row.agentID, bound != result.agentID {
                complain("fence", "\(place) is bound to \(bound) and took a result of \(result.agentID)")
            }
        } catch {
            complain("fence", "\(place) took a result that can't be decoded: \(error)")
        }
    }

    /// Whether an attempt that is over was over for a good reason.
    private func judgeClosing(_ closing: BatchSave.Closing, of row: InMemoryRecord.TaskRow) {
        let attempt = closing.closing
        let reference = TaskReference(
            taskID: attempt.taskID, attempt: attempt.attempt, dispatchID: DispatchID(rawValue: row.dispatchID))
        let agent = attempt.agentID ?? row.agentID ?? "none"
        guard !judge.faulty.contains(agent), !judge.buried.contains(reference) else { return }
        let place = "\(judge.name(of: closing.workflowID)) \(row.stage) #\(attempt.attempt)"
        if attempt.status == .lost, attempt.faultCode == "AGENT_LOST" {
            complain("healthy-agent-lost", "\(place) was taken from \(agent), which was well all the time")
        }
        if attempt.status == .timedOut, let end = judge.ends[reference], let deadline = row.deadline,
            end < deadline.microseconds - Self.origin.microseconds
        {
            complain(
                "done-yet-timed-out",
                "\(place) was done at \(seconds(end / 1000)), before its deadline \(deadline), and timed out")
        }
    }

    // MARK: Looking around

    /// Looks at everything each second.
    func watchOver() {
        noteWellBeing()
        judgeSends()
        judgeWork()
        if !isTroubled { judge.hasComeToRest = hasComeToRest }
        schedule(after: 1_000_000) { $0.watchOver() }
    }

    private func noteWellBeing() {
        for index in scenario.orchestrators.indices {
            let host = hosts[.orchestrator(index)]
            let isWell =
                redis.isUp && isRecordUp && recordSlowUntil <= now && host?.isUp == true && host?.isCutOff == false
                && (host?.stalledUntil ?? 0) <= now && orchestrators[index]?.isDraining == false
            judge.wellSince[index] = isWell ? judge.wellSince[index] ?? now : nil
        }
    }

    /// A send that never reached Redis is sent again within seconds, by any orchestrator.
    private func judgeSends() {
        let since = max(judge.wellSince.values.min() ?? now, judge.lastTrouble)
        guard now - since > Self.relayPatience else { return }
        for row in record.openAttempts where row.status == .dispatched && !row.isPublished && !row.isStopping {
            let sent = row.publishBy - .seconds(5)
            guard (databaseTime - sent).wholeMicroseconds > Self.relayPatience, !isOnItsWay(row) else { continue }
            complain(
                "sent-again-in-time",
                "\(judge.name(of: row.key.workflowID)) \(row.stage) #\(row.key.attempt) was to be sent at \(sent) and "
                    + "is nowhere")
        }
    }

    private func isOnItsWay(_ row: InMemoryRecord.TaskRow) -> Bool {
        let reference = TaskReference(
            taskID: row.key.taskID, attempt: row.key.attempt, dispatchID: DispatchID(rawValue: row.dispatchID))
        if agents.values.contains(where: { $0.actions[reference] != nil }) || judge.ends[reference] != nil {
            return true
        }
        return redis.tasks.values.contains { stream in
            stream.entries.contains { TaskEnvelope.reference(in: $0.bytes) == reference }
        }
    }

    /// What is over is stopped within seconds.
    private func judgeWork() {
        let since = max(judge.wellSince.values.min() ?? now, judge.lastTrouble)
        guard now - since > Self.stopPatience else { return }
        for agent in agents.values where !judge.faulty.contains(agent.id) {
            for (reference, action) in agent.actions where !action.isStopped {
                let key = InMemoryRecord.TaskKey(
                    workflowID: action.envelope.workflowID, taskID: reference.taskID, attempt: reference.attempt)
                guard let end = record.tasks[key]?.completedAt,
                    (databaseTime - end).wholeMicroseconds > Self.stopPatience
                else { continue }
                complain(
                    "stopped-in-time",
                    "\(agent.id) goes on with \(judge.name(of: key.workflowID)) \(action.envelope.stage) "
                        + "#\(reference.attempt), which has been over for 45 s")
            }
        }
    }

    /// Whether nothing is left to do.
    private var hasComeToRest: Bool {
        guard clients.isQuiet, record.states.values.allSatisfy(\.isTerminal), record.openAttempts.isEmpty,
            record.timers.isEmpty, redis.results.entries.isEmpty,
            redis.tasks.values.allSatisfy(\.entries.isEmpty)
        else { return false }
        return record.workflows.allSatisfy { id, row in row.summary.version == record.states[id]?.version }
    }

    // MARK: The end

    /// How many workflows there are.
    package var workflowCount: Int { record.workflows.count }

    /// How many attempts were made.
    package var attemptCount: Int { record.tasks.count }

    /// How many workflows ended in which phase.
    package var phases: [String: Int] {
        Dictionary(grouping: record.workflows.values, by: \.summary.status).mapValues(\.count)
    }

    /// Judges what is left.
    func judgeHistory() {
        guard violations.isEmpty else { return }
        for violation in HistoryChecker.violations(in: history()) {
            let line = "\(violation)".replacing(
                "\(violation.workflowID.map { "\($0)" } ?? "-")",
                with: violation.workflowID.map { judge.name(of: $0) } ?? "-")
            violations.append(line)
            trace("!", line)
        }
        judgeCreations()
    }

    private func judgeCreations() {
        for workflow in scenario.workflows {
            let count = record.workflows.values.count { $0.facts.name == workflow.name }
            let known = clients.known[workflow.number] ?? .init()
            let most = (known.id == nil ? 0 : 1) + known.unanswered
            if count > most || (known.id != nil && count == 0) {
                complain("created-once", "\(workflow.name) is in the record \(count) times, expected \(most)")
            }
        }
    }

    /// Whether a retry came after all cancels: answers to the two may overtake each other, the trail has their order.
    private func isRetried(_ id: UniqueID) -> Bool {
        let kinds = (record.events[id] ?? []).map(\.record.kind)
        return kinds.last { $0 == .workflowRetried || $0 == .workflowStopping } == .workflowRetried
    }

    private func history() -> History {
        var history = History()
        for (id, row) in record.workflows {
            let stages = SimulatedDefinitions.named(row.facts.type)?.stages ?? []
            history.workflows.append(
                History.Workflow(
                    id: id, phase: state(of: id)?.phase.rawValue ?? "unknown", shownStatus: row.summary.status,
                    tenant: row.tenant, idempotencyKey: row.idempotencyKey,
                    stages: stages.map { stage in
                        History.Stage(
                            name: stage.name, needs: stage.needs, isRequired: stage.required,
                            maxAttempts: stage.retry.maxAttempts)
                    }))
            history.accepted.append(History.Creation(workflowID: id))
        }
        for workflow in scenario.workflows {
            guard let known = clients.known[workflow.number], let id = known.id else { continue }
            history.accepted.append(
                History.Creation(
                    workflowID: id, tenant: workflow.tenant,
                    idempotencyKey: workflow.key,
                    expectedPhases: known.isCancelled && !isRetried(id) ? ["cancelled", "failed"] : nil))
        }
        for (key, row) in record.tasks {
            history.tasks.append(
                History.Attempt(
                    workflowID: key.workflowID, taskID: key.taskID, attempt: key.attempt, stage: row.stage,
                    generation: row.generation, status: row.status.word, isOpen: row.isOpen))
        }
        history.outputs = record.outputs.keys.map { key in
            History.Output(workflowID: key.workflowID, stage: key.stage, generation: key.generation)
        }
        for (id, trail) in record.events {
            for row in trail {
                history.events.append(
                    History.Event(
                        workflowID: id, sequence: row.record.sequence, kind: row.record.kind.rawValue,
                        actor: row.record.actor, data: .object(row.record.data), at: row.at))
            }
        }
        history.timers = Array(record.timers.keys)
        history.openQuestions = record.questions.filter { $0.closedAt == nil }.map(\.question.workflowID)
        history.parked = record.parked.map { row in
            History.Parked(workflowID: row.task.workflowID, stage: row.task.stage, generation: row.task.generation)
        }
        history.streams = [History.Stream(name: redis.names.results, count: redis.results.entries.count)]
        for (name, stream) in redis.tasks.sorted(by: { $0.key < $1.key }) {
            history.streams.append(History.Stream(name: name, count: stream.entries.count))
        }
        return history
    }

    /// An event as a line of the trace.
    func describe(_ record: AuditRecord) -> String {
        var words = ["\(record.sequence)", record.kind.rawValue]
        for name in ["stage", "attempt", "code", "reason", "finding"] {
            guard let value = record.data[name] else { continue }
            words.append(value.stringValue ?? value.intValue.map { "#\($0)" } ?? "")
        }
        if record.actor != "orchestrator" { words.append("by \(record.actor)") }
        return words.joined(separator: " ")
    }
}
