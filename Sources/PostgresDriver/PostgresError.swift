/// Why something with the database did not work, and what is known about its effect.
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is. More may be added, so switches over it need a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: StaticCode

        private enum StaticCode: String {
            case invalidConfiguration, invalidParameters, connectFailed, connectionLost, connectionClosed, server
            case cancelled, responseTimeout, resultTooLarge, decoding, rolledBack
            case poolDeadline, poolFull, poolClosed, migration
        }

        private init(_ name: StaticCode) { self.name = name }

        /// The name of the code.
        public var description: String { name.rawValue }

        /// The URL or an option cannot be used.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// Parameters that cannot be sent: too many, too large, out of range.
        public static let invalidParameters = Code(.invalidParameters)
        /// No connection could be made.
        public static let connectFailed = Code(.connectFailed)
        /// The connection broke.
        public static let connectionLost = Code(.connectionLost)
        /// The connection had been closed.
        public static let connectionClosed = Code(.connectionClosed)
        /// The server refused; see ``PostgresError/sqlState``.
        public static let server = Code(.server)
        /// The calling task was cancelled.
        public static let cancelled = Code(.cancelled)
        /// The server said nothing for longer than the configured time, so the connection was dropped.
        public static let responseTimeout = Code(.responseTimeout)
        /// The result was larger than the configured limit.
        public static let resultTooLarge = Code(.resultTooLarge)
        /// A value of a row isn't what the caller asked for.
        public static let decoding = Code(.decoding)
        /// COMMIT of a transaction that had failed: the server rolled it back.
        public static let rolledBack = Code(.rolledBack)
        /// No connection became free in time.
        public static let poolDeadline = Code(.poolDeadline)
        /// Too many callers wait for a connection already.
        public static let poolFull = Code(.poolFull)
        /// The pool was closed.
        public static let poolClosed = Code(.poolClosed)
        /// The migrations of the program and those of the database don't agree.
        public static let migration = Code(.migration)
    }

    /// What is known about the effect of what was asked.
    public enum Outcome: Sendable, Hashable {
        /// Nothing was sent: it had no effect, and may be tried again.
        case notSent
        /// The server refused it: it had no effect.
        case failed
        /// The server did it; the failure lies in reading the answer.
        case completed
        /// It was sent and the answer was lost: it may or may not have happened.
        case unknown
    }

    /// What kind of failure.
    public var code: Code
    /// What was found, expected, and can be done; never holds parameters or passwords.
    public var message: String
    /// What is known about the effect.
    public var outcome: Outcome
    /// The server's code, where the server said something.
    public var sqlState: SQLState?
    /// The server's detail. It can hold values of the row at fault.
    public var detail: String?
    /// The server's hint.
    public var hint: String?
    /// The name of the constraint that was violated.
    public var constraint: String?
    /// The table concerned.
    public var table: String?
    /// The column concerned.
    public var column: String?
    /// Which statement of a pipeline failed, counted from 0.
    public var statementIndex: Int?

    /// Makes an error.
    public init(_ code: Code, _ message: String, outcome: Outcome, sqlState: SQLState? = nil) {
        self.code = code
        self.message = message
        self.outcome = outcome
        self.sqlState = sqlState
    }

    /// The same work, done again from its start, may succeed: serialization failures and deadlocks.
    public var isRetryable: Bool { sqlState?.isRetryable ?? false }

    /// The data is at fault: the same work fails again.
    public var isDataFault: Bool { sqlState?.isDataFault ?? false }

    /// The database could not be reached, or went away.
    public var isConnectionFault: Bool {
        if sqlState?.isConnectionFault == true { return true }
        return code == .connectFailed || code == .connectionLost || code == .connectionClosed
            || code == .responseTimeout
    }

    /// One line for logs, without the server's detail (which can hold data).
    public var description: String {
        var text = "PostgreSQL \(code)"
        if let sqlState { text += " \(sqlState)" }
        text += ": \(message)"
        if let constraint { text += " (constraint \(constraint))" }
        if let statementIndex { text += " (statement \(statementIndex))" }
        switch outcome {
        case .notSent: text += "; nothing was sent"
        case .failed: break
        case .completed: text += "; the statement itself was done"
        case .unknown: text += "; it is unknown whether it took effect"
        }
        return text
    }
}
