import AgentProtocol
import JSONTools
package import TaskTransport
import WorkflowCore
package import WorkflowStorage

/// Results as they came off the road, told apart: what can be submitted, and what becomes a dead letter. A value.
package struct ResultSorting: Sendable {
    /// To be submitted, in the order in which they came.
    package private(set) var submissions: [Submission] = []
    /// To be kept as dead letters first, and only then acknowledged.
    package private(set) var unreadable: [(entry: InboundMessage, letter: DeadLetter)] = []

    /// Sorts some entries.
    ///
    /// - Parameter wereLeftBehind: whether another orchestrator had read them and did not record them.
    package init(_ entries: [InboundMessage], wereLeftBehind: Bool = false) {
        submissions.reserveCapacity(entries.count)
        for entry in entries {
            if entry.isPoisoned {
                let reason = "claimed from dead consumers repeatedly"
                refuse(entry, cause: "CLAIMED_TOO_OFTEN", detail: reason)
                if let failure = Self.failure(insteadOf: entry, because: reason) { submissions.append(failure) }
                continue
            }
            do throws(ProtocolError) {
                submissions.append(
                    Self.submission(
                        for: try TaskResult(decoding: entry.bytes), entry: entry, wasLeftBehind: wereLeftBehind))
            } catch {
                refuse(entry, cause: error.code.rawValue, detail: "\(error)")
            }
        }
    }

    private mutating func refuse(_ entry: InboundMessage, cause: String, detail: String) {
        let letter = DeadLetter(
            kind: .message, source: "orchestrator:results", cause: cause, detail: detail, bytes: entry.bytes)
        unreadable.append((entry, letter))
    }

    /// What ends the attempt whose result is set aside, if it can be told which one that is.
    private static func failure(insteadOf entry: InboundMessage, because reason: String) -> Submission? {
        guard let result = try? TaskResult(decoding: entry.bytes) else { return nil }
        let whole = submission(for: result, entry: entry, wasLeftBehind: false)
        guard case .event(.taskFinished(let outcome), let workflowID) = whole.body else { return nil }
        return Submission(
            .event(.taskFinished(outcome.refused(because: reason)), workflowID: workflowID), origin: .watch)
    }

    private static func submission(
        for result: TaskResult, entry: InboundMessage, wasLeftBehind: Bool
    ) -> Submission {
        let reference = AttemptReference(result.reference)
        var outcome = AttemptOutcome(
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
            },
            questions: result.questions.map { AskedQuestion(id: $0.id, text: $0.text, options: $0.options) })
        outcome.wasLeftBehind = wasLeftBehind
        return Submission(
            .event(.taskFinished(outcome), workflowID: result.workflowID),
            origin: .result(
                entryID: entry.entryID, agentType: result.agentType, agentID: result.agentID, reference: reference,
                bytes: entry.bytes))
    }

    private static func status(of status: TaskResult.Status) -> AttemptOutcome.Status {
        switch status {
        case .success: .success
        case .failure: .failure
        case .partial: .partial
        case .needsInput: .needsInput
        case .cancelled: .cancelled
        }
    }
}
