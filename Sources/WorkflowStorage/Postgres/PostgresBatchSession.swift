public import JSONTools
public import PostgresDriver
import Synchronization
public import WorkflowCore

/// The Advancer's session on PostgreSQL: one connection, two round trips a batch.
public final class PostgresBatchSession: BatchSession {
    private struct State {
        var connection: PostgresConnection?
        var isInTransaction = false
        /// Whether no transaction has begun on the connection yet.
        var isUnused = true
    }

    private let configuration: PostgresConfiguration
    private let state = Mutex(State())

    /// A session that connects when it is first used.
    ///
    /// The planner is told to go by index always: every statement of the hot path touches few rows by key, and a plan
    /// made while a table was empty must not stay in use when it is not.
    ///
    /// - Parameter idleTimeout: how long a transaction may be left alone before the server ends it. Between its two round
    ///   trips lie milliseconds; an orchestrator that was stopped there, or cut off, must not keep its rows locked.
    public init(configuration: PostgresConfiguration, idleTimeout: Swift.Duration = .seconds(5)) {
        var own = configuration
        own.applicationName = "baton advancer"
        own.sessionSettings["enable_seqscan"] = "off"
        own.sessionSettings["enable_bitmapscan"] = "off"
        own.sessionSettings["enable_hashjoin"] = "off"
        own.sessionSettings["enable_mergejoin"] = "off"
        own.sessionSettings["plan_cache_mode"] = "force_generic_plan"
        own.sessionSettings["jit"] = "off"
        own.sessionSettings["idle_in_transaction_session_timeout"] = String(
            Int64(idleTimeout / .milliseconds(1)))
        self.configuration = own
    }

    /// The connection, made if there is none.
    private func connection() async throws(PostgresError) -> PostgresConnection {
        if let open = state.withLock({ $0.connection }), open.isOpen { return open }
        let fresh = try await PostgresConnection.connect(configuration)
        // Whether a transaction is open is not this function's to say: `begin` says so before it comes here.
        state.withLock { state in
            state.connection = fresh
            state.isUnused = true
        }
        return fresh
    }

    /// Gives a connection up whose state is not known.
    private func drop() async {
        let old = state.withLock { state in
            state.isInTransaction = false
            return state.connection.take()
        }
        await old?.close()
    }

    /// Runs statements, in the transaction if one is open. It goes with its connection: another one has none of its locks,
    /// so nothing of it may be carried on there.
    private func run(_ statements: [PostgresStatement]) async throws(BatchError) -> [PostgresRows] {
        guard !state.withLock({ $0.isInTransaction && $0.connection?.isOpen != true }) else {
            await drop()
            throw .away("the connection was lost in the middle of a transaction, which was rolled back")
        }
        do throws(PostgresError) {
            return try await connection().pipeline(statements)
        } catch {
            if error.outcome != .failed || error.isConnectionFault { await drop() }
            throw BatchError(error)
        }
    }

    /// Begins a transaction and reads what the request asks for, in one round trip.
    public func begin(_ request: BatchRequest) async throws(BatchError) -> BatchLoad {
        var statements: [PostgresStatement] = [PostgresStatement("BEGIN")]
        if !request.workflows.isEmpty {
            statements.append(
                PostgresStatement(
                    request.waits ? BatchSQL.lockWaiting : BatchSQL.lockSkipping,
                    [.uuidArray(request.workflows.map(\.postgres))]))
        }
        if !request.factsOf.isEmpty {
            statements.append(PostgresStatement(BatchSQL.facts, [.uuidArray(request.factsOf.map(\.postgres))]))
        }
        if !request.keys.isEmpty {
            statements.append(
                PostgresStatement(
                    BatchSQL.knownKeys,
                    [.textArray(request.keys.map(\.tenant)), .textArray(request.keys.map(\.key))]))
        }
        statements.append(PostgresStatement(BatchSQL.now))
        do throws(PostgresError) {
            _ = try await connection()
        } catch {
            throw BatchError(error)
        }
        state.withLock { $0.isInTransaction = true }
        let answers = try await run(statements)
        do throws(PostgresError) {
            var load = try BatchSQL.load(from: answers, for: request)
            load.isFirst = state.withLock { state in
                defer { state.isUnused = false }
                return state.isUnused
            }
            return load
        } catch {
            throw BatchError(error)
        }
    }

    /// Reads outputs inside the transaction; those that don't exist are absent.
    public func outputs(_ keys: [OutputKey]) async throws(BatchError) -> [OutputKey: StageOutput] {
        guard !keys.isEmpty else { return [:] }
        let answers = try await run([
            PostgresStatement(
                BatchSQL.outputs,
                [
                    .uuidArray(keys.map(\.workflowID.postgres)), .textArray(keys.map(\.stage)),
                    .int4Array(keys.map { Int32($0.generation) }),
                ])
        ])
        var found: [OutputKey: StageOutput] = [:]
        do throws(PostgresError) {
            for row in answers[0] {
                let key = OutputKey(
                    workflowID: try row.id(0), stage: try row.text(1), generation: Int(try row.int4(2)))
                found[key] = StageOutput(
                    output: try row.json(3), commit: try row.optionalText(5),
                    artifacts: try row.json(4).arrayValue ?? [])
            }
        } catch {
            throw BatchError(error)
        }
        return found
    }

    /// Reads a definition's canonical JSON by its SHA-256; nil if no such blob exists.
    public func definitionBlob(hash: String) async throws(BatchError) -> [UInt8]? {
        let answers = try await run([PostgresStatement(BatchSQL.definitionBlob, [.text(hash)])])
        do throws(PostgresError) {
            guard let row = answers[0].first else { return nil }
            return try row.bytes(0)
        } catch {
            throw BatchError(error)
        }
    }

    /// Writes and commits in one round trip; ``BatchError/unknownOutcome(_:)`` if the connection ends meanwhile.
    public func commit(_ save: BatchSave) async throws(BatchError) -> CommitAnswer {
        let isLarge = { (state: BatchSave.State) in state.bytes.count > WorkflowState.maximumEncodedBytes }
        if let large = save.newStates.first(where: isLarge) ?? save.states.first(where: isLarge) {
            throw .refused(
                "the state of workflow \(large.id) has \(large.bytes.count) bytes; at most "
                    + "\(WorkflowState.maximumEncodedBytes) can be kept. Its definition has too many stages or names")
        }
        let statements = BatchSQL.statements(for: save)
        let answers = try await run(statements.list + [PostgresStatement("COMMIT")])
        state.withLock { $0.isInTransaction = false }
        var answer = CommitAnswer()
        do throws(PostgresError) {
            if let index = statements.sentAgainIndex {
                for row in answers[index] where try row.int2(7) != TaskStatus.queued.rawValue {
                    answer.resent.append(try BatchSQL.resentTask(from: row))
                }
            }
            if let index = statements.closingsIndex {
                for row in answers[index] { answer.left.append(try BatchSQL.leftEntry(from: row)) }
            }
            for index in statements.releases { answer.released.append(try BatchSQL.released(from: answers[index])) }
        } catch {
            // Committed already: what can't be read here is made good by the relay and the walk of the streams.
            return answer
        }
        return answer
    }

    /// Rolls back, if a transaction is open; drops the connection if that fails.
    public func abandon() async {
        let (connection, isOpen) = state.withLock { ($0.connection, $0.isInTransaction) }
        guard let connection, isOpen else { return }
        do throws(PostgresError) {
            _ = try await connection.pipeline([PostgresStatement("ROLLBACK")])
            state.withLock { $0.isInTransaction = false }
        } catch {
            await drop()
        }
    }

    /// Whether a batch was committed, by the row that every commit leaves under its id.
    public func wasCommitted(_ batchID: UniqueID) async throws(BatchError) -> Bool {
        let answers = try await run([PostgresStatement(BatchSQL.claimBatch, [.uuid(batchID.postgres)])])
        return answers[0].isEmpty
    }

    /// Keeps dead letters, in a transaction of their own.
    public func keep(_ letters: [DeadLetter]) async throws(BatchError) {
        guard !letters.isEmpty else { return }
        _ = try await run([BatchSQL.insertDeadLetters(letters)])
    }

    /// Whether the database answers now; false only after a pause, so that it can be asked in a loop.
    public func isReachable() async -> Bool {
        do {
            _ = try await connection().pipeline([PostgresStatement(BatchSQL.now)])
            return true
        } catch {
            await drop()
            await pause()
            return false
        }
    }

    /// Closes the connection, if there is one.
    public func close() async {
        await drop()
    }

    /// A second between two tries to reach the record; cut short when the task is cancelled.
    private func pause() async {
        do {
            try await Task.sleep(for: .seconds(1))
        } catch {
            return
        }
    }
}
