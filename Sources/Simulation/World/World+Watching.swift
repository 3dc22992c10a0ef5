import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import WorkflowStorage

/// What the sweeper of an orchestrator asks for.
extension World {
    /// Tells the sweeper something and carries out what it says.
    func watch(_ index: Int, _ input: SweeperCore.Input) {
        guard let orchestrator = orchestrators[index], !orchestrator.isDraining else { return }
        let effects = orchestrators[index]?.sweeper.step(input, at: monotonic(.orchestrator(index))) ?? []
        for effect in effects {
            guard countEffect(index) else { return }
            carryOut(effect, of: index, orchestrator.name)
        }
    }

    private func busEpoch(_ index: Int) -> UInt64 { hosts[.orchestrator(index)]?.busEpoch ?? 0 }

    private func ask<Answer>(
        _ index: Int, _ name: ProcessName, _ work: @escaping (World) -> Answer,
        _ input: @escaping (Answer) -> SweeperCore.Input
    ) {
        askRecord(from: name, work) { world, answer in
            switch answer {
            case .success(let value): world.watch(index, input(value))
            case .failure(let error): world.watch(index, .failed(error))
            }
        }
    }

    private func carryOut(_ effect: SweeperCore.Effect, of index: Int, _ name: ProcessName) {
        let lease = OrchestratorProcess.leaseMilliseconds
        switch effect {
        case .askLag:
            askRedis(from: name) {
                $0.redis.signalLag(at: $0.redisTime)
            } then: { world, answer in
                let epoch = world.busEpoch(index)
                guard case .done(let lag) = answer else { return world.watch(index, .lag(nil, roadEpoch: epoch)) }
                world.watch(index, .lag(lag, roadEpoch: epoch))
            }
        case .askUnfinished(let milliseconds):
            askRedis(from: name) {
                $0.redis.unfinished(within: milliseconds, at: $0.redisTime)
            } then: { world, answer in
                guard case .done(let unfinished) = answer else { return world.watch(index, .unfinished(nil)) }
                world.watch(index, .unfinished(unfinished))
            }
        case .claimSignals(let idle): claimSignals(index, idleMilliseconds: Int64(idle)) { _ in }
        case .makeGroups:
            askRedis(from: name) { _ in
                true
            } then: { world, answer in
                if case .done = answer { return world.watch(index, .groupsMade(true)) }
                world.watch(index, .groupsMade(false))
            }
        case .upkeep: watch(index, .keptUp)
        case .ask(let question):
            ask(index, name, { $0.record.findings(question, at: $0.databaseTime) }, { .found($0) })
        case .claimResults(let idle): claimResults(idle, of: index, name)
        case .takeResults(let messages):
            take(messages, wereLeftBehind: true, of: index) { $0.watch(index, .taken) }
        case .readLiving:
            ask(
                index, name, { $0.record.livingAgents(leaseMilliseconds: lease, at: $0.databaseTime) },
                { .living($0) })
        case .readGone(let agents): ask(index, name, { $0.record.goneAgents(among: agents) }, { .gone($0) })
        case .readTypes: watch(index, .definedTypes(Set(SimulatedDefinitions.agentTypes)))
        case .readOpen(let limit):
            ask(index, name, { $0.record.allOpenAttempts(limit: limit, at: $0.databaseTime) }, { .open($0) })
        case .readOpenOf(let ids):
            ask(index, name, { $0.record.openAttempts(taskIDs: ids, at: $0.databaseTime) }, { .open($0) })
        case .readEvidence(let ids):
            ask(index, name, { $0.record.evidence(of: ids) }, { .evidence($0) })
        case .loads(let loads): advance(index, .loads(loads))
        case .walk(let types):
            askRedis(from: name) {
                $0.taskEntries(types)
            } then: { world, answer in
                guard case .done(let entries) = answer else { return world.watch(index, .entries(nil)) }
                world.watch(index, .entries(entries))
            }
        case .remove(let entries, _):
            askRedis(from: name) { world in
                for entry in entries { world.redis.removeTask(entry.entryID, from: entry.stream) }
            } then: { world, _ in
                world.watch(index, .removed)
            }
        case .rest(let milliseconds, let epoch):
            rest(index, name, until: now + Int64(milliseconds) * 1000, whileEpochIs: epoch)
        case .submit(let submissions):
            advance(index, .submitted(submissions))
        case .report(let report):
            trace("\(name)", "\(report)")
        }
    }

    /// Rests, looking once a second whether the bus has another epoch.
    private func rest(_ index: Int, _ name: ProcessName, until end: Int64, whileEpochIs epoch: UInt64?) {
        schedule(after: min(end - now, 1_000_000), for: name) { world in
            let isOther = epoch.map { $0 != world.busEpoch(index) } ?? false
            guard world.now >= end || isOther else { return world.rest(index, name, until: end, whileEpochIs: epoch) }
            let backlog = world.orchestrators[index]?.advancer.backlog ?? 0
            world.watch(index, .rested(roadEpoch: world.busEpoch(index), backlog: backlog))
        }
    }

    private func claimResults(_ idle: Int, of index: Int, _ name: ProcessName) {
        askRedis(from: name) { world in
            let claimed = world.redis.results.claim(
                for: "\(name)-\(name.life)", idleMilliseconds: Int64(idle), at: world.redisTime)
            return claimed.map { entry, deliveries in
                InboundMessage(entryID: entry.id, bytes: entry.bytes, isPoisoned: deliveries > 3)
            }
        } then: { world, answer in
            guard case .done(let messages) = answer else { return world.watch(index, .claimed(nil)) }
            world.orchestrators[index]?.heldResults.formUnion(messages.map(\.entryID))
            world.watch(index, .claimed(messages))
        }
    }

    private func taskEntries(_ types: [String]) -> [TaskStreamEntry] {
        var found: [TaskStreamEntry] = []
        for name in types.flatMap({ redis.names.taskStreams($0) }) {
            guard let stream = redis.tasks[name] else { continue }
            for entry in stream.entries {
                let holder = stream.pending[entry.number]
                found.append(
                    TaskStreamEntry(
                        stream: name, entryID: entry.id, reference: TaskEnvelope.reference(in: entry.bytes),
                        consumer: holder?.consumer, idleMilliseconds: holder.map { redisTime - $0.deliveredAt } ?? 0))
            }
        }
        return found
    }
}
