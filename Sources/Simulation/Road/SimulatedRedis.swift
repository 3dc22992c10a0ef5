import AgentProtocol
import TaskTransport

/// Redis as a value: streams of tasks, results and signals. Who listens on channels is the world's to know.
struct SimulatedRedis: Sendable {
    let names = ChannelNames()
    private(set) var tasks: [String: SimulatedStream] = [:]
    var results = SimulatedStream()
    var signals = SimulatedStream()
    /// Rises each time it comes back or loses its data: connections of before are no more.
    private(set) var epoch: UInt64 = 1
    private(set) var isUp = true
    private var count = 0

    mutating func goDown() { isUp = false }

    mutating func comeUp() {
        isUp = true
        epoch += 1
    }

    mutating func loseEverything() {
        tasks = [:]
        results = SimulatedStream()
        signals = SimulatedStream()
        epoch += 1
    }

    /// A replica that lags behind takes over: it knows nothing of what was done since, neither of what came nor of what
    /// went.
    mutating func fallBack(to replica: SimulatedRedis) {
        tasks = replica.tasks
        results = replica.results
        signals = replica.signals
        epoch += 1
    }

    mutating func addResult(_ bytes: [UInt8], at now: Int64) {
        results.add(entry(bytes, at: now))
    }

    mutating func addSignal(_ bytes: [UInt8], at now: Int64) {
        signals.add(entry(bytes, at: now))
    }

    /// - Returns: the entry's id.
    mutating func addTask(_ bytes: [UInt8], to stream: String, at now: Int64) -> String {
        let entry = entry(bytes, at: now)
        tasks[stream, default: SimulatedStream()].add(entry)
        return entry.id
    }

    mutating func removeTask(_ id: String, from stream: String) {
        tasks[stream]?.remove([id])
    }

    private mutating func entry(_ bytes: [UInt8], at now: Int64) -> SimulatedStream.Entry {
        count += 1
        return SimulatedStream.Entry(number: count, milliseconds: now, bytes: bytes)
    }

    /// Delivers tasks of a type, lane by lane, the most urgent first.
    mutating func readTasks(
        ofType type: String, limit: Int, for consumer: String, at now: Int64
    ) -> [(stream: String, entry: SimulatedStream.Entry)] {
        var found: [(stream: String, entry: SimulatedStream.Entry)] = []
        for name in names.taskStreams(type) {
            guard found.count < limit, tasks[name] != nil else { continue }
            let entries = tasks[name]?.read(limit: limit - found.count, for: consumer, at: now) ?? []
            found += entries.map { (name, $0) }
        }
        return found
    }

    /// Delivers again what is pending with an agent.
    mutating func heldTasks(
        ofType type: String, by consumer: String, at now: Int64
    ) -> [(stream: String, entry: SimulatedStream.Entry)] {
        var found: [(stream: String, entry: SimulatedStream.Entry)] = []
        for name in names.taskStreams(type) where tasks[name] != nil {
            found += (tasks[name]?.held(by: consumer, at: now) ?? []).map { (name, $0) }
        }
        return found
    }

    func hasUnreadTasks(ofType type: String) -> Bool {
        names.taskStreams(type).contains { tasks[$0]?.oldestUnread != nil }
    }

    /// Ages of the oldest result on its stream and of the oldest signal that is pending, of those within a time.
    func unfinished(within milliseconds: Int, at now: Int64) -> UnfinishedMessages {
        func oldest(_ entries: some Sequence<SimulatedStream.Entry>) -> Int? {
            entries.map { max(0, Int(now - $0.milliseconds)) }.filter { $0 <= milliseconds }.max()
        }
        return UnfinishedMessages(
            resultMilliseconds: oldest(results.entries),
            signalMilliseconds: oldest(signals.entries.filter { signals.pending[$0.number] != nil }))
    }

    /// Age of the oldest unread signal, in milliseconds.
    func signalLag(at now: Int64) -> Int {
        signals.oldestUnread.map { max(0, Int(now - $0.milliseconds)) } ?? 0
    }
}
