import AgentProtocol
import AgentRuntime
import TaskTransport

/// Redis as processes reach it.
extension World {
    /// What came of a call.
    enum RoadAnswer<Answer> {
        case done(Answer)
        /// It certainly didn't arrive.
        case notSent
        /// It may have arrived.
        case unknown
    }

    /// A read that waits at Redis.
    struct Reader {
        enum Stream: Hashable {
            case results, signals
            case tasks(type: String)
        }

        var stream: Stream
        var process: ProcessName
        var number: Int
        /// Reads and answers; false when nothing is there.
        var serve: (World) -> Bool
        /// The connection is gone, or the group.
        var fail: (World) -> Void
    }

    private func reachesRedis(_ process: ProcessName) -> Bool {
        redis.isUp && hosts[process.host]?.isCutOff == false
    }

    /// Notes that a process talks to Redis: after a loss, over new connections.
    ///
    /// - Returns: whether its connections are new.
    @discardableResult
    private func connect(_ process: ProcessName) -> Bool {
        guard var host = hosts[process.host], host.redisEpoch != redis.epoch || host.isDisconnected else {
            return false
        }
        let isFirst = host.redisEpoch == 0
        host.redisEpoch = redis.epoch
        host.isDisconnected = false
        if !isFirst { host.busEpoch += 1 }
        hosts[process.host] = host
        reconnected(process)
        return true
    }

    private func reconnected(_ process: ProcessName) {
        switch process.host {
        case .orchestrator(let index):
            orchestrators[index]?.walksResults = true
            orchestrators[index]?.walksSignals = true
        case .agent(let index):
            agents[index]?.walksTasks = true
        }
    }

    /// Calls Redis.
    ///
    /// - Parameter call: of which kind the call is, for the scenario's faults.
    func askRedis<Answer>(
        from process: ProcessName, as call: Scenario.Call? = nil, _ work: @escaping (World) -> Answer,
        then: @escaping (World, RoadAnswer<Answer>) -> Void
    ) {
        let fate = call.flatMap { call in isTroubled ? judge.fate(of: call, count(call.rawValue)) : nil }
        schedule(after: hop(), for: process) { world in
            guard world.reachesRedis(process) else {
                world.hosts[process.host]?.isDisconnected = true
                let isCutOff = world.hosts[process.host]?.isCutOff == true
                let delay = world.number(isCutOff ? 500_000...3_000_000 : 1000...500_000)
                return world.schedule(after: delay, for: process) { then($0, .notSent) }
            }
            world.connect(process)
            if let fate {
                if fate == .unknown { _ = work(world) }
                world.trace("\(process)", "\(call?.rawValue ?? "call") \(fate.rawValue)")
                world.hosts[process.host]?.isDisconnected = true
                return world.schedule(after: world.hop(), for: process) { then($0, .unknown) }
            }
            let epoch = world.redis.epoch
            let answer = work(world)
            world.schedule(after: world.hop(), for: process) { world in
                // Data may be lost at any time; the connection is lost with the server.
                let isWell = world.reachesRedis(process) && (world.redis.epoch == epoch || call == nil)
                if !isWell { world.hosts[process.host]?.isDisconnected = true }
                then(world, isWell ? .done(answer) : .unknown)
            }
        }
    }

    /// Reads, and waits a while for something to come.
    ///
    /// - Parameters:
    ///   - read: what is there now; nil for nothing.
    ///   - patience: in microseconds.
    func read<Answer>(
        _ stream: Reader.Stream, from process: ProcessName, patience: Int64,
        _ read: @escaping (World) -> Answer?, then: @escaping (World, RoadAnswer<Answer?>) -> Void
    ) {
        schedule(after: hop(), for: process) { world in
            guard world.reachesRedis(process) else {
                world.hosts[process.host]?.isDisconnected = true
                return world.schedule(after: world.number(1000...1_000_000), for: process) { then($0, .notSent) }
            }
            world.connect(process)
            if let answer = read(world) {
                return world.deliver(answer, to: process, then)
            }
            let number = world.count("readers")
            world.readers.append(
                Reader(
                    stream: stream, process: process, number: number,
                    serve: { world in
                        guard let answer = read(world) else { return false }
                        world.deliver(answer, to: process, then)
                        return true
                    },
                    fail: { world in world.schedule(after: world.hop(), for: process) { then($0, .unknown) } }))
            world.schedule(after: patience) { world in
                guard let place = world.readers.firstIndex(where: { $0.number == number }) else { return }
                world.readers.remove(at: place)
                world.schedule(after: world.hop(), for: process) { then($0, .done(nil)) }
            }
        }
    }

    private func deliver<Answer>(
        _ answer: Answer, to process: ProcessName, _ then: @escaping (World, RoadAnswer<Answer?>) -> Void
    ) {
        let epoch = redis.epoch
        schedule(after: hop(), for: process) { world in
            let isWell = world.reachesRedis(process) && world.redis.epoch == epoch
            if !isWell { world.hosts[process.host]?.isDisconnected = true }
            then(world, isWell ? .done(answer) : .unknown)
        }
    }

    /// Something came on a stream: whoever waited longest gets it.
    func wakeReaders(of stream: Reader.Stream) {
        var place = 0
        while place < readers.count {
            let reader = readers[place]
            let isCutOff = hosts[reader.process.host]?.isCutOff == true
            guard reader.stream == stream, !isCutOff else {
                place += 1
                continue
            }
            readers.remove(at: place)
            if !reader.serve(self) {
                readers.insert(reader, at: place)
                return
            }
        }
    }

    /// Reads that wait end in failure: of one process, or of all.
    func failReaders(of host: Scenario.Host? = nil) {
        let failed = readers.filter { host == nil || $0.process.host == host }
        readers.removeAll { host == nil || $0.process.host == host }
        for reader in failed {
            hosts[reader.process.host]?.isDisconnected = true
            reader.fail(self)
        }
    }

    /// Forgets reads of a process that is gone.
    func dropReaders(of host: Scenario.Host) { readers.removeAll { $0.process.host == host } }

    /// Tells all agents of a type that listen.
    func publish(_ messages: [(agentType: String, message: ControlMessage)]) {
        for (agentType, message) in messages {
            for (index, agent) in agents.sorted(by: { $0.key < $1.key })
            where agent.type == agentType && agent.isListening && hosts[.agent(index)]?.isCutOff == false {
                let name = agent.name
                schedule(after: hop(), for: name) { world in
                    guard world.agents[index]?.isListening == true else { return }
                    world.step(agent: index, .control(message))
                }
            }
        }
    }
}
