import BlockingIO
import Synchronization

/// A connection to PostgreSQL, on a thread of its own.
///
/// Any number of callers may use it at once: their calls are sent one behind the other without waiting for answers (libpq's
/// pipeline mode), each with a Sync of its own, so one caller's failure is nobody else's. A transaction over several calls
/// needs the connection to itself, as ``PostgresPool`` gives it. A connection that broke stays broken.
public final class PostgresConnection: Sendable {
    private let configuration: PostgresConfiguration
    private let mailbox: BoundedMailbox<PostgresCall>
    let control: ConnectionControl
    private let lastCall = Atomic<UInt64>(0)
    private let facts: ServerFacts

    /// The server's process that serves this connection.
    public var backendProcessID: Int32 { facts.backendProcessID }

    /// The server's version as a number: 150020 for 15.20.
    public var serverVersion: Int { Int(facts.serverVersion) }

    private init(
        configuration: PostgresConfiguration, mailbox: BoundedMailbox<PostgresCall>, control: ConnectionControl,
        facts: ServerFacts
    ) {
        self.configuration = configuration
        self.mailbox = mailbox
        self.control = control
        self.facts = facts
    }

    deinit { beginClosing(.immediately) }

    /// Makes a connection.
    ///
    /// - Throws: ``PostgresError/Code/connectFailed`` with libpq's reason and, if the server gave one, a SQLSTATE;
    ///   ``PostgresError/Code/cancelled``.
    public static func connect(
        _ configuration: PostgresConfiguration
    ) async throws(PostgresError) -> PostgresConnection {
        let mailbox = BoundedMailbox<PostgresCall>(
            capacity: max(1, configuration.mailboxCapacity), name: "PostgreSQL")
        let control = ConnectionControl()
        let answer: Swift.Result<ServerFacts, PostgresError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                _ = DedicatedThread(name: "postgres") {
                    let worker = ConnectionWorker(configuration: configuration, mailbox: mailbox, control: control) {
                        continuation.resume(returning: $0)
                    }
                    worker.run()
                }
            }
        } onCancel: {
            control.close(.immediately)
        }
        switch answer {
        case .success(let facts):
            return PostgresConnection(
                configuration: configuration, mailbox: mailbox, control: control, facts: facts)
        case .failure(let error) where error.code == .connectionClosed:
            throw PostgresError(.cancelled, "The calling task was cancelled while it connected.", outcome: .notSent)
        case .failure(let error): throw error
        }
    }

    /// Runs one statement. Outside a transaction it is one by itself.
    ///
    /// The statement is prepared at its first use; the prepared statements least recently used make room for new ones.
    ///
    /// - Throws: ``PostgresError``, which says what is known about the effect. When the calling task is cancelled the
    ///   server is asked to stop, unless others share the connection.
    public func query(
        _ sql: SQLText, _ parameters: [PostgresParameter] = []
    ) async throws(PostgresError) -> PostgresRows {
        let results = try await perform(.pipeline([PostgresStatement(sql, parameters)]))
        guard let rows = results.first else { preconditionFailure("A statement that succeeded has a result.") }
        return rows
    }

    /// Runs statements in one flush, so in one round trip.
    ///
    /// Without BEGIN and COMMIT among them, and outside a transaction, they are one implicit transaction. When one fails,
    /// those behind it are skipped, COMMIT and ROLLBACK included.
    ///
    /// - Parameter statements: at most 1000.
    /// - Returns: a result for each.
    /// - Throws: ``PostgresError`` of the first that failed, with ``PostgresError/statementIndex``.
    public func pipeline(_ statements: [PostgresStatement]) async throws(PostgresError) -> [PostgresRows] {
        guard !statements.isEmpty else { return [] }
        return try await perform(.pipeline(statements))
    }

    /// Rolls an open transaction back, also in a task that was cancelled. Does nothing outside a transaction.
    public func rollBack() async throws(PostgresError) {
        guard control.session == .inTransaction || control.session == .inFailedTransaction else { return }
        _ = try await perform(.pipeline([PostgresStatement("ROLLBACK")]), isCancellable: false)
    }

    /// Runs text with any number of statements and no parameters, throwing the results away. For migrations.
    ///
    /// Outside a transaction they are one implicit transaction, unless there are BEGIN and COMMIT among them.
    public func script(_ text: String) async throws(PostgresError) {
        _ = try await perform(.script(text))
    }

    /// Ends the connection: what was sent may finish within the configured grace, and whatever is left fails. Takes at
    /// most the grace, whatever the server does.
    public func close() async {
        beginClosing(.gracefully)
        await control.waitForEnd()
    }

    /// False once the connection was closed or broke.
    public var isOpen: Bool { control.session != .closed }

    /// True if no call is on its way and no transaction is open.
    var isReusable: Bool {
        control.outstanding.load(ordering: .acquiring) == 0 && control.session == .idle && !mailbox.isClosed
    }

    /// Refuses new calls and ends the connection, without waiting for that.
    func beginClosing(_ closing: ConnectionControl.Closing) {
        mailbox.close()
        control.close(closing)
    }

    /// - Parameter isCancellable: false for what must happen also in a task that was cancelled, such as ROLLBACK.
    func perform(
        _ work: PostgresCall.Work, isCancellable: Bool = true
    ) async throws(PostgresError) -> [PostgresRows] {
        try check(work)
        if isCancellable, Task.isCancelled { throw .cancelledBeforeSending }
        let call = PostgresCall(id: lastCall.add(1, ordering: .relaxed).newValue, work: work)
        control.outstanding.add(1, ordering: .relaxed)
        try await enqueue(call)
        guard isCancellable else { return try await call.answer().get() }
        return try await withTaskCancellationHandler {
            await call.answer()
        } onCancel: {
            if call.cancel() { control.cancel(call.id) }
        }.get()
    }

    private func enqueue(_ call: PostgresCall) async throws(PostgresError) {
        guard let refusal = await refusal(of: call) else { return }
        control.outstanding.subtract(1, ordering: .releasing)
        throw refusal
    }

    /// Queues a call.
    ///
    /// - Returns: why it could not be, or nil if it is.
    private func refusal(of call: PostgresCall) async -> PostgresError? {
        var failure: MailboxError
        do {
            try mailbox.send(call)
            return nil
        } catch {
            failure = error
        }
        if failure == .full {
            do {
                try await mailbox.sendWhenRoom(call)
                return nil
            } catch let error as MailboxError {
                failure = error
            } catch {
                return .cancelledBeforeSending
            }
        }
        var error = control.ended ?? PostgresError(.connectionClosed, "The connection is closed.", outcome: .notSent)
        error.outcome = .notSent
        return error
    }

    private func check(_ work: PostgresCall.Work) throws(PostgresError) {
        guard case .pipeline(let statements) = work else { return }
        func refuse(_ message: String, _ index: Int) -> PostgresError {
            var error = PostgresError(.invalidParameters, message, outcome: .notSent)
            error.statementIndex = index
            return error
        }
        guard statements.count <= 1000 else {
            throw refuse("A pipeline may have 1000 statements; this one has \(statements.count).", 1000)
        }
        var total = 0
        for (index, statement) in statements.enumerated() {
            guard statement.parameters.count <= 65_535 else {
                throw refuse("A statement may have 65535 parameters; this has \(statement.parameters.count).", index)
            }
            for (number, parameter) in statement.parameters.enumerated() {
                guard let size = parameter.encodedSize else {
                    throw refuse("The timestamp in $\(number + 1) lies before anything PostgreSQL can keep.", index)
                }
                total += size
            }
            guard total <= min(configuration.maxParameterBytes, 1 << 30) else {
                throw refuse(
                    "The parameters have more than the \(configuration.maxParameterBytes) bytes allowed.", index)
            }
        }
    }
}
