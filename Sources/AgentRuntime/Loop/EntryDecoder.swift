import AgentProtocol
import JSONTools
import TaskTransport

/// Turns entries into tasks, answers those that need no running, and says what is to become of those that are none.
struct EntryDecoder: Sendable {
    let builder: ResultBuilder
    /// The result of a task that needs no running.
    var immediateResult: @Sendable (TaskEnvelope) -> TaskResult? = { _ in nil }

    enum Decoded: Sendable {
        case task(DecodedTask)
        /// `answer` is a failure for the task that the entry names, if it names one.
        case broken(ClaimedTask, reason: String, answer: ReportOrder?)
    }

    func decode(_ entry: ClaimedTask) -> Decoded {
        let reason: String
        do {
            let envelope = try TaskEnvelope(decoding: entry.bytes)
            if envelope.agentType == builder.agentType {
                let answer = immediateResult(envelope)?.encoded()
                return .task(DecodedTask(entry: entry, envelope: envelope, answer: answer))
            }
            reason = "it is for agents of type \(envelope.agentType), this is one of type \(builder.agentType)"
        } catch {
            reason = "\(error)"
        }
        return .broken(entry, reason: reason, answer: answer(entry, reason))
    }

    /// A failure for whatever task the ids in the entry name.
    private func answer(_ entry: ClaimedTask, _ reason: String) -> ReportOrder? {
        guard let fields = try? JSONValue(parsing: entry.bytes, limits: ProtocolLimits.json),
            let taskID = fields["task_id"]?.stringValue.flatMap(UniqueID.init),
            let workflowID = fields["workflow_id"]?.stringValue.flatMap(UniqueID.init),
            let dispatchID = fields["dispatch_id"]?.stringValue.flatMap(DispatchID.init),
            let attempt = fields["attempt"]?.intValue, (1...ProtocolLimits.counter).contains(attempt)
        else { return nil }
        let now = Timestamp.now()
        let stage = fields["stage"]?.stringValue ?? ""
        let envelope = TaskEnvelope(
            messageID: taskID, taskID: taskID, workflowID: workflowID, attempt: attempt, dispatchID: dispatchID,
            agentType: builder.agentType, action: "unknown", stage: Self.isName(stage) ? stage : "unknown",
            workflowContext: WorkflowContext(workflowType: "unknown", workflowName: "unknown", currentStage: "unknown"),
            createdAt: now, createdBy: "unknown")
        let failure = ActionFailure(code: "INVALID_ENVELOPE", message: "The envelope can't be used: \(reason).")
        let result = builder.result(of: envelope, failure, at: .init(started: now, completed: now, duration: .zero))
        return ReportOrder(reference: envelope.reference, bytes: result.encoded(), entry: entry.withoutBytes)
    }

    /// Whether the text is a name by the protocol's rules, so that the answer can be decoded in its turn.
    private static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first != 0x2D, first != 0x2E, bytes.count <= ProtocolLimits.nameBytes else {
            return false
        }
        return bytes.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
    }
}
