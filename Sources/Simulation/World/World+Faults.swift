import AgentRuntime
import WorkflowStorage

/// The start of a world, what goes wrong in it, and the end of that.
extension World {
    /// Plans all that the scenario says.
    func start() {
        for (index, orchestrator) in scenario.orchestrators.enumerated() {
            hosts[.orchestrator(index)] = HostState(skew: orchestrator.skew * 1000)
            schedule(after: number(0...200_000)) { $0.startOrchestrator(index) }
        }
        for (index, agent) in scenario.agents.enumerated() {
            hosts[.agent(index)] = HostState(skew: agent.skew * 1000)
            schedule(after: agent.startsAt * 1000 + number(0...200_000)) { $0.startAgent(index) }
        }
        for fault in scenario.faults { plan(fault) }
        startClients()
        watchOver()
    }

    /// Begins a process's life.
    func open(_ host: Scenario.Host) -> ProcessName {
        var state = hosts[host] ?? HostState()
        state.life += 1
        state.isUp = true
        state.stalledUntil = 0
        state.startedAt = now
        state.busEpoch = 1
        state.redisEpoch = 0
        state.isDisconnected = false
        hosts[host] = state
        return ProcessName(host: host, life: state.life)
    }

    /// A process has ended in good order; another one starts.
    func close(_ host: Scenario.Host) {
        end(host)
        schedule(after: number(100_000...3_000_000)) { $0.restart(host) }
    }

    private func end(_ host: Scenario.Host) {
        hosts[host]?.isUp = false
        dropReaders(of: host)
        switch host {
        case .orchestrator(let index):
            if let session = orchestrators[index]?.session {
                commitsInFlight[session] = nil
                record.abandon(session: session)
                releaseWaiters()
            }
            orchestrators[index] = nil
        case .agent(let index): agents[index] = nil
        }
    }

    private func restart(_ host: Scenario.Host) {
        guard hosts[host]?.isUp == false else { return }
        switch host {
        case .orchestrator(let index): startOrchestrator(index)
        case .agent(let index): startAgent(index)
        }
    }

    /// SIGKILL. What was on its way may still arrive.
    func crash(_ host: Scenario.Host, for milliseconds: Int64) {
        guard hosts[host]?.isUp == true else { return }
        if case .orchestrator(let index) = host, let session = orchestrators[index]?.session,
            let commit = commitsInFlight[session], chance(0.5)
        {
            trace("\(host)", "dies with a commit on its way that arrives")
            commit(self)
        }
        if case .agent(let index) = host { judge.noteFaulty(index) }
        end(host)
        schedule(after: milliseconds * 1000) { $0.restart(host) }
    }

    private func plan(_ fault: Scenario.Fault) {
        func at(_ milliseconds: Int64, _ body: @escaping (World) -> Void) {
            schedule(after: milliseconds * 1000) { world in
                guard world.isTroubled else { return }
                world.trace("*", "\(fault)")
                world.judge.noteTrouble(at: world.now)
                body(world)
            }
        }
        switch fault {
        case .redisDown(let time, let span):
            at(time) { world in
                world.stopRedis()
                world.schedule(after: span * 1000) { if !$0.redis.isUp { $0.redis.comeUp() } }
            }
        case .redisFlush(let time): at(time) { $0.flushRedis() }
        case .redisFallback(let time, let lag):
            schedule(after: max(0, time - lag) * 1000) { world in
                let replica = world.redis
                world.schedule(after: lag * 1000) { world in
                    guard world.isTroubled else { return }
                    world.trace("*", "\(fault)")
                    world.judge.noteTrouble(at: world.now)
                    world.fallBack(to: replica)
                }
            }
        case .recordDown(let time, let span):
            at(time) { world in
                world.stopRecord()
                world.schedule(after: span * 1000) { $0.isRecordUp = true }
            }
        case .recordSlow(let time, let span):
            at(time) { world in world.recordSlowUntil = max(world.recordSlowUntil, world.now + span * 1000) }
        case .crash(let host, let time, let span): at(time) { $0.crash(host, for: span) }
        case .stall(let host, let time, let span):
            at(time) { world in
                world.noteFaulty(host, span)
                world.hosts[host]?.stalledUntil = world.now + span * 1000
            }
        case .cutOff(let host, let time, let span):
            at(time) { world in
                world.noteFaulty(host, span)
                world.cutOff(host, for: span)
            }
        case .terminate(let host, let time, _):
            at(time) { world in
                guard world.hosts[host]?.isUp == true else { return }
                switch host {
                case .orchestrator(let index): world.drainOrchestrator(index)
                case .agent(let index): world.step(agent: index, .terminate)
                }
            }
        case .crashAtEffect, .commit, .call: break  // Looked up when their turn comes.
        }
    }

    /// An agent that is silent for seconds may lose what it runs.
    private func noteFaulty(_ host: Scenario.Host, _ milliseconds: Int64) {
        if case .agent(let index) = host, milliseconds >= 3000 { judge.noteFaulty(index) }
    }

    private func stopRedis() {
        redis.goDown()
        failReaders()
        for index in agents.keys.sorted() { deafen(index) }
    }

    private func flushRedis() {
        redis.loseEverything()
        // Reads that wait end, for the groups are gone; subscriptions stay.
        failReaders()
    }

    /// Redis is another one: connections are gone, and what was done last.
    private func fallBack(to replica: SimulatedRedis) {
        redis.fallBack(to: replica)
        judge.noteFallback()
        failReaders()
        for index in agents.keys.sorted() { deafen(index) }
    }

    private func cutOff(_ host: Scenario.Host, for milliseconds: Int64) {
        hosts[host]?.isCutOff = true
        hosts[host]?.isDisconnected = true
        failReaders(of: host)
        if case .agent(let index) = host { deafen(index) }
        schedule(after: milliseconds * 1000) { world in
            world.hosts[host]?.isCutOff = false
            world.hosts[host]?.isDisconnected = true
        }
    }

    /// From here on nothing goes wrong any more.
    func endTrouble() {
        trace("*", "the trouble is over")
        isTroubled = false
        judge.noteTrouble(at: now)
        if !redis.isUp { redis.comeUp() }
        isRecordUp = true
        recordSlowUntil = 0
        for host in hosts.keys.sorted(by: { "\($0)" < "\($1)" }) {
            if hosts[host]?.isCutOff == true { hosts[host]?.isDisconnected = true }
            hosts[host]?.isCutOff = false
            hosts[host]?.stalledUntil = 0
            restart(host)
        }
        helpWorkflows()
    }
}
