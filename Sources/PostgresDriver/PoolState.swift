/// What a pool of connections decides, as a value: no clock, no connection, no task in it.
///
/// Events are methods; each answers with what the shell (``PostgresPool``) is to do, in this order. Times are nanoseconds of
/// a monotonic clock. The division into state machine and shell is that of postgres-nio's ConnectionPoolModule; ours is
/// smaller, because a connection here serves one lease at a time and idle ones are kept for good.
struct PoolState {
    typealias Instant = UInt64
    typealias RequestID = UInt64
    typealias ConnectionID = UInt64

    struct Limits: Sendable {
        /// Connections at most, those being made included.
        var maxConnections: Int
        /// Callers that may wait at most.
        var maxWaiting: Int
        /// The longest pause before the second attempt to connect; doubled with each failure.
        var firstBackoff: UInt64
        /// The longest pause between attempts.
        var maxBackoff: UInt64
    }

    /// Why a caller gets no connection.
    enum Refusal: Hashable {
        case deadline, cancelled, tooManyWaiting, closed
        /// An attempt to connect failed for a reason that waiting does not mend (password, database name).
        case hopeless
    }

    enum Action: Hashable {
        case lease(RequestID, ConnectionID)
        case refuse(RequestID, Refusal)
        case connect(ConnectionID, afterNanoseconds: UInt64)
        /// Close it, or give up making it.
        case close(ConnectionID)
        /// Call ``PoolState/wake(now:)`` then.
        case wake(at: Instant)
    }

    private enum Phase {
        /// Being made, perhaps after a pause. Becomes idle, leased, or is forgotten.
        case connecting
        /// Nobody uses it. Becomes leased, or is forgotten.
        case idle
        /// A caller uses it. Becomes idle, leased to the next, or is forgotten.
        case leased
    }

    private struct Waiter {
        var id: RequestID
        var deadline: Instant
    }

    private let limits: Limits
    private var connections: [ConnectionID: Phase] = [:]
    /// The last one was used last and is taken first, so that its caches are warm.
    private var idle: [ConnectionID] = []
    private var connectingCount = 0
    /// In the order in which they are served.
    private var waiting: [Waiter] = []
    private var lastConnection: ConnectionID = 0
    /// Attempts that failed since the last that succeeded.
    private(set) var failures = 0
    private var armed: Instant?
    private(set) var isClosed = false

    init(limits: Limits) {
        self.limits = limits
    }

    var connectionCount: Int { connections.count }
    var idleCount: Int { idle.count }
    var waitingCount: Int { waiting.count }

    /// Takes an idle connection for a caller, if there is one and nobody waits for it.
    mutating func takeIdle() -> ConnectionID? {
        guard !isClosed, waiting.isEmpty, let id = idle.popLast() else { return nil }
        connections[id] = .leased
        return id
    }

    /// A caller wants a connection.
    mutating func acquire(_ request: RequestID, deadline: Instant, now: Instant) -> [Action] {
        if isClosed { return [.refuse(request, .closed)] }
        if let id = takeIdle() { return [.lease(request, id)] }
        if deadline <= now { return [.refuse(request, .deadline)] }
        if waiting.count >= limits.maxWaiting { return [.refuse(request, .tooManyWaiting)] }
        waiting.append(Waiter(id: request, deadline: deadline))
        var actions = connectAsNeeded()
        if deadline < armed ?? .max {
            armed = deadline
            actions.append(.wake(at: deadline))
        }
        return actions
    }

    /// A caller was cancelled. One that no longer waits is none of our business.
    mutating func cancel(_ request: RequestID) -> [Action] {
        guard let index = waiting.firstIndex(where: { $0.id == request }) else { return [] }
        waiting.remove(at: index)
        return [.refuse(request, .cancelled)]
    }

    /// The time of a `wake` has come.
    mutating func wake(now: Instant) -> [Action] {
        var actions: [Action] = []
        armed = nil
        waiting.removeAll { waiter in
            guard waiter.deadline <= now else { return false }
            actions.append(.refuse(waiter.id, .deadline))
            return true
        }
        if let next = waiting.lazy.map(\.deadline).min() {
            armed = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// A connection was made.
    mutating func connected(_ id: ConnectionID) -> [Action] {
        guard case .connecting? = connections[id] else { return [.close(id)] }
        connectingCount -= 1
        failures = 0
        return serve(id) + connectAsNeeded()
    }

    /// A connection could not be made.
    ///
    /// - Parameters:
    ///   - isHopeless: those who wait are told at once.
    ///   - jitter: 0 to 1; what part of the pause's second half is waited.
    mutating func connectFailed(_ id: ConnectionID, isHopeless: Bool, jitter: Double) -> [Action] {
        // Unknown: it was given up, when the pool was closed.
        guard case .connecting? = connections.removeValue(forKey: id) else { return [] }
        connectingCount -= 1
        failures += 1
        var actions: [Action] = []
        if isHopeless {
            actions = waiting.map { .refuse($0.id, .hopeless) }
            waiting = []
        }
        // One attempt at a time, also while nobody waits: so the pool's health is that of the database.
        if connectingCount == 0 { actions.append(connect(after: pause(jitter: jitter))) }
        return actions
    }

    /// A caller is done with its connection.
    ///
    /// - Parameter isReusable: its session is idle and nothing is on its way; otherwise it is closed.
    mutating func release(_ id: ConnectionID, isReusable: Bool) -> [Action] {
        guard case .leased? = connections[id] else { return [] }
        guard isReusable, !isClosed else {
            connections[id] = nil
            return [.close(id)] + connectAsNeeded()
        }
        return serve(id)
    }

    /// A connection broke.
    mutating func ended(_ id: ConnectionID) -> [Action] {
        // A leased one is forgotten when its caller is done; one that is unknown was closed by us.
        guard case .idle? = connections[id] else { return [] }
        connections[id] = nil
        idle.removeAll { $0 == id }
        // If it was the last, the database may be gone: find out before a caller does.
        let probe = connections.isEmpty && !isClosed ? [connect(after: 0)] : []
        return [.close(id)] + probe
    }

    /// Ends the pool: nobody gets a connection any more.
    mutating func close() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        var actions: [Action] = waiting.map { .refuse($0.id, .closed) }
        waiting = []
        idle = []
        connectingCount = 0
        actions += connections.keys.sorted().map { .close($0) }
        connections = [:]
        return actions
    }

    private mutating func serve(_ id: ConnectionID) -> [Action] {
        guard !waiting.isEmpty else {
            connections[id] = .idle
            idle.append(id)
            return []
        }
        connections[id] = .leased
        return [.lease(waiting.removeFirst().id, id)]
    }

    /// As many new connections as callers wait without one coming, or one attempt while the database does not answer.
    private mutating func connectAsNeeded() -> [Action] {
        guard !isClosed else { return [] }
        var actions: [Action] = []
        let wanted = failures > 0 ? min(1, waiting.count) : waiting.count
        while connectingCount < wanted, connections.count < limits.maxConnections {
            actions.append(connect(after: 0))
        }
        return actions
    }

    private mutating func connect(after pause: UInt64) -> Action {
        lastConnection += 1
        connections[lastConnection] = .connecting
        connectingCount += 1
        return .connect(lastConnection, afterNanoseconds: pause)
    }

    private func pause(jitter: Double) -> UInt64 {
        let doubled = limits.firstBackoff.multipliedReportingOverflow(by: 1 << UInt64(min(failures - 1, 40)))
        let longest = doubled.overflow ? limits.maxBackoff : min(doubled.partialValue, limits.maxBackoff)
        return longest / 2 + UInt64(Double(longest / 2) * min(max(jitter, 0), 1))
    }
}
