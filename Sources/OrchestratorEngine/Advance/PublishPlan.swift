package import AgentProtocol
package import JSONTools
package import TaskTransport
package import WorkflowCore
package import WorkflowStorage

/// What has to be done for one committed batch, and in which order, as a value.
///
/// Sends, acknowledgements and control messages may overtake one another; the rest comes after them.
package struct PublishPlan: Sendable {
    /// How old a batch may be when its tasks are put on the streams, in milliseconds. The relay sends what is not marked
    /// as published after 5 s: an older send would be on the stream twice.
    package static let sendLimitMilliseconds: Int64 = 3000

    /// One thing to do.
    package enum Action: Sendable {
        /// The sends of these tasks need no mark any more.
        case noteClosed([UniqueID])
        /// The searchable rows of these workflows need no refresh.
        case noteCurrent([UniqueID])
        /// Put tasks on the streams; entries that are known are noted as published.
        case send([BatchEffects.Send], [OutgoingTask])
        /// Acknowledge results.
        case acknowledge([String])
        /// Tell agents to stop, and what they may forget.
        case control([(agentType: String, message: ControlMessage)])
        /// Searchable rows may be refreshed within a second.
        case noteSummaries([WorkflowSummary])
        /// Remove the entries of attempts that nobody will acknowledge.
        case remove([(stream: String, entryID: String)])
        /// Show dead letters on Redis.
        case mirror([DeadLetter])
        /// Name accepted commits in their repositories.
        case nameCommits([BatchEffects.AcceptedCommit])
        /// Tell those who watch workflows here.
        case notify(Set<UniqueID>)
        /// Tell those who watch on Redis.
        case announce([BatchEffects.Published])
    }

    /// First, at once.
    package private(set) var before: [Action] = []
    /// Then, in any order.
    package private(set) var together: [Action] = []
    /// Then, one after the other.
    package private(set) var after: [Action] = []
    /// How many sends are left to the relay because the batch is too old.
    package private(set) var dropped = 0

    /// The plan for a batch.
    ///
    /// - Parameters:
    ///   - monotonic: the present, by the clock that the batch was stamped with.
    ///   - now: for the marks on messages.
    ///   - entropy: source of message ids.
    package init(
        _ effects: BatchEffects, monotonic: Int64, now: Timestamp, entropy: inout EntropySource,
        envelopes: EnvelopeFactory, names: ChannelNames
    ) {
        if !effects.closed.isEmpty { before.append(.noteClosed(effects.closed)) }
        if !effects.current.isEmpty { before.append(.noteCurrent(effects.current)) }
        if !effects.sends.isEmpty {
            if let begunAt = effects.begunAt, monotonic - begunAt > Self.sendLimitMilliseconds {
                dropped = effects.sends.count
            } else {
                together.append(
                    .send(effects.sends, Self.tasks(effects.sends, at: now, using: &entropy, by: envelopes)))
            }
        }
        if !effects.acknowledgements.isEmpty { together.append(.acknowledge(effects.acknowledgements)) }
        if !effects.stops.isEmpty || !effects.settled.isEmpty {
            together.append(.control(Self.messages(effects, at: now)))
        }
        if !effects.summaries.isEmpty { after.append(.noteSummaries(effects.summaries)) }
        // Where no entry is known, the walk of the streams finds it.
        let entries = effects.left.filter { !$0.entryID.isEmpty }.map { entry in
            (stream: names.tasks(entry.agentType, lane(of: entry.priority)), entryID: entry.entryID)
        }
        if !entries.isEmpty { after.append(.remove(entries)) }
        if !effects.deadLetters.isEmpty { after.append(.mirror(effects.deadLetters)) }
        if !effects.commits.isEmpty { after.append(.nameCommits(effects.commits)) }
        if !effects.events.isEmpty {
            after.append(.notify(Set(effects.events.map(\.workflowID))))
            after.append(.announce(effects.events))
        }
    }

    private static func tasks(
        _ sends: [BatchEffects.Send], at now: Timestamp, using entropy: inout EntropySource,
        by envelopes: EnvelopeFactory
    ) -> [OutgoingTask] {
        var tasks: [OutgoingTask] = []
        tasks.reserveCapacity(sends.count)
        for send in sends {
            tasks.append(
                OutgoingTask(
                    agentType: send.agentType, lane: lane(of: send.priority), taskID: send.reference.taskID,
                    attempt: send.reference.attempt,
                    envelope: envelopes.message(for: send, messageID: UniqueID.v7(at: now, using: &entropy))))
        }
        return tasks
    }

    private static func messages(
        _ effects: BatchEffects, at now: Timestamp
    ) -> [(agentType: String, message: ControlMessage)] {
        var messages: [(agentType: String, message: ControlMessage)] = effects.stops.map { stop in
            (stop.agentType, .cancel(CancelMessage(agentID: nil, sentAt: now, reference: stop.reference.wire)))
        }
        var settled: [String: (agentType: String, references: [TaskReference])] = [:]
        for entry in effects.settled {
            settled[entry.agentID, default: (entry.agentType, [])].references.append(entry.reference.wire)
        }
        for (agentID, entry) in settled.sorted(by: { $0.key < $1.key }) {
            messages.append(
                (
                    entry.agentType,
                    .heartbeatAck(
                        HeartbeatAcknowledgement(agentID: agentID, sentAt: now, known: true, settled: entry.references))
                ))
        }
        return messages
    }
}
