import BlockingIO
internal import CLibPQ
import Glibc
import Synchronization

/// What runs on a connection's thread: the only code that touches its `PGconn`.
///
/// libpq is used in non-blocking pipeline mode; the thread sleeps in one `poll` on the socket, the mailbox and the control's
/// signal. (In blocking mode a pipeline deadlocks when both sides wait for room to send: PostgreSQL documentation, 34.5.)
final class ConnectionWorker {
    /// A call on its way to the server and back.
    final class Flight {
        /// Nil for what the worker sends on its own account.
        let call: PostgresCall?
        var results: [PostgresRows] = []
        var failure: PostgresError?
        /// The caller was cancelled, or the result was too large: stop the server's work if that harms nobody else.
        var isUnwanted = false
        /// Each may take the whole statement timeout, and the server may keep its answers until it has done them all.
        let statementCount: Int
        let isScript: Bool

        init(call: PostgresCall?, statementCount: Int, isScript: Bool = false) {
            self.call = call
            self.statementCount = statementCount
            self.isScript = isScript
        }
    }

    /// What the server owes, in this order.
    enum Reply {
        case preparation(StatementCache.Entry)
        case rows(statement: Int, entry: StatementCache.Entry?, endsTransaction: Bool)
        case deallocation
        case sync
        case script
    }

    let configuration: PostgresConfiguration
    let mailbox: BoundedMailbox<PostgresCall>
    let control: ConnectionControl
    /// Answered once when the connection stands or could not be made.
    let ready: @Sendable (Swift.Result<ServerFacts, PostgresError>) -> Void

    var pg: OpaquePointer?
    var parameters = ParameterBuffer()
    var cache: StatementCache
    /// Taken from the mailbox and not yet sent.
    var backlog = Fifo<PostgresCall>()
    /// Sent; the first is the one whose replies come now.
    var flights = Fifo<Flight>()
    var replies = Fifo<Reply>()
    /// Whether the first reply has brought anything yet.
    var replyHasBegun = false
    var rows = RowsBuilder()
    /// Set when the connection cannot go on.
    var fault: PostgresError?
    /// The last FATAL that the server announced, which says why the connection is about to break.
    var fatal: PostgresError?
    var needsFlush = false
    var lastProgress: UInt64 = 0
    /// A thread is asking the server to cancel. Until it has ended nothing may be sent that the request could hit.
    var isRequestingCancel = false
    /// When to drop the connection for want of an end to a cancelled statement.
    var cancelDeadline: UInt64?
    var isClosing = false
    var closeDeadline: UInt64?
    /// For poll: socket, control, mailbox.
    private var descriptors = [pollfd](repeating: pollfd(), count: 3)

    init(
        configuration: PostgresConfiguration, mailbox: BoundedMailbox<PostgresCall>, control: ConnectionControl,
        ready: @escaping @Sendable (Swift.Result<ServerFacts, PostgresError>) -> Void
    ) {
        self.configuration = configuration
        self.mailbox = mailbox
        self.control = control
        self.ready = ready
        cache = StatementCache(capacity: min(max(0, configuration.statementCacheCapacity), 10_000))
    }

    /// The whole life of the connection.
    func run() {
        let end: PostgresError
        switch connect() {
        case .failure(let error):
            end = error
            finish(error)
            ready(.failure(error))
        case .success(let facts):
            control.session = .idle
            ready(.success(facts))
            while fault == nil, !(isClosing && flights.isEmpty && backlog.isEmpty) {
                turn()
            }
            end = fault ?? PostgresError(.connectionClosed, "The connection was closed.", outcome: .notSent)
            finish(end)
        }
        control.end(end)
    }

    /// One round: send what waits, sleep until something happens, see to it.
    private func turn() {
        takeCalls()
        sendBacklog()
        guard fault == nil else { return }
        if isClosing && flights.isEmpty && backlog.isEmpty { return }
        let ready = sleep()
        if ready.control { heedWishes() }
        if ready.socket { receive() }
        checkDeadlines()
    }

    // MARK: Taking

    /// Nothing may be sent behind a call that is to be cancelled, or the cancellation could hit the next one; nothing is sent
    /// beside a script, which runs outside pipeline mode.
    var holdsBack: Bool {
        isRequestingCancel || flights.contains { $0.isUnwanted || $0.isScript }
    }

    private var wantsCalls: Bool {
        !isClosing && !holdsBack && !needsFlush && backlog.isEmpty && flights.count < configuration.maxCallsInFlight
    }

    private func takeCalls() {
        guard wantsCalls else { return }
        for call in mailbox.takeAll(atMost: configuration.maxCallsInFlight - flights.count) {
            if call.take() {
                backlog.append(call)
            } else {
                retire()
            }
        }
    }

    private func sendBacklog() {
        flush()
        // One at a time, so that libpq's buffer never holds more than one call that the socket has no room for.
        while fault == nil, !needsFlush, !holdsBack, let call = backlog.first {
            if case .script = call.work, !flights.isEmpty { break }
            _ = backlog.popFirst()
            send(call)
            flush()
        }
    }

    // MARK: Sleeping

    private func sleep() -> (socket: Bool, control: Bool) {
        descriptors[0] = pollfd(fd: PQsocket(pg), events: Int16(needsFlush ? POLLIN | POLLOUT : POLLIN), revents: 0)
        descriptors[1] = pollfd(fd: control.wake.descriptor, events: Int16(POLLIN), revents: 0)
        // Left out (poll ignores negative descriptors) while its items would not be taken.
        descriptors[2] = pollfd(fd: wantsCalls ? mailbox.wakeDescriptor : -1, events: Int16(POLLIN), revents: 0)
        let status = descriptors.withUnsafeMutableBufferPointer { poll($0.baseAddress, 3, timeoutMilliseconds) }
        guard status > 0 else { return (false, false) }
        return (descriptors[0].revents != 0, descriptors[1].revents != 0)
    }

    /// When the server must have said something. A script may have any number of statements, so it has none.
    private var responseDeadline: UInt64? {
        guard let flight = flights.first, !flight.isScript, let timeout = configuration.statementTimeout else {
            return nil
        }
        let work = timeout.wholeNanoseconds.multipliedReportingOverflow(by: UInt64(flight.statementCount))
        guard !work.overflow else { return nil }
        return lastProgress + min(work.partialValue, 1 << 60) + configuration.responseGrace.wholeNanoseconds
    }

    private var timeoutMilliseconds: Int32 {
        let deadline = min(responseDeadline ?? .max, cancelDeadline ?? .max, closeDeadline ?? .max)
        guard deadline != .max else { return -1 }
        let now = MonotonicClock.nanoseconds()
        return deadline <= now ? 0 : Int32(clamping: (deadline - now + 999_999) / 1_000_000)
    }

    // MARK: Wishes and deadlines

    private func heedWishes() {
        let wishes = control.takeWishes()
        if let delivered = wishes.cancelRequestDelivered { cancelRequestEnded(delivered: delivered) }
        for id in wishes.cancelled { cancel(id) }
        if let closing = wishes.close { beginClosing(closing) }
    }

    private func beginClosing(_ closing: ConnectionControl.Closing) {
        isClosing = true
        answerUnsent(PostgresError(.connectionClosed, "The connection was closed.", outcome: .notSent))
        let grace: UInt64
        switch closing {
        case .gracefully: grace = configuration.closeGrace.wholeNanoseconds
        case .immediately: grace = 0
        }
        closeDeadline = min(closeDeadline ?? .max, MonotonicClock.nanoseconds() + grace)
    }

    private func checkDeadlines() {
        guard responseDeadline != nil || cancelDeadline != nil || closeDeadline != nil else { return }
        let now = MonotonicClock.nanoseconds()
        if let closeDeadline, now >= closeDeadline {
            fail(.connectionClosed, "The connection was closed while the statement ran.")
        } else if let cancelDeadline, now >= cancelDeadline {
            fail(.cancelled, "A cancelled statement did not end in time, so its connection was dropped.")
        } else if let responseDeadline, now >= responseDeadline {
            fail(.responseTimeout, "The server said nothing for longer than the statement timeout allows.")
        }
    }

    // MARK: Ending

    /// Notes that the connection cannot go on; the first reason counts. What was sent has an unknown outcome.
    func fail(_ code: PostgresError.Code, _ message: String) {
        guard fault == nil else { return }
        fault = PostgresError(code, message, outcome: .unknown, sqlState: fatal?.sqlState)
    }

    /// Notes that the connection broke, with the server's last words or else libpq's.
    func failConnectionLost() {
        if let fatal {
            fail(.connectionLost, "The server ended the connection: \(fatal.message)")
        } else {
            fail(.connectionLost, libpqMessage())
        }
    }

    /// A call is over for this connection.
    func retire() { control.outstanding.subtract(1, ordering: .releasing) }

    /// Answers everything and frees the connection.
    private func finish(_ error: PostgresError) {
        control.session = .closed
        while let flight = flights.popFirst() {
            var failure = error
            failure.outcome = .unknown
            if flight.call != nil { retire() }
            flight.call?.answer(.failure(failure))
        }
        var unsent = error
        unsent.outcome = .notSent
        answerUnsent(unsent)
        PQfinish(pg)
        pg = nil
    }

    private func answerUnsent(_ error: PostgresError) {
        mailbox.close()
        while let call = backlog.popFirst() {
            retire()
            call.answer(.failure(error))
        }
        while true {
            let calls = mailbox.takeAll(atMost: 256)
            if calls.isEmpty { return }
            for call in calls {
                retire()
                call.answer(.failure(error))
            }
        }
    }

    /// libpq's last message, on one line.
    func libpqMessage() -> String {
        guard let message = PQerrorMessage(pg) else { return "The connection was lost." }
        let text = String(cString: message).split(separator: "\n").joined(separator: " ")
        return text.isEmpty ? "The connection was lost." : text
    }
}
