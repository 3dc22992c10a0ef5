import AgentProtocol
import JSONTools
import Logging
import Synchronization
import TaskTransport

extension AgentShell {
    func claimTasks() async {
        let decoder = EntryDecoder(builder: runner.builder, immediateResult: runner.immediateResult)
        var complaint = Complaint(logger: logger, what: "tasks can't be taken from Redis")
        while let wanted = await claims.take(atMost: 1)?.first {
            do {
                let entries = try await claim(wanted)
                complaint.end()
                send(.decoded(entries.map(decoder.decode)))
            } catch {
                if !Task.isCancelled { complaint.say("\(error)") }
                send(.input(.claimFailed))
            }
        }
    }

    /// Waits for tasks. When the agent is to end, the wait is cut short; what had been delivered by then, and what is
    /// there, is taken all the same, so that it can be handed back.
    private func claim(_ wanted: Int) async throws -> [ClaimedTask] {
        let waiting = Task { try await bus.claim(freeSlots: wanted, block: Self.claimPatience) }
        lastClaim.set(waiting)
        do {
            let entries = try await withTaskCancellationHandler {
                try await waiting.value
            } onCancel: {
                waiting.cancel()
            }
            return entries
        } catch {
            guard waiting.isCancelled, !Task.isCancelled else { throw error }
            return try await bus.claim(freeSlots: wanted, block: .milliseconds(1))
        }
    }

    func sendReports() async {
        var complaint = Complaint(logger: logger, what: "results can't be reported")
        while let orders = await reports.take(atMost: Self.reportBatch, totalling: Self.reportBytes, \.bytes.count) {
            let references = orders.map(\.reference)
            do {
                try await bus.report(
                    orders.map { order in
                        OutgoingResult(
                            taskID: order.reference.taskID, attempt: order.reference.attempt, bytes: order.bytes,
                            task: order.entry)
                    })
                complaint.end()
                send(.input(.reported(references)))
            } catch {
                complaint.say("\(error)")
                send(.input(.notReported(references)))
            }
        }
    }

    func sendSignals() async {
        var complaint = Complaint(logger: logger, what: "signals can't be sent")
        while let batch = await signals.take(atMost: 64) {
            for signal in batch {
                do {
                    try await bus.send(signal)
                    complaint.end()
                } catch {
                    // A heartbeat tells the same a little later, and a new connection begins with one.
                    complaint.say("\(error)")
                }
            }
        }
    }

    func doChores() async {
        while let batch = await chores.take(atMost: 64) {
            for chore in batch {
                do {
                    switch chore {
                    case .handBack(let entries): try await bus.handBack(entries)
                    case .discard(let entries): try await bus.discard(entries)
                    case .reject(let signal, let entry): try await bus.reject(entry, signal: signal)
                    }
                } catch {
                    // The entries are still ours and are read again after the next connection.
                    logger.warning("an entry could not be given back", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    func listen() async {
        var complaint = Complaint(logger: logger, what: "the control channel can't be heard")
        for await event in bus.controlEvents {
            let input: TaskLoop.Input
            switch event {
            case .listening:
                complaint.end()
                input = .connected
            case .interrupted(let error):
                complaint.say("\(error)")
                input = .disconnected
            case .message(let message): input = .control(message)
            case .garbage(let error):
                logger.warning("a control message can't be decoded and is ignored", metadata: ["reason": "\(error)"])
                continue
            case .dropped(let count):
                // What was said is said again in the answer to the next heartbeat.
                logger.warning("control messages were lost: too many at once", metadata: ["count": "\(count)"])
                continue
            }
            send(.input(input))
        }
    }
}

/// Says that something fails, once when it begins and every 10 s while it lasts.
struct Complaint {
    private let logger: Logger
    private let what: String
    private var since: ContinuousClock.Instant?
    private var lastSaid: ContinuousClock.Instant?

    init(logger: Logger, what: String) {
        self.logger = logger
        self.what = what
    }

    mutating func say(_ reason: String) {
        let now = ContinuousClock.now
        if since == nil { since = now }
        if let lastSaid, lastSaid.duration(to: now) < .seconds(10) { return }
        lastSaid = now
        logger.warning("\(what); trying again", metadata: ["reason": "\(reason)"])
    }

    mutating func end() {
        guard let begun = since else { return }
        since = nil
        lastSaid = nil
        let seconds = begun.duration(to: .now).components.seconds
        logger.notice("it works again", metadata: ["what": "\(what)", "after_seconds": "\(seconds)"])
    }
}

/// The claim that waits, to be cut short when the agent is to end.
final class WaitingClaim: Sendable {
    private struct State {
        var claim: Task<[ClaimedTask], any Error>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Notes a claim; once cut short, every later one is cut short as well.
    func set(_ claim: Task<[ClaimedTask], any Error>) {
        let isOver = state.withLock { state in
            state.claim = claim
            return state.isOver
        }
        if isOver { claim.cancel() }
    }

    /// Cuts the claim short.
    func cutShort() {
        let claim = state.withLock { state in
            state.isOver = true
            return state.claim.take()
        }
        claim?.cancel()
    }
}
