import JSONTools
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Task streams held against the record, as a value: what is there and should not be goes; what should be there and is
/// gone is sent again; what a dead agent took with it is lost.
struct StreamAudit: Sendable {
    /// An entry of a task stream.
    struct Entry: Sendable, Hashable {
        var stream: String
        var entryID: String
        /// Nil if the entry can't be read.
        var reference: AttemptReference?
        /// The agent that took it and has not acknowledged it; nil while it waits.
        var consumer: String?
        /// How long the consumer has had it, in milliseconds.
        var idleMilliseconds: Int64
    }

    /// What has to be done.
    struct Findings: Sendable {
        var remove: [Entry] = []
        var submissions: [Submission] = []
        /// Open sends that no stream holds and no agent has said it runs.
        var missing: [OpenAttemptRow] = []
    }

    /// How old an unbound send must be before its absence means anything, in milliseconds.
    var settleMilliseconds: Int64
    /// How long a live agent may hold an entry without saying that it runs it, in milliseconds.
    var silenceMilliseconds: Int64
    /// How long an agent may be silent, in milliseconds.
    var leaseMilliseconds: Int64

    /// Judges.
    ///
    /// - Parameters:
    ///   - entries: all entries of all task streams.
    ///   - open: all open attempts.
    ///   - living: ids of the agents heard within their lease.
    ///   - gone: ids of agents that said goodbye.
    ///   - judgesAgents: whether an agent's silence proves anything at present.
    func judge(
        entries: [Entry], open: [OpenAttemptRow], living: Set<String>, gone: Set<String>, judgesAgents: Bool
    ) -> Findings {
        var findings = Findings()
        var rows: [AttemptReference: OpenAttemptRow] = [:]
        for row in open { rows[row.reference] = row }
        var present: Set<AttemptReference> = []
        for entry in entries {
            // What can't be read is left to an agent, which answers with `rejected` and removes it.
            guard let reference = entry.reference else { continue }
            guard let row = rows[reference] else {
                findings.remove.append(entry)
                continue
            }
            present.insert(reference)
            guard let consumer = entry.consumer, row.agentID == nil, judgesAgents else { continue }
            if !living.contains(consumer), entry.idleMilliseconds > leaseMilliseconds {
                // Taken by an agent that died before it could say so: the attempt is lost with it. If it ended in good
                // order that is not its task's doing, so it doesn't count.
                let event: WorkflowEvent =
                    gone.contains(consumer)
                    ? .abandoned(reference, agentID: consumer) : .leaseExpired(reference, agentID: consumer)
                findings.submissions.append(
                    Submission(.event(event, workflowID: row.workflowID), origin: .watch))
                findings.remove.append(entry)
            } else if living.contains(consumer), entry.idleMilliseconds > silenceMilliseconds {
                findings.submissions.append(sendLost(row))
                findings.remove.append(entry)
            }
        }
        for row in open
        where row.agentID == nil && !row.isStopping && row.ageMilliseconds > settleMilliseconds
            && !present.contains(row.reference)
        {
            findings.missing.append(row)
        }
        return findings
    }

    /// The agents that hold entries for longer than a lease and were not heard in it: it matters how they ended.
    func silent(_ entries: [Entry], living: Set<String>) -> [String] {
        let holders = entries.filter { $0.idleMilliseconds > leaseMilliseconds }.compactMap(\.consumer)
        return Set(holders).subtracting(living).sorted()
    }

    private func sendLost(_ row: OpenAttemptRow) -> Submission {
        Submission(
            .event(.sendLost(row.reference, reason: .claimedAndSilent), workflowID: row.workflowID), origin: .watch)
    }
}

extension StreamAudit.Entry {
    init(_ entry: TaskStreamEntry) {
        self.init(
            stream: entry.stream, entryID: entry.entryID, reference: entry.reference.map { AttemptReference($0) },
            consumer: entry.consumer, idleMilliseconds: entry.idleMilliseconds)
    }
}
