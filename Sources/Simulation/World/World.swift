import JSONTools
import WorkflowCore
package import WorkflowStorage

/// A whole world in one thread: a record, a Redis, orchestrators and agents made of the values that decide in the real
/// ones, clients, and what goes wrong. Time is virtual; everything that is drawn comes from the scenario's seed.
package final class World {
    /// What happens at some time: to nobody in particular, or to a process, unless that has ended by then.
    enum Event {
        case plain((World) -> Void)
        case to(ProcessName, (World) -> Void)
    }

    /// One life of a process on a host.
    struct ProcessName: Hashable {
        var host: Scenario.Host
        var life: Int
    }

    /// A host: at most one process at a time.
    struct HostState {
        var life = 0
        var isUp = false
        var stalledUntil: Int64 = 0
        var isCutOff = false
        /// Wall clock less true time, in microseconds.
        var skew: Int64 = 0
        /// When the process started, in microseconds.
        var startedAt: Int64 = 0
        /// The bus's epoch, as this process sees it.
        var busEpoch: UInt64 = 1
        /// The epoch of Redis that its connections belong to.
        var redisEpoch: UInt64 = 0
        /// Whether its connections were lost though Redis is well.
        var isDisconnected = false
    }

    package let scenario: Scenario
    /// Microseconds since the start of the run.
    private(set) var now: Int64 = 0
    private var queue = EventQueue<Event>()
    var random: EntropySource
    var hosts: [Scenario.Host: HostState] = [:]
    package internal(set) var record = InMemoryRecord()
    var redis = SimulatedRedis()
    var isRecordUp = true
    /// Requests to the record take long until then.
    var recordSlowUntil: Int64 = 0
    /// Rises each time the record goes down: sessions of before are no more.
    var recordEpoch = 0
    var sessionCount = 0
    /// What is on its way to the record and may arrive though its sender dies now, by session.
    var commitsInFlight: [Int: (World) -> Void] = [:]
    var lockWaiters: [(World) -> Bool] = []
    var readers: [Reader] = []
    var orchestrators: [Int: OrchestratorProcess] = [:]
    var agents: [Int: AgentProcess] = [:]
    var clients = ClientDesk()
    var counts: [String: Int] = [:]
    var isTroubled = true
    var judge: Judge
    /// What was found wrong, in the order in which it was found.
    package internal(set) var violations: [String] = []
    package private(set) var lines: [String] = []
    private let isTraced: Bool
    package private(set) var eventCount = 0

    /// The start of virtual time: 2026-01-01T00:00:00Z.
    static let origin = Timestamp(milliseconds: 1_767_225_600_000)
    /// For how long after the trouble a world may take to come to rest, in microseconds.
    static let restLimit: Int64 = 3_600_000_000

    /// A world before its start.
    ///
    /// - Parameter isTraced: whether to keep a line for whatever happens.
    package init(_ scenario: Scenario, isTraced: Bool = false) {
        self.scenario = scenario
        self.isTraced = isTraced
        random = EntropySource(seed: scenario.seed &* 0xD134_2543_DE82_EF95 &+ 7)
        judge = Judge(scenario)
        for definition in SimulatedDefinitions.all { record.store(definition, source: "", at: Self.origin) }
    }

    /// Database time.
    var databaseTime: Timestamp { Timestamp(microseconds: Self.origin.microseconds + now) }

    /// Redis' clock, in milliseconds: nobody promised that it goes with the database's.
    var redisTime: Int64 { Self.origin.milliseconds + 90_000 + now / 1000 }

    /// What the wall clock of a host shows.
    func wallTime(_ host: Scenario.Host) -> Timestamp {
        Timestamp(microseconds: Self.origin.microseconds + now + (hosts[host]?.skew ?? 0))
    }

    // MARK: Time

    /// Plans something.
    ///
    /// - Parameter delay: in microseconds.
    func schedule(after delay: Int64, _ body: @escaping (World) -> Void) {
        queue.add(.plain(body), at: now + max(0, delay))
    }

    /// Plans something that happens to a process, if it still lives then and as soon as it isn't stopped.
    func schedule(after delay: Int64, for process: ProcessName, _ body: @escaping (World) -> Void) {
        queue.add(.to(process, body), at: now + max(0, delay))
    }

    /// Runs until nothing is left to do, or for too long.
    package func run() {
        start()
        let end = Scenario.troubleMilliseconds * 1000
        var isOver = false
        while let (at, event) = queue.next() {
            if !isOver, at >= end {
                isOver = true
                now = end
                endTrouble()
            }
            now = at
            eventCount += 1
            carryOut(event)
            if !violations.isEmpty { break }
            if isOver, now > end + Self.restLimit || judge.hasComeToRest { break }
        }
        judgeHistory()
    }

    private func carryOut(_ event: Event) {
        switch event {
        case .plain(let body):
            body(self)
        case .to(let process, let body):
            guard let host = hosts[process.host], host.isUp, host.life == process.life else { return }
            if host.stalledUntil > now {
                queue.add(event, at: host.stalledUntil)
            } else {
                body(self)
            }
        }
    }

    // MARK: Telling

    /// Keeps a line, if lines are kept.
    func trace(_ who: @autoclosure () -> String, _ text: @autoclosure () -> String) {
        guard isTraced else { return }
        lines.append("\(seconds(now / 1000)) \(who()) \(text())")
    }

    /// Notes that something is wrong.
    func complain(_ rule: String, _ text: String) {
        let line = "[\(rule)] at \(seconds(now / 1000)): \(text)"
        if !violations.contains(line) { violations.append(line) }
        trace("!", line)
    }

    /// Counts calls of a kind, from 1.
    func count(_ name: String) -> Int {
        counts[name, default: 0] += 1
        return counts[name, default: 0]
    }

    // MARK: Drawing

    func chance(_ share: Double) -> Bool { random.nextUnit() < share }

    func number(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

    /// How long a message takes, in microseconds: sometimes much longer than usual, so that messages overtake.
    func hop() -> Int64 {
        chance(0.02) ? number(2000...80_000) : number(50...600)
    }
}

extension World.ProcessName: CustomStringConvertible {
    var description: String { "\(host)" }
}
