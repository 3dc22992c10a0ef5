import AgentProtocol
import JSONTools
import Logging
import Synchronization
import TaskTransport

/// Collects the log lines of all attempts and sends them at most 100 ms later.
final class LogShipper: Sendable {
    /// Lines wait this long for others.
    static let delay: Duration = .milliseconds(100)
    /// When Redis is away and more batches wait, the oldest are dropped.
    static let maxWaiting = 512

    private struct State {
        var batches: [LogBatch] = []
        /// Logs with lines that weren't taken yet.
        var dirty: [AttemptLog] = []
    }

    private let agentID: String
    private let state = Mutex(State())
    private let wake = Outbox<Void>(capacity: 1)

    init(agentID: String) { self.agentID = agentID }

    /// The log of one attempt, sent with its ids.
    func log(of envelope: TaskEnvelope) -> AttemptLog {
        let holder = LogHolder()
        let log = AttemptLog(
            onFirstLine: { [self] in
                guard let log = holder.log else { return }
                state.withLock { $0.dirty.append(log) }
                wake.put([()])
            },
            sink: { [self] lines, dropped in
                let batch = LogBatch(
                    agentID: agentID, sentAt: .now(), reference: envelope.reference, workflowID: envelope.workflowID,
                    lines: lines, dropped: dropped)
                state.withLock { state in
                    state.batches.append(batch)
                    if state.batches.count > Self.maxWaiting { state.batches.removeFirst() }
                }
                wake.put([()])
            })
        holder.log = log
        return log
    }

    func close() { wake.close() }

    /// Sends what comes until the shipper is closed.
    func ship(through bus: any AgentTaskBus, logger: Logger) async {
        var complaint = Complaint(logger: logger, what: "log lines can't be sent")
        while await wake.take(atMost: 1) != nil {
            try? await Task.sleep(for: Self.delay)
            let dirty = state.withLock { state in
                defer { state.dirty = [] }
                return state.dirty
            }
            for log in dirty { log.flush() }
            let batches = state.withLock { state in
                defer { state.batches = [] }
                return state.batches
            }
            guard !batches.isEmpty else { continue }
            do {
                for batch in batches { try await bus.send(batch) }
                complaint.end()
            } catch {
                complaint.say("\(error)")
                putBack(batches)
                try? await Task.sleep(for: .seconds(1))
                wake.put([()])
            }
        }
    }

    private func putBack(_ batches: [LogBatch]) {
        state.withLock { state in
            state.batches = Array((batches + state.batches).suffix(Self.maxWaiting))
        }
    }

    /// Lets a log's callback find the log itself; weak, for the log owns the callback.
    private final class LogHolder: Sendable {
        private struct Weak { weak var log: AttemptLog? }

        private let box = Mutex(Weak())

        var log: AttemptLog? {
            get { box.withLock { $0.log } }
            set { box.withLock { $0.log = newValue } }
        }
    }
}
