import AgentProtocol
import JSONTools
public import Logging
public import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Carries out what batches left to do: sends, stop orders, acknowledgements, notices. All of one round goes out
/// together, pipelined; what fails is made good by the relay and by redelivery.
public final class EffectPublisher: Sendable {
    private let queue: EffectQueue
    private let bus: any TaskBus
    private let deferred: DeferredWrites
    private let feed: LiveFeed
    private let envelopes: EnvelopeFactory
    private let logger: Logger

    /// A publisher of what `queue` brings.
    public init(
        queue: EffectQueue, bus: any TaskBus, deferred: DeferredWrites, feed: LiveFeed,
        envelopes: EnvelopeFactory, logger: Logger
    ) {
        self.queue = queue
        self.bus = bus
        self.deferred = deferred
        self.feed = feed
        self.envelopes = envelopes
        self.logger = logger
    }

    /// Runs until the queue is closed and empty.
    public func run() async {
        while let batches = await queue.takeAll() {
            for batch in batches { await carryOut(batch) }
        }
    }

    private func carryOut(_ batch: BatchEffects) async {
        deferred.note(closed: batch.closed)
        async let sends: Void = send(batch.sends)
        async let acknowledged: Void = acknowledge(batch.acknowledgements)
        async let controlled: Void = control(batch)
        _ = await (sends, acknowledged, controlled)
        deferred.note(summaries: batch.summaries)
        await remove(batch.left)
        await bus.mirror(batch.deadLetters)
        AcceptedReferences.write(batch.commits, envelopes: envelopes, logger: logger)
        if !batch.events.isEmpty {
            feed.notify(Set(batch.events.map(\.workflowID)))
            await announce(batch.events)
        }
    }

    private func send(_ sends: [BatchEffects.Send]) async {
        guard !sends.isEmpty else { return }
        var entropy = EntropySource.system()
        let now = Timestamp.now()
        let outgoing = sends.map { send in
            OutgoingTask(
                agentType: send.agentType, lane: lane(of: send.priority), taskID: send.reference.taskID,
                attempt: send.reference.attempt,
                envelope: envelopes.message(for: send, messageID: UniqueID.v7(at: now, using: &entropy)))
        }
        do {
            let entries = try await bus.publish(outgoing)
            deferred.note(
                published: zip(sends, entries).compactMap { send, entry in
                    entry.map {
                        PublishedSend(workflowID: send.workflowID, reference: send.reference, entryID: "\($0)")
                    }
                })
        } catch {
            logger.warning(
                "tasks could not be published; the relay will",
                metadata: ["count": "\(sends.count)", "error": "\(error)"])
        }
    }

    private func acknowledge(_ entries: [String]) async {
        guard !entries.isEmpty else { return }
        do {
            try await bus.acknowledgeResults(entries)
        } catch {
            logger.warning(
                "results could not be acknowledged; they come again and will be ignored",
                metadata: ["count": "\(entries.count)", "error": "\(error)"])
        }
    }

    /// Removes the entries of attempts that were closed here. Where no entry is known, the walk of the streams finds it.
    private func remove(_ left: [LeftEntry]) async {
        let entries = left.filter { !$0.entryID.isEmpty }.map { entry in
            (stream: bus.names.tasks(entry.agentType, lane(of: entry.priority)), entryID: entry.entryID)
        }
        guard !entries.isEmpty else { return }
        do {
            try await bus.deleteTaskEntries(entries)
        } catch {
            logger.warning("entries of closed attempts stay until the next walk", metadata: ["error": "\(error)"])
        }
    }

    private func control(_ batch: BatchEffects) async {
        guard !batch.stops.isEmpty || !batch.settled.isEmpty else { return }
        let now = Timestamp.now()
        var messages: [(agentType: String, message: ControlMessage)] = batch.stops.map { stop in
            (stop.agentType, .cancel(CancelMessage(agentID: nil, sentAt: now, reference: stop.reference.wire)))
        }
        var settled: [String: (agentType: String, references: [TaskReference])] = [:]
        for entry in batch.settled {
            settled[entry.agentID, default: (entry.agentType, [])].references.append(entry.reference.wire)
        }
        for (agentID, entry) in settled {
            messages.append(
                (
                    entry.agentType,
                    .heartbeatAck(
                        HeartbeatAcknowledgement(
                            agentID: agentID, sentAt: now, known: true, settled: entry.references))
                ))
        }
        do {
            try await bus.control(messages)
        } catch {
            logger.warning(
                "control messages could not be sent; the next heartbeat asks again", metadata: ["error": "\(error)"])
        }
    }

    private func announce(_ events: [BatchEffects.Published]) async {
        guard feed.announces(at: .now) else { return }
        let value = JSONValue.array(
            events.map { event in
                [
                    "workflow_id": .string("\(event.workflowID)"), "seq": .integer(event.record.sequence),
                    "kind": .string(event.record.kind.rawValue), "severity": .string(event.record.severity.rawValue),
                    "actor": .string(event.record.actor), "at": .string("\(event.at)"),
                    "data": .object(event.record.data),
                ]
            })
        do {
            let listeners = try await bus.announce(value.encoded())
            feed.noteListeners(listeners, at: .now)
        } catch {
            feed.noteListeners(0, at: .now)
        }
    }
}
