import JSONTools
public import Logging
public import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Carries out what batches left to do, as ``PublishPlan`` says. What fails is made good by the relay and by redelivery.
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
        var entropy = EntropySource.system()
        while let batches = await queue.takeAll() {
            for batch in batches {
                let plan = PublishPlan(
                    batch, monotonic: MonotonicTime.milliseconds, now: .now(), entropy: &entropy, envelopes: envelopes,
                    names: bus.names)
                await carryOut(plan)
            }
        }
    }

    private func carryOut(_ plan: PublishPlan) async {
        if plan.dropped > 0 {
            logger.warning("tasks that waited too long are left to the relay", metadata: ["count": "\(plan.dropped)"])
        }
        for action in plan.before { await carryOut(action) }
        if plan.together.count == 1 {
            await carryOut(plan.together[0])
        } else if !plan.together.isEmpty {
            await withTaskGroup(of: Void.self) { group in
                for action in plan.together { group.addTask { await self.carryOut(action) } }
            }
        }
        for action in plan.after { await carryOut(action) }
    }

    private func carryOut(_ action: PublishPlan.Action) async {
        do {
            switch action {
            case .noteClosed(let taskIDs): deferred.note(closed: taskIDs)
            case .noteCurrent(let workflowIDs): deferred.note(current: workflowIDs)
            case .send(let sends, let tasks): note(try await bus.publish(tasks), of: sends)
            case .acknowledge(let entries): try await bus.acknowledgeResults(entries)
            case .control(let messages): try await bus.control(messages)
            case .noteSummaries(let summaries): deferred.note(summaries: summaries)
            case .remove(let entries): try await bus.deleteTaskEntries(entries)
            case .mirror(let letters): await bus.mirror(letters)
            case .nameCommits(let commits):
                AcceptedReferences.write(commits, envelopes: envelopes, logger: logger)
            case .notify(let workflows): feed.notify(workflows)
            case .announce(let events): try await announce(events)
            }
        } catch {
            lament(action, error)
        }
    }

    private func note(_ entries: [String?], of sends: [BatchEffects.Send]) {
        deferred.note(
            published: zip(sends, entries).compactMap { send, entry in
                entry.map {
                    PublishedSend(workflowID: send.workflowID, reference: send.reference, entryID: "\($0)")
                }
            })
    }

    private func announce(_ events: [BatchEffects.Published]) async throws {
        guard feed.announces(at: .now) else { return }
        feed.noteOwn(events.lazy.map { (workflowID: $0.workflowID, sequence: $0.record.sequence) })
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
            throw error
        }
    }

    /// Says what failed, and what makes it good.
    private func lament(_ action: PublishPlan.Action, _ error: any Error) {
        let text: Logger.Message
        switch action {
        case .send: text = "tasks could not be published; the relay will"
        case .acknowledge: text = "results could not be acknowledged; they come again and will be ignored"
        case .control: text = "control messages could not be sent; the next heartbeat asks again"
        case .remove: text = "entries of closed attempts stay until the next walk"
        case .announce, .noteClosed, .noteCurrent, .noteSummaries, .mirror, .nameCommits, .notify:
            // Nobody depends on it.
            return
        }
        logger.warning(text, metadata: ["error": "\(error)"])
    }
}
