import AgentProtocol
import AgentRuntime
import JSONTools
import TaskTransport

/// An agent: the loop of the real one, and what its shell keeps.
struct AgentProcess {
    let name: World.ProcessName
    let id: String
    let type: String
    var loop: TaskLoop
    /// Whether it hears the control channel.
    var isListening = false
    /// Entries of the task streams that were taken and are not seen off.
    var held: Set<String> = []
    var walksTasks = true
    /// How many hand-backs and the like are on their way.
    var partings = 0
    /// Waits for those that are on their way.
    var farewell: GoodbyeSignal?
    /// What runs, by send.
    var actions: [TaskReference: RunningAction] = [:]

    /// An action at work.
    struct RunningAction {
        let envelope: TaskEnvelope
        let script: ActionScript
        /// Tells this start of it from another one of the same send.
        let number: Int
        var isStopped = false
    }
}

extension World {
    private static let tick: (busy: Int64, idle: Int64) = (200_000, 1_000_000)
    /// How long handing back may keep an agent from leaving, in microseconds.
    private static let farewellPatience: Int64 = 2_000_000

    func startAgent(_ index: Int) {
        let plan = scenario.agents[index]
        let name = open(.agent(index))
        let digits = "\(0x1000_0000 + index * 0x1_0000 + name.life)"
        let id = "\(plan.type)-\(digits)"
        var limits = TaskLoop.Limits()
        limits.slots = plan.slots
        let registration = RegisterSignal(
            agentID: id, sentAt: wallTime(.agent(index)), agentType: plan.type, agentVersion: "1",
            actions: [ActionDescription(name: "act", exclusive: true)], slots: plan.slots, host: "h\(index)", pid: 1)
        agents[index] = AgentProcess(
            name: name, id: id, type: plan.type, loop: TaskLoop(registration: registration, limits: limits))
        judge.noteAgent(id, index)
        trace("\(name)", "starts as \(id)")
        step(agent: index, .tick)
        listen(index)
        tick(index)
    }

    private func tick(_ index: Int) {
        guard let agent = agents[index] else { return }
        let delay = agent.loop.isBusy ? Self.tick.busy : Self.tick.idle
        schedule(after: delay, for: agent.name) { world in
            world.step(agent: index, .tick)
            world.tick(index)
        }
    }

    /// Subscribes to the control channel, and again whenever that was lost.
    func listen(_ index: Int) {
        guard let name = agents[index]?.name else { return }
        askRedis(from: name) { world in
            world.agents[index]?.isListening = true
        } then: { world, answer in
            guard case .done = answer else {
                return world.schedule(after: world.number(50_000...1_000_000), for: name) { $0.listen(index) }
            }
            world.step(agent: index, .connected)
        }
    }

    /// The subscription of an agent is gone.
    func deafen(_ index: Int) {
        guard let agent = agents[index], hosts[.agent(index)]?.isUp == true else { return }
        guard agent.isListening else { return }
        agents[index]?.isListening = false
        schedule(after: hop(), for: agent.name) { world in
            world.step(agent: index, .disconnected)
            world.schedule(after: world.number(50_000...1_000_000), for: agent.name) { $0.listen(index) }
        }
    }

    /// Tells an agent's loop something and carries out what it says.
    func step(agent index: Int, _ input: TaskLoop.Input) {
        guard let name = agents[index]?.name else { return }
        let moment = LoopMoment(
            elapsed: .microseconds(now - (hosts[name.host]?.startedAt ?? 0)), wall: wallTime(name.host))
        for effect in agents[index]?.loop.step(input, now: moment) ?? [] {
            guard let agent = agents[index], agent.name == name else { return }
            carryOut(effect, of: index, agent)
        }
    }

    private func carryOut(_ effect: TaskLoop.Effect, of index: Int, _ agent: AgentProcess) {
        switch effect {
        case .claim(let count): claim(count, of: index, agent)
        case .start(let task): begin(task.envelope, of: index)
        case .report(let orders): report(orders, of: index, agent)
        case .handBack(let entries): giveBack(entries, of: index, agent, keeps: true)
        case .discard(let entries): giveBack(entries, of: index, agent, keeps: false)
        case .signal(let signal): say(signal, agent)
        case .reject(let signal, let entry):
            say(.rejected(signal), agent)
            giveBack([entry], of: index, agent, keeps: false)
        case .stop(let reference, let reason): stop(reference, reason, of: index)
        case .giveUp(let envelope, let reason):
            if let result = result(of: envelope, stopped: reason, by: agent) {
                step(agent: index, .givenUp(envelope.reference, result: result))
            }
        case .grant(let reference): granted(reference, of: index)
        case .leave(let goodbye): leave(goodbye, index)
        case .logLevel, .heard, .warn: break
        }
    }

    private func claim(_ count: Int, of index: Int, _ agent: AgentProcess) {
        read(.tasks(type: agent.type), from: agent.name, patience: 1_000_000) { world -> [ClaimedTask]? in
            let found = world.tasks(count, of: index)
            return found.isEmpty ? nil : found
        } then: { world, answer in
            guard case .done(let found) = answer else { return world.step(agent: index, .claimFailed) }
            // Held from here on: what was delivered in a reply that was lost is read again.
            world.agents[index]?.held.formUnion((found ?? []).map(\.entryID))
            var tasks: [DecodedTask] = []
            for entry in found ?? [] {
                do {
                    let envelope = try TaskEnvelope(decoding: entry.bytes)
                    let answer = world.immediateResult(of: envelope, by: agent)
                    tasks.append(DecodedTask(entry: entry, envelope: envelope, answer: answer))
                } catch {
                    world.complain("envelope", "an agent can't decode what was sent: \(error)")
                }
            }
            world.step(agent: index, .claimed(tasks))
        }
    }

    private func tasks(_ count: Int, of index: Int) -> [ClaimedTask] {
        guard let agent = agents[index] else { return [] }
        var found: [(stream: String, entry: SimulatedStream.Entry)] = []
        if agent.walksTasks {
            let pending = redis.heldTasks(ofType: agent.type, by: agent.id, at: redisTime)
            let lost = pending.filter { !agent.held.contains($0.entry.id) }
            found = Array(lost.prefix(count))
            // What is beyond the slots comes with the next read.
            agents[index]?.walksTasks = lost.count > count
        }
        if found.isEmpty {
            found = redis.readTasks(ofType: agent.type, limit: count, for: agent.id, at: redisTime)
        }
        return found.map { ClaimedTask(stream: $0.stream, entryID: $0.entry.id, bytes: $0.entry.bytes) }
    }

    private func report(_ orders: [ReportOrder], of index: Int, _ agent: AgentProcess) {
        askRedis(from: agent.name, as: .report) { world in
            for order in orders {
                world.redis.addResult(order.bytes, at: world.redisTime)
                if let entry = order.entry { world.redis.removeTask(entry.entryID, from: entry.stream) }
            }
            world.wakeReaders(of: .results)
        } then: { world, answer in
            let references = orders.map(\.reference)
            guard case .done = answer else {
                world.trace("\(agent.name)", "could not report \(references.count) results")
                return world.step(agent: index, .notReported(references))
            }
            world.agents[index]?.held.subtract(orders.compactMap(\.entry?.entryID))
            world.step(agent: index, .reported(references))
        }
    }

    private func giveBack(_ entries: [ClaimedTask], of index: Int, _ agent: AgentProcess, keeps: Bool) {
        agents[index]?.partings += 1
        askRedis(from: agent.name) { world in
            for entry in entries {
                // As the real one does: what was lost meanwhile comes back with it.
                if keeps { _ = world.redis.addTask(entry.bytes, to: entry.stream, at: world.redisTime) }
                world.redis.removeTask(entry.entryID, from: entry.stream)
            }
            if keeps { world.wakeReaders(of: .tasks(type: agent.type)) }
        } then: { world, answer in
            world.agents[index]?.held.subtract(entries.map(\.entryID))
            if case .done = answer {} else { world.agents[index]?.walksTasks = true }
            world.agents[index]?.partings -= 1
            if world.agents[index]?.partings == 0 { world.sayGoodbye(index) }
        }
    }

    private func say(_ signal: AgentSignal, _ agent: AgentProcess) {
        let bytes = signal.encoded()
        askRedis(from: agent.name, as: .signal) { world in
            if case .grantRequest(let request) = signal, let action = agent.actions[request.reference] {
                world.noteGrantRequest(request, of: action.envelope)
            }
            world.redis.addSignal(bytes, at: world.redisTime)
            world.wakeReaders(of: .signals)
        } then: { _, _ in
        }
    }

    private func leave(_ goodbye: GoodbyeSignal, _ index: Int) {
        guard let agent = agents[index] else { return }
        agents[index]?.farewell = goodbye
        guard agent.partings > 0 else { return sayGoodbye(index) }
        // As the real one does: what was taken last is handed back before, but it doesn't wait for ever.
        schedule(after: Self.farewellPatience, for: agent.name) { $0.sayGoodbye(index) }
    }

    private func sayGoodbye(_ index: Int) {
        guard let agent = agents[index], let goodbye = agent.farewell else { return }
        agents[index]?.farewell = nil
        trace("\(agent.name)", "says goodbye, gives up \(goodbye.abandoned.count)")
        let bytes = AgentSignal.goodbye(goodbye).encoded()
        agents[index]?.isListening = false
        askRedis(from: agent.name) { world in
            world.redis.addSignal(bytes, at: world.redisTime)
            world.wakeReaders(of: .signals)
        } then: { world, answer in
            if case .done = answer {} else { world.judge.noteFaulty(index) }
            world.close(.agent(index))
        }
    }
}
