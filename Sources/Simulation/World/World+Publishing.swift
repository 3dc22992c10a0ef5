import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// What an orchestrator does once a batch is committed.
extension World {
    /// Carries out the next committed effects, if none are at hand.
    func publishNext(_ index: Int) {
        guard var orchestrator = orchestrators[index], !orchestrator.isPublishing else { return }
        guard !orchestrator.effects.isEmpty else { return finishDraining(index) }
        let effects = orchestrator.effects.removeFirst()
        orchestrator.isPublishing = true
        let plan = PublishPlan(
            effects, monotonic: monotonic(.orchestrator(index)), now: wallTime(.orchestrator(index)),
            entropy: &orchestrator.entropy, envelopes: orchestrator.envelopes, names: redis.names)
        orchestrators[index] = orchestrator
        for action in plan.before { carryOut(action, of: index) {} }
        var left = plan.together.count
        guard left > 0 else { return finish(plan.after, of: index) }
        for action in plan.together {
            guard countEffect(index) else { return }
            carryOut(action, of: index) {
                left -= 1
                if left == 0 { self.finish(plan.after, of: index) }
            }
        }
    }

    /// Carries out one after the other, then the next effects.
    private func finish(_ actions: [PublishPlan.Action], of index: Int) {
        guard let action = actions.first else {
            orchestrators[index]?.isPublishing = false
            return publishNext(index)
        }
        guard countEffect(index) else { return }
        carryOut(action, of: index) { self.finish(Array(actions.dropFirst()), of: index) }
    }

    private func carryOut(_ action: PublishPlan.Action, of index: Int, then: @escaping () -> Void) {
        guard let name = orchestrators[index]?.name else { return }
        switch action {
        case .noteClosed(let tasks):
            orchestrators[index]?.deferred.note(closed: tasks)
            then()
        case .noteCurrent(let workflows):
            orchestrators[index]?.deferred.note(current: workflows)
            then()
        case .send(let sends, let tasks):
            send(sends, tasks, of: index, then: then)
        case .acknowledge(let ids):
            acknowledge(ids, of: index, then: then)
        case .control(let messages):
            askRedis(from: name, as: .control) {
                $0.publish(messages)
            } then: { _, _ in
                then()
            }
        case .noteSummaries(let summaries):
            orchestrators[index]?.deferred.note(summaries: summaries)
            then()
        case .remove(let entries):
            askRedis(from: name) { world in
                for entry in entries { world.redis.removeTask(entry.entryID, from: entry.stream) }
            } then: { _, _ in
                then()
            }
        case .mirror, .nameCommits, .notify, .announce:
            then()
        }
    }

    private func send(
        _ sends: [BatchEffects.Send], _ tasks: [OutgoingTask], of index: Int, then: @escaping () -> Void
    ) {
        guard let name = orchestrators[index]?.name else { return }
        askRedis(from: name, as: .send) { world in
            let ids = tasks.map { task in
                world.redis.addTask(
                    task.envelope, to: world.redis.names.tasks(task.agentType, task.lane), at: world.redisTime)
            }
            for type in Set(tasks.map(\.agentType)).sorted() { world.wakeReaders(of: .tasks(type: type)) }
            return ids
        } then: { world, answer in
            if case .done(let ids) = answer {
                let published = zip(sends, ids).map { send, id in
                    PublishedSend(workflowID: send.workflowID, reference: send.reference, entryID: id)
                }
                world.orchestrators[index]?.deferred.note(
                    published: published, at: world.monotonic(.orchestrator(index)))
            }
            then()
        }
    }

    /// Acknowledges results; what can't be acknowledged is read again.
    func acknowledge(_ ids: [String], of index: Int, then: @escaping () -> Void) {
        guard let name = orchestrators[index]?.name else { return }
        askRedis(from: name, as: .acknowledge) { world in
            world.judgeAcknowledgement(of: ids, by: name)
            world.redis.results.remove(ids)
        } then: { world, answer in
            world.orchestrators[index]?.heldResults.subtract(ids)
            if case .done = answer {} else { world.orchestrators[index]?.walksResults = true }
            then()
        }
    }

    /// Writes what may wait a second, again and again.
    func writeDeferred(_ index: Int) {
        guard let name = orchestrators[index]?.name else { return }
        schedule(after: 500_000, for: name) { world in
            guard world.orchestrators[index]?.isDraining == false else { return }
            let clock = world.monotonic(.orchestrator(index))
            guard let due = world.orchestrators[index]?.deferred.takeDue(at: clock),
                !due.published.isEmpty || !due.summaries.isEmpty
            else { return world.writeDeferred(index) }
            world.askRecord(from: name) { world in
                world.record.markPublished(due.published)
                world.record.refresh(due.summaries, at: world.databaseTime)
            } then: { world, answer in
                if case .failure = answer {
                    world.orchestrators[index]?.deferred.putBack(
                        published: due.published, at: world.monotonic(.orchestrator(index)))
                    world.orchestrators[index]?.deferred.putBack(summaries: due.summaries)
                }
                world.writeDeferred(index)
            }
        }
    }
}
