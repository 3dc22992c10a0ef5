import BlockingIO
import Synchronization

/// A bounded number of connections, made when first needed and made anew when they broke.
///
/// A connection that comes back with a transaction open or a call on its way is closed, never handed to the next caller.
/// Changes of the session's settings, on the other hand, stay with the connection.
public final class PostgresPool: Sendable {
    /// How many, and how long to wait. Every limit is at least 1.
    public struct Limits: Sendable {
        /// Connections at most.
        public var maxConnections = 8
        /// Callers that may wait for one at most; the next gets an error at once.
        public var maxWaiting = 10_000
        /// How long a caller waits for a connection.
        public var acquireTimeout: Swift.Duration = .seconds(5)
        /// The longest pause before the second attempt to connect; doubled with each further failure. The actual pause is a
        /// random part, half or more, of it.
        public var firstBackoff: Swift.Duration = .milliseconds(100)
        /// The longest pause between attempts.
        public var maxBackoff: Swift.Duration = .seconds(5)

        /// Takes the defaults.
        public init() {}
    }

    /// What is known about the database.
    public enum Health: Sendable, Hashable {
        /// Nobody has asked for a connection yet.
        case unused
        /// The last attempt to connect succeeded.
        case available
        /// The last attempts to connect failed, the last one with this error. The pool keeps trying.
        case unavailable(PostgresError)
        /// The pool was closed.
        case closed
    }

    private typealias Lease = Swift.Result<(id: PoolState.ConnectionID, connection: PostgresConnection), PostgresError>

    private struct State {
        var machine: PoolState
        var connections: [PoolState.ConnectionID: PostgresConnection] = [:]
        var attempts: [PoolState.ConnectionID: Task<Void, Never>] = [:]
        var callers: [PoolState.RequestID: CheckedContinuation<Lease, Never>] = [:]
        var lastError: PostgresError?
        var wasAvailable = false
        var timer: Task<Void, Never>?
    }

    /// What is to be done once the lock is released.
    private enum Deed {
        case resume(CheckedContinuation<Lease, Never>, Lease)
        case close(PostgresConnection)
        case giveUp(Task<Void, Never>)
    }

    private let configuration: PostgresConfiguration
    private let limits: Limits
    private let state: Mutex<State>
    private let lastRequest = Atomic<UInt64>(0)

    /// Makes a pool. It connects when a connection is first asked for.
    public init(_ configuration: PostgresConfiguration, limits: Limits = Limits()) {
        self.configuration = configuration
        self.limits = limits
        state = Mutex(
            State(
                machine: PoolState(
                    limits: PoolState.Limits(
                        maxConnections: max(1, limits.maxConnections), maxWaiting: max(1, limits.maxWaiting),
                        firstBackoff: max(1, limits.firstBackoff.wholeNanoseconds),
                        maxBackoff: max(1, limits.maxBackoff.wholeNanoseconds)))))
    }

    deinit {
        state.withLock { state in
            state.timer?.cancel()
            for attempt in state.attempts.values { attempt.cancel() }
        }
    }

    /// What is known about the database.
    public var health: Health {
        state.withLock { state in
            if state.machine.isClosed { return .closed }
            if state.machine.failures > 0, let error = state.lastError { return .unavailable(error) }
            return state.wasAvailable ? .available : .unused
        }
    }

    /// Lends a connection.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for it, unless as configured.
    ///   - body: uses the connection and must not keep it. If it throws with a transaction open, that is rolled back.
    /// - Throws: what `body` throws; ``PostgresError`` with `poolDeadline`, `poolFull`, `poolClosed`, `cancelled`, or
    ///   `connectFailed` (at once where waiting is of no use, such as a wrong password), all with the outcome `notSent`.
    public func withConnection<Value>(
        timeout: Swift.Duration? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let (id, connection) = try await acquire(timeout: timeout).get()
        do {
            let value = try await body(connection)
            release(id, connection)
            return value
        } catch {
            await releaseAfterFailure(id, connection)
            throw error
        }
    }

    /// Lends a connection within a transaction, which is committed at the end, or rolled back if `body` throws.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for a connection, unless as configured.
    ///   - body: uses the connection, and must not commit or roll back.
    /// - Throws: what `body` throws, after which nothing of the transaction has happened (so a lost connection has the
    ///   outcome `failed`); what COMMIT throws, with its outcome; and as ``withConnection(timeout:isolation:_:)``.
    public func withTransaction<Value>(
        timeout: Swift.Duration? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await withConnection(timeout: timeout) { connection in
            _ = try await connection.query("BEGIN")
            let value: Value
            do {
                value = try await body(connection)
                if Task.isCancelled { throw PostgresError.cancelledBeforeSending }
            } catch {
                // The connection's release rolls back.
                guard var error = error as? PostgresError, error.outcome == .unknown else { throw error }
                error.outcome = .failed
                throw error
            }
            // Cancelling a COMMIT would only make its outcome harder to know.
            _ = try await connection.perform(.pipeline([PostgresStatement("COMMIT")]), isCancellable: false)
            return value
        }
    }

    /// Runs one statement on any connection; see ``PostgresConnection/query(_:_:)``.
    public func query(
        _ sql: SQLText, _ parameters: [PostgresParameter] = []
    ) async throws(PostgresError) -> PostgresRows {
        let (id, connection) = try await acquire(timeout: nil).get()
        do {
            let rows = try await connection.query(sql, parameters)
            release(id, connection)
            return rows
        } catch {
            await releaseAfterFailure(id, connection)
            throw error
        }
    }

    /// Runs statements in one round trip on any connection; see ``PostgresConnection/pipeline(_:)``.
    public func pipeline(_ statements: [PostgresStatement]) async throws(PostgresError) -> [PostgresRows] {
        let (id, connection) = try await acquire(timeout: nil).get()
        do {
            let results = try await connection.pipeline(statements)
            release(id, connection)
            return results
        } catch {
            await releaseAfterFailure(id, connection)
            throw error
        }
    }

    /// Refuses all further callers and those who wait, and closes the connections: what they have sent may finish within the
    /// configured grace.
    public func close() async {
        let connections = state.withLock { state in
            state.timer?.cancel()
            return Array(state.connections.values)
        }
        mutate(closing: .gracefully) { $0.machine.close() }
        await withTaskGroup { group in
            for connection in connections { group.addTask { await connection.close() } }
        }
    }

    // MARK: Callers

    private func acquire(timeout: Swift.Duration?) async -> Lease {
        if let lease = takeIdle() { return .success(lease) }
        let request = lastRequest.add(1, ordering: .relaxed).newValue
        let now = MonotonicClock.nanoseconds()
        let deadline = now + (timeout ?? limits.acquireTimeout).wholeNanoseconds
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mutate { state in
                    state.callers[request] = continuation
                    return state.machine.acquire(request, deadline: deadline, now: now)
                }
                // A cancellation before this found nobody to cancel.
                if Task.isCancelled { mutate { $0.machine.cancel(request) } }
            }
        } onCancel: {
            mutate { $0.machine.cancel(request) }
        }
    }

    private func takeIdle() -> (id: PoolState.ConnectionID, connection: PostgresConnection)? {
        state.withLock { state in
            while let id = state.machine.takeIdle() {
                if let connection = state.connections[id], connection.isOpen { return (id, connection) }
                // It broke a moment ago; there is nothing left to close.
                state.connections[id] = nil
                _ = state.machine.release(id, isReusable: false)
            }
            return nil
        }
    }

    /// Rolls back what is open, which spares a new connection. If that fails, the session isn't idle and the connection goes.
    private func releaseAfterFailure(_ id: PoolState.ConnectionID, _ connection: PostgresConnection) async {
        try? await connection.rollBack()
        release(id, connection)
    }

    private func release(_ id: PoolState.ConnectionID, _ connection: PostgresConnection) {
        mutate { $0.machine.release(id, isReusable: connection.isReusable) }
    }

    // MARK: Carrying out what the machine decided

    /// Decides under the lock and acts after it.
    private func mutate(
        closing: ConnectionControl.Closing = .immediately, _ event: (inout State) -> [PoolState.Action]
    ) {
        let deeds = state.withLock { state in
            event(&state).compactMap { deed(for: $0, &state) }
        }
        for deed in deeds {
            switch deed {
            case .resume(let caller, let lease): caller.resume(returning: lease)
            case .close(let connection): connection.beginClosing(closing)
            case .giveUp(let attempt): attempt.cancel()
            }
        }
    }

    private func deed(for action: PoolState.Action, _ state: inout State) -> Deed? {
        switch action {
        case .lease(let request, let id):
            guard let caller = state.callers.removeValue(forKey: request), let connection = state.connections[id] else {
                preconditionFailure("The pool leased what does not exist.")
            }
            return .resume(caller, .success((id, connection)))
        case .refuse(let request, let refusal):
            guard let caller = state.callers.removeValue(forKey: request) else { return nil }
            return .resume(caller, .failure(error(for: refusal, lastError: state.lastError)))
        case .connect(let id, let pause):
            state.attempts[id] = attempt(id, after: pause)
            return nil
        case .close(let id):
            if let attempt = state.attempts.removeValue(forKey: id) { return .giveUp(attempt) }
            return state.connections.removeValue(forKey: id).map { .close($0) }
        case .wake(let instant):
            state.timer?.cancel()
            state.timer = timer(at: instant)
            return nil
        }
    }

    private func timer(at instant: UInt64) -> Task<Void, Never> {
        Task { [weak self] in
            let now = MonotonicClock.nanoseconds()
            if instant > now, (try? await Task.sleep(nanoseconds: instant - now)) == nil { return }
            self?.mutate { $0.machine.wake(now: MonotonicClock.nanoseconds()) }
        }
    }

    private func attempt(_ id: PoolState.ConnectionID, after pause: UInt64) -> Task<Void, Never> {
        Task { [weak self, configuration] in
            if pause > 0 { try? await Task.sleep(nanoseconds: pause) }
            do throws(PostgresError) {
                let connection = try await PostgresConnection.connect(configuration)
                guard let self else { return connection.beginClosing(.immediately) }
                self.connected(id, connection)
            } catch {
                self?.connectFailed(id, error)
            }
        }
    }

    private func connected(_ id: PoolState.ConnectionID, _ connection: PostgresConnection) {
        mutate { state in
            state.attempts[id] = nil
            state.connections[id] = connection
            state.wasAvailable = true
            return state.machine.connected(id)
        }
        connection.control.whenEnded { [weak self] in self?.mutate { $0.machine.ended(id) } }
    }

    private func connectFailed(_ id: PoolState.ConnectionID, _ error: PostgresError) {
        // Class 28: who we are; 3D: the database's name.
        let isHopeless = error.sqlState.map { ["28", "3D"].contains($0.classCode) } ?? false
        mutate { state in
            state.attempts[id] = nil
            state.lastError = error
            return state.machine.connectFailed(id, isHopeless: isHopeless, jitter: .random(in: 0...1))
        }
    }

    private func error(for refusal: PoolState.Refusal, lastError: PostgresError?) -> PostgresError {
        let reason = lastError.map { " The last attempt to connect failed: \($0.message)" } ?? ""
        switch refusal {
        case .deadline:
            return PostgresError(
                .poolDeadline, "No connection to \(configuration.address) was free in time.\(reason)",
                outcome: .notSent, sqlState: lastError?.sqlState)
        case .cancelled:
            return PostgresError(
                .cancelled, "The calling task was cancelled while it waited for a connection.", outcome: .notSent)
        case .tooManyWaiting:
            return PostgresError(
                .poolFull, "\(limits.maxWaiting) callers wait for a connection already.", outcome: .notSent)
        case .closed: return PostgresError(.poolClosed, "The pool was closed.", outcome: .notSent)
        case .hopeless:
            return lastError ?? PostgresError(.connectFailed, "No connection could be made.", outcome: .notSent)
        }
    }
}
