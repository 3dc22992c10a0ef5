import JSONTools
public import Logging
public import WorkflowStorage

/// The one door: all that changes workflows goes through it.
///
/// It has lanes, each with a transaction at a time on a connection of its own: while one waits for the disk, another
/// computes. A workflow always takes the same lane, so that what happens to it has an order. To the record lanes are what
/// several orchestrators are: each locks the workflows of its batch.
public final class Advancer: Sendable {
    private let lanes: [AdvancerLane]

    /// An advancer with as many lanes as sessions with the record.
    ///
    /// - Parameters:
    ///   - sessions: one at least.
    ///   - queue: where tasks that are beyond the send window are let go; nil to send all at once.
    public init(
        sessions: [any BatchSession],
        queue: (any WatchStore)? = nil,
        envelopes: EnvelopeFactory,
        output: EffectQueue,
        logger: Logger
    ) {
        precondition(!sessions.isEmpty, "An Advancer needs a session with the record.")
        let board = LaneBoard(lanes: sessions.count)
        lanes = sessions.enumerated().map { place, session in
            AdvancerLane(
                session: session, queue: queue, cache: RecordCache(), envelopes: envelopes, output: output,
                board: board, place: place, logger: logger)
        }
    }

    /// Whether the record could be reached when it was last tried.
    public var isRecordReachable: Bool { lanes.allSatisfy(\.isRecordReachable) }

    /// How many submissions wait.
    public var backlog: Int { lanes.reduce(0) { $0 + $1.backlog } }

    /// How often the watchdog's findings were committed here, since the start.
    public var findings: FindingCounters {
        lanes.reduce(into: FindingCounters()) { $0.add($1.findings) }
    }

    /// Whether attempts are open, as far as is known here.
    var hasOpenAttempts: Bool { lanes.contains { $0.hasOpenAttempts } }

    /// Takes note of what is under way for each agent type.
    func learn(_ loads: [AgentTypeLoad]) {
        for lane in lanes { lane.learn(loads) }
    }

    /// Submits and waits for the commit.
    ///
    /// - Returns: what became of it; at once `.overloaded` when the queue is full, and `.unavailable` when the record is
    ///   away or the orchestrator stops.
    public func submit(_ body: Submission.Body) async -> SubmissionOutcome {
        await lanes[place(of: body)].submit(body)
    }

    /// Hands in what nobody waits for, waiting for room while the queue is full.
    public func enqueue(_ submissions: [Submission]) async {
        guard lanes.count > 1 else { return await lanes[0].enqueue(submissions) }
        var parts: [[Submission]] = Array(repeating: [], count: lanes.count)
        for submission in submissions { parts[place(of: submission.body)].append(submission) }
        for (lane, part) in zip(lanes, parts) { await lane.enqueue(part) }
    }

    /// Runs until ``stop()`` or until the task is cancelled, then finishes the batches at hand and turns the rest away.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for lane in lanes { group.addTask { await lane.run() } }
        }
    }

    /// Lets the batches at hand be the last ones.
    public func stop() {
        for lane in lanes { lane.stop() }
    }

    /// Who repeats a request under the same key meets what was made of the first one in the same lane.
    private func place(of body: Submission.Body) -> Int {
        switch body {
        case .event(_, let workflowID): Int(workflowID.low % UInt64(lanes.count))
        case .create(let creation):
            if let key = creation.idempotencyKey {
                key.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % lanes.count
            } else {
                lanes.indices.min { lanes[$0].backlog < lanes[$1].backlog } ?? 0
            }
        }
    }
}
