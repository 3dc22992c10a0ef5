import BlockingIO

/// The thread behind a client: keeps one connection, and carries everything queued over it, a batch at a time.
///
/// It takes what waits, sends it in one go, reads all replies and resumes the callers; those who call meanwhile make the
/// next batch. All its state belongs to its thread.
final class RedisWorker {
    /// How many submissions are taken at a time.
    private static let batchLimit = 1_024

    private let configuration: RedisConfiguration
    private let mailbox: BoundedMailbox<Submission>
    private let control: ClientControl
    private let states: ConnectionStates

    private var connection: RedisConnection?
    /// Taken from the mailbox and not sent, oldest first.
    private var waiting: [Submission] = []
    /// The earliest deadline of those who wait.
    private var earliestDeadline = UInt64.max
    private var backoff: ReconnectBackoff
    private var random = SystemRandomNumberGenerator()
    private var nextAttempt: UInt64 = 0
    private var lastFailure = RedisError(.unreachable, "no attempt was made yet")
    private var epoch = 0

    init(
        configuration: RedisConfiguration, mailbox: BoundedMailbox<Submission>, control: ClientControl,
        states: ConnectionStates
    ) {
        self.configuration = configuration
        self.mailbox = mailbox
        self.control = control
        self.states = states
        backoff = ReconnectBackoff(maximum: configuration.maximumReconnectPause)
    }

    /// Works until the client is closed.
    func run() {
        while control.closeDeadline == nil {
            if let connection { serve(connection) } else { reconnect() }
        }
        // Senders are refused by now; what they left is finished if there is time, except for blocking reads.
        take()
        failReads { _ in true }
        while let connection, !waiting.isEmpty { exchange(over: connection) }
        connection = nil
        while !waiting.isEmpty {
            for submission in waiting {
                submission.fail(RedisError(.closed, "The client was closed before this was sent."))
            }
            waiting = []
            take()
        }
        states.set(.closed)
        control.end()
    }

    // MARK: Connected

    private func serve(_ connection: RedisConnection) {
        take(staysAwake: true)
        if waiting.isEmpty { take() }
        guard waiting.isEmpty else {
            expire(at: MonotonicClock.nanoseconds())
            failReads { $0.isSet }
            exchange(over: connection)
            return
        }
        let ready = connection.wait(forRoom: false, or: mailbox.wakeDescriptor, and: control.descriptor, until: nil)
        if ready.others.1 { control.acknowledge() }
        guard ready.isReadable else { return }
        do throws(RedisError) {
            try connection.receive()
            if try connection.parser.parseReply() {
                throw RedisError(.unexpectedReply, "The server sent a reply to which there is no command.")
            }
        } catch {
            lose(error)
        }
    }

    private func exchange(over connection: RedisConnection) {
        guard !waiting.isEmpty else { return }
        var exchange = Exchange(waiting)
        waiting = []
        earliestDeadline = .max
        do throws(RedisError) {
            try exchange.run(over: connection, control: control)
        } catch {
            waiting = exchange.giveUp(error, parser: connection.parser)
            earliestDeadline = waiting.lazy.map(\.deadline).min() ?? .max
            lose(error)
        }
    }

    private func lose(_ error: RedisError) {
        connection = nil
        lastFailure = error
        nextAttempt = MonotonicClock.nanoseconds() + backoff.pause(using: &random)
        states.set(.disconnected(error))
    }

    // MARK: Not connected

    private func reconnect() {
        take()
        let now = MonotonicClock.nanoseconds()
        guard now >= nextAttempt else {
            expire(at: now)
            // No more is taken than may wait, and then senders are refused.
            let box = waiting.count < configuration.queueCapacity ? mailbox.wakeDescriptor : -1
            let ready = RedisConnection.wait(
                or: box, and: control.descriptor, until: min(nextAttempt, earliestDeadline))
            if ready.others.1 { control.acknowledge() }
            return
        }
        do throws(RedisError) {
            let opened = try RedisConnection.open(
                configuration, control: control, until: now + configuration.connectTimeout.nanoseconds)
            connection = opened.connection
            epoch += 1
            backoff.reset()
            states.set(.connected(epoch: epoch, server: opened.facts))
        } catch {
            lastFailure = error
            nextAttempt = MonotonicClock.nanoseconds() + backoff.pause(using: &random)
            if error.isHopeless {
                for submission in waiting { submission.fail(error) }
                waiting = []
                earliestDeadline = .max
            }
            states.set(.disconnected(error))
        }
    }

    // MARK: Those who wait

    private func take(staysAwake: Bool = false) {
        let room = max(0, configuration.queueCapacity - waiting.count)
        let taken = mailbox.takeAll(atMost: min(room, Self.batchLimit), staysAwake: staysAwake)
        guard !taken.isEmpty else { return }
        for submission in taken { earliestDeadline = min(earliestDeadline, submission.deadline) }
        if waiting.isEmpty { waiting = taken } else { waiting += taken }
    }

    /// Finishes blocking reads that nobody wants, so that they are not sent.
    private func failReads(where isUnwanted: (CancellationMark) -> Bool) {
        waiting.removeAll { submission in
            guard let mark = submission.cancellation, isUnwanted(mark) else { return false }
            submission.fail(RedisError(mark.isSet ? .cancelled : .closed, "The read was given up before it was sent."))
            return true
        }
    }

    private func expire(at now: UInt64) {
        guard now >= earliestDeadline else { return }
        earliestDeadline = .max
        waiting.removeAll { submission in
            guard submission.deadline > now else {
                submission.fail(
                    RedisError(
                        .notSent,
                        "Not sent within its time (\(configuration.queueTimeout) by default); it had no effect. "
                            + "Last trouble: \(lastFailure.message)"))
                return true
            }
            earliestDeadline = min(earliestDeadline, submission.deadline)
            return false
        }
    }
}
