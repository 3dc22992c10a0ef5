import OrchestratorEngine
import TaskTransport
import WorkflowStorage

/// What an orchestrator takes off the road: results and signals.
extension World {
    // MARK: Results

    func readResults(_ index: Int) {
        guard let orchestrator = orchestrators[index], !orchestrator.isDraining else { return }
        let consumer = "\(orchestrator.name)-\(orchestrator.name.life)"
        read(.results, from: orchestrator.name, patience: 5_000_000) { world -> [InboundMessage]? in
            let found = world.results(for: consumer, of: index)
            return found.isEmpty ? nil : found
        } then: { world, answer in
            guard case .done(let found) = answer else {
                return world.schedule(after: 500_000, for: orchestrator.name) { $0.readResults(index) }
            }
            world.orchestrators[index]?.heldResults.formUnion((found ?? []).map(\.entryID))
            world.take(found ?? [], of: index) { $0.readResults(index) }
        }
    }

    /// What is pending with a consumer and not held, else what is new.
    private func results(for consumer: String, of index: Int) -> [InboundMessage] {
        if orchestrators[index]?.walksResults == true {
            orchestrators[index]?.walksResults = false
            let held = orchestrators[index]?.heldResults ?? []
            let again = redis.results.held(by: consumer, at: redisTime).filter { !held.contains($0.id) }
            if !again.isEmpty { return again.map { InboundMessage(entryID: $0.id, bytes: $0.bytes) } }
        }
        let new = redis.results.read(limit: 300, for: consumer, at: redisTime)
        return new.map { InboundMessage(entryID: $0.id, bytes: $0.bytes) }
    }

    /// Hands results in: dead letters are kept and acknowledged, the others go through the door.
    func take(
        _ messages: [InboundMessage], wereLeftBehind: Bool = false, of index: Int, then: @escaping (World) -> Void
    ) {
        guard let name = orchestrators[index]?.name else { return }
        let sorted = ResultSorting(messages, wereLeftBehind: wereLeftBehind)
        guard !sorted.unreadable.isEmpty else {
            if !sorted.submissions.isEmpty { advance(index, .submitted(sorted.submissions)) }
            return then(self)
        }
        for (entry, letter) in sorted.unreadable {
            judge.noteDeadLetter(entry.bytes)
            trace("\(name)", "keeps a dead letter: \(letter.cause)")
        }
        askRecord(from: name) {
            $0.record.keep(sorted.unreadable.map(\.letter))
        } then: { world, answer in
            guard case .success = answer else {
                return world.schedule(after: 1_000_000, for: name) { world in
                    world.take(messages, wereLeftBehind: wereLeftBehind, of: index, then: then)
                }
            }
            world.acknowledge(sorted.unreadable.map(\.entry.entryID), of: index) {}
            world.advance(index, .submitted(sorted.submissions))
            then(world)
        }
    }

    // MARK: Signals

    func readSignals(_ index: Int) {
        guard let orchestrator = orchestrators[index], !orchestrator.isDraining else { return }
        let consumer = "\(orchestrator.name)-\(orchestrator.name.life)"
        read(.signals, from: orchestrator.name, patience: 5_000_000) { world -> [InboundMessage]? in
            let found = world.signals(for: consumer, of: index)
            return found.isEmpty ? nil : found
        } then: { world, answer in
            guard case .done(let found) = answer else {
                return world.schedule(after: 500_000, for: orchestrator.name) { $0.readSignals(index) }
            }
            world.orchestrators[index]?.heldSignals.formUnion((found ?? []).map(\.entryID))
            world.takeSignals(found ?? [], isStale: false, of: index) { $0.readSignals(index) }
        }
    }

    private func signals(for consumer: String, of index: Int) -> [InboundMessage] {
        var found: [SimulatedStream.Entry] = []
        if orchestrators[index]?.walksSignals == true {
            orchestrators[index]?.walksSignals = false
            let held = orchestrators[index]?.heldSignals ?? []
            found = redis.signals.held(by: consumer, at: redisTime).filter { !held.contains($0.id) }
        }
        if found.isEmpty { found = redis.signals.read(limit: 200, for: consumer, at: redisTime) }
        return found.map { InboundMessage(entryID: $0.id, bytes: $0.bytes) }
    }

    /// Takes up signals that another orchestrator read and did not finish.
    func claimSignals(_ index: Int) {
        guard let name = orchestrators[index]?.name else { return }
        claimSignals(index, idleMilliseconds: 20_000) { world in
            world.schedule(after: 30_000_000, for: name) { $0.claimSignals(index) }
        }
    }

    /// Takes up what has lain with an orchestrator that has been silent for so long.
    func claimSignals(_ index: Int, idleMilliseconds: Int64, then: @escaping (World) -> Void) {
        guard let orchestrator = orchestrators[index], !orchestrator.isDraining else { return }
        let name = orchestrator.name
        askRedis(from: name) { world in
            world.redis.signals.claim(
                for: "\(name)-\(name.life)", idleMilliseconds: idleMilliseconds, at: world.redisTime)
        } then: { world, answer in
            guard case .done(let claimed) = answer, !claimed.isEmpty else { return then(world) }
            world.orchestrators[index]?.heldSignals.formUnion(claimed.map(\.entry.id))
            let messages = claimed.map { entry, deliveries in
                InboundMessage(entryID: entry.id, bytes: entry.bytes, isPoisoned: deliveries > 3)
            }
            world.takeSignals(messages, isStale: true, of: index, then: then)
        }
    }

    private func takeSignals(
        _ messages: [InboundMessage], isStale: Bool, of index: Int, then: @escaping (World) -> Void
    ) {
        guard !messages.isEmpty else { return then(self) }
        let run = SignalRun(messages, isStale: isStale, index: index, then: then)
        run.begin(in: self)
    }
}

/// One batch of signals on its way through the values that handle it.
private final class SignalRun {
    private var core = SignalCore(heartbeatMilliseconds: OrchestratorProcess.heartbeatMilliseconds)
    private let messages: [InboundMessage]
    private let isStale: Bool
    private let index: Int
    private let then: (World) -> Void

    init(_ messages: [InboundMessage], isStale: Bool, index: Int, then: @escaping (World) -> Void) {
        self.messages = messages
        self.isStale = isStale
        self.index = index
        self.then = then
    }

    func begin(in world: World) {
        guard let sweeper = world.orchestrators[index]?.sweeper else { return }
        let judges = sweeper.hearing.hasListened(
            for: OrchestratorProcess.leaseMilliseconds, at: world.monotonic(.orchestrator(index)))
        let now = world.wallTime(.orchestrator(index))
        step(.received(messages, isStale: isStale, judgesOmissions: judges, now: now), in: world)
    }

    private func step(_ input: SignalCore.Input, in world: World) {
        for effect in core.step(input, at: world.monotonic(.orchestrator(index))) {
            guard world.countEffect(index) else { return }
            carryOut(effect, in: world)
        }
    }

    private func ask<Answer>(
        _ world: World, _ work: @escaping (World) -> Answer, _ input: @escaping (Answer) -> SignalCore.Input
    ) {
        guard let name = world.orchestrators[index]?.name else { return }
        world.askRecord(from: name, work) { world, answer in
            switch answer {
            case .success(let value): self.step(input(value), in: world)
            case .failure(let error): self.step(.failed(error), in: world)
            }
        }
    }

    private func carryOut(_ effect: SignalCore.Effect, in world: World) {
        guard let name = world.orchestrators[index]?.name else { return }
        switch effect {
        case .register(let agents):
            ask(world, { $0.record.register(agents, at: $0.databaseTime) }, { .registered })
        case .beat(let beats):
            ask(world, { $0.record.beat(beats, at: $0.databaseTime) }, { .beaten($0) })
        case .readOpen(let ids):
            ask(world, { $0.record.openAttempts(taskIDs: ids, at: $0.databaseTime) }, { .open($0) })
        case .keep(let letters):
            ask(world, { $0.record.keep(letters) }, { .kept })
        case .submit(let bodies): submit(bodies, in: world)
        case .retire(let agents):
            ask(world, { $0.record.retire(agents, at: $0.databaseTime) }, { .retired })
        case .mirror: break
        case .enqueue(let submissions): world.advance(index, .submitted(submissions))
        case .control(let messages):
            world.askRedis(from: name, as: .control) {
                $0.publish(messages)
            } then: { _, _ in
            }
        case .report(let report): world.trace("\(name)", "\(report)")
        case .finished: finish(in: world)
        case .giveUp:
            world.schedule(after: 1_000_000, for: name) { world in
                if world.orchestrators[self.index]?.isDraining == true { return }
                self.begin(in: world)
            }
        }
    }

    private func submit(_ bodies: [Submission.Body], in world: World) {
        var outcomes = [SubmissionOutcome?](repeating: nil, count: bodies.count)
        for (place, body) in bodies.enumerated() {
            world.submit(body, to: index) { world, outcome in
                outcomes[place] = outcome
                let known = outcomes.compactMap { $0 }
                if known.count == bodies.count { self.step(.submitted(known), in: world) }
            }
        }
    }

    private func finish(in world: World) {
        guard let name = world.orchestrators[index]?.name else { return }
        let ids = messages.map(\.entryID)
        world.askRedis(from: name) {
            $0.redis.signals.remove(ids)
        } then: { world, answer in
            world.orchestrators[self.index]?.heldSignals.subtract(ids)
            if case .done = answer {} else { world.orchestrators[self.index]?.walksSignals = true }
            self.then(world)
        }
    }
}
