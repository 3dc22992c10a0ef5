import AgentProtocol
import JSONTools
public import Logging
public import TaskTransport
import WorkflowCore
public import WorkflowStorage

/// Takes results off the road and hands them to the Advancer. What can't be read becomes a dead letter.
public struct ResultIntake: Sendable {
    private let advancer: Advancer
    private let bus: any TaskBus
    private let store: any WatchStore
    private let logger: Logger

    /// An intake for one orchestrator.
    public init(advancer: Advancer, bus: any TaskBus, store: any WatchStore, logger: Logger) {
        self.advancer = advancer
        self.bus = bus
        self.store = store
        self.logger = logger
    }

    /// Takes one batch of entries. Acknowledging them is an effect of the batch that commits them.
    ///
    /// - Throws: `BatchError` if a dead letter can't be kept; then the same batch has to be taken again.
    public func take(_ entries: [InboundMessage]) async throws(BatchError) {
        var submissions: [Submission] = []
        var unreadable: [(entry: InboundMessage, letter: DeadLetter)] = []
        submissions.reserveCapacity(entries.count)
        for entry in entries {
            if entry.isPoisoned {
                unreadable.append(
                    (entry, letter(entry, cause: "CLAIMED_TOO_OFTEN", detail: "claimed from dead consumers repeatedly"))
                )
                continue
            }
            do throws(ProtocolError) {
                submissions.append(submission(for: try TaskResult(decoding: entry.bytes), entry: entry))
            } catch {
                unreadable.append((entry, letter(entry, cause: error.code.rawValue, detail: "\(error)")))
            }
        }
        if !unreadable.isEmpty {
            try await store.keep(unreadable.map(\.letter))
            await bus.mirror(unreadable.map(\.letter))
            await acknowledge(unreadable.map(\.entry))
            logger.warning(
                "results that can't be read became dead letters", metadata: ["count": "\(unreadable.count)"])
        }
        await advancer.enqueue(submissions)
    }

    private func letter(_ entry: InboundMessage, cause: String, detail: String) -> DeadLetter {
        DeadLetter(kind: .message, source: "orchestrator:results", cause: cause, detail: detail, bytes: entry.bytes)
    }

    private func acknowledge(_ entries: [InboundMessage]) async {
        do {
            try await bus.acknowledgeResults(entries.map(\.entryID))
        } catch {
            logger.warning("dead letters could not be acknowledged; they come again", metadata: ["error": "\(error)"])
        }
    }

    private func submission(for result: TaskResult, entry: InboundMessage) -> Submission {
        let reference = AttemptReference(result.reference)
        let outcome = AttemptOutcome(
            reference: reference, stage: result.stage, agentID: result.agentID, status: status(of: result.status),
            output: .object(result.output), commit: result.commit,
            artifacts: result.artifacts.map { artifact in
                [
                    "name": .string(artifact.name), "type": .string(artifact.type),
                    "size_bytes": .integer(Int64(artifact.sizeBytes)), "sha256": .string(artifact.sha256),
                    "label": artifact.label.map { .string($0) } ?? .null,
                ]
            },
            faults: result.errors.map {
                WorkflowFault(code: $0.code, message: $0.message, isRetryable: $0.retryable)
            })
        return Submission(
            .event(.taskFinished(outcome), workflowID: result.workflowID),
            origin: .result(
                entryID: entry.entryID, agentType: result.agentType, agentID: result.agentID, reference: reference,
                bytes: entry.bytes))
    }

    private func status(of status: TaskResult.Status) -> AttemptOutcome.Status {
        switch status {
        case .success: .success
        case .failure: .failure
        case .partial: .partial
        case .needsInput: .needsInput
        case .cancelled: .cancelled
        }
    }
}
