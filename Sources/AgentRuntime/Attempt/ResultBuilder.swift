import AgentProtocol
import JSONTools

/// Puts results together and keeps them within the limits of the protocol.
struct ResultBuilder: Sendable {
    let agentID: String
    let agentType: String

    /// When an attempt began and ended.
    struct Times: Sendable {
        var started: Timestamp
        var completed: Timestamp
        var duration: Duration
    }

    func result(
        of envelope: TaskEnvelope,
        _ outcome: ActionOutcome,
        artifacts: [ArtifactReference] = [],
        at times: Times
    ) -> TaskResult {
        var random = SystemRandomNumberGenerator()
        var result = TaskResult(
            messageID: .v7(at: times.completed, using: &random),
            taskID: envelope.taskID,
            workflowID: envelope.workflowID,
            attempt: envelope.attempt,
            dispatchID: envelope.dispatchID,
            agentID: agentID,
            agentType: agentType,
            stage: envelope.stage,
            step: envelope.step,
            status: outcome.status,
            output: outcome.output,
            commit: outcome.commit,
            artifacts: artifacts.map(Self.bounded),
            metrics: TaskMetrics(durationMilliseconds: Self.milliseconds(times.duration)),
            confidence: outcome.confidence.map { $0.isNaN ? 0 : min(max($0, 0), 1) },
            errors: outcome.faults.prefix(50).map(Self.bounded),
            questions: outcome.questions,
            warnings: outcome.warnings.prefix(200).map {
                ProtocolLimits.truncated($0, toBytes: ProtocolLimits.shortTextBytes * 4)
            },
            startedAt: times.started,
            completedAt: times.completed,
            trace: envelope.trace.map { Self.child(of: $0, using: &random) }
        )
        do {
            try result.checkSize()
        } catch {
            result.status = .failure
            result.output = [:]
            result.warnings = []
            result.questions = []
            result.errors = [
                TaskFault(
                    code: error.code.rawValue, message: "The result is too large to be reported: \(error.message).")
            ]
        }
        return result
    }

    /// The result itself if the orchestrator can decode it, otherwise a failure that says what is wrong with it.
    func checked(_ result: TaskResult) -> TaskResult {
        do {
            _ = try TaskResult(decoding: result.encoded())
            return result
        } catch {
            var result = result
            result.status = .failure
            (result.output, result.artifacts, result.questions, result.warnings) = ([:], [], [], [])
            result.commit = nil
            result.errors = [
                TaskFault(code: "ACTION_ERROR", message: "The action's result breaks the protocol's rules: \(error).")
            ]
            return result
        }
    }

    func result(of envelope: TaskEnvelope, _ failure: ActionFailure, at times: Times) -> TaskResult {
        result(of: envelope, Self.outcome(failure), at: times)
    }

    /// What an attempt ends with that was stopped; nil when nothing is to be reported.
    ///
    /// - Parameter milliseconds: From the order to stop until all its processes were gone; nil while it still runs.
    static func outcome(
        stopped reason: StopReason, after milliseconds: Int?, _ envelope: TaskEnvelope
    ) -> ActionOutcome? {
        let detail: JSONObject = milliseconds.map { ["stopped_after_ms": .integer(Int64($0))] } ?? [:]
        switch reason {
        case .cancelled:
            let how = milliseconds.map { "all that belonged to it was gone after \($0) ms" } ?? "it has not ended yet"
            var outcome = ActionOutcome(status: .cancelled)
            outcome.faults = [
                TaskFault(
                    // Retryable: if nobody cancelled the stage, the order was a mistake.
                    code: "CANCELLED", message: "The attempt was told to stop; \(how).", retryable: true,
                    detail: detail)
            ]
            return outcome
        case .timedOut:
            let limit = envelope.constraints.timeoutMilliseconds
            return outcome(
                ActionFailure(
                    code: "TIMEOUT",
                    message:
                        "The attempt was stopped after its limit of \(limit) ms. Give the stage a longer timeout, or "
                        + "look in the log for what took so long.",
                    retryable: true, detail: detail
                ))
        case .shutdown:
            return nil
        }
    }

    static func outcome(_ failure: ActionFailure) -> ActionOutcome {
        var outcome = ActionOutcome(status: .failure)
        outcome.faults = [
            TaskFault(
                code: failure.code, message: failure.message, retryable: failure.retryable, detail: failure.detail)
        ]
        return outcome
    }

    private static func bounded(_ fault: TaskFault) -> TaskFault {
        var fault = fault
        fault.code = ProtocolLimits.truncated(fault.code.isEmpty ? "FAILED" : fault.code, toBytes: 128)
        fault.message = ProtocolLimits.truncated(fault.message, toBytes: ProtocolLimits.longTextBytes / 2)
        if JSONValue.object(fault.detail).encoded().count > 16 << 10 {
            fault.detail = ["left_out": "larger than 16 KiB"]
        }
        return fault
    }

    private static func bounded(_ artifact: ArtifactReference) -> ArtifactReference {
        var artifact = artifact
        if artifact.name.isEmpty { artifact.name = "artifact" }
        if artifact.type.isEmpty { artifact.type = "application/octet-stream" }
        if artifact.label?.isEmpty == true { artifact.label = nil }
        artifact.name = ProtocolLimits.truncated(artifact.name, toBytes: ProtocolLimits.shortTextBytes)
        artifact.type = ProtocolLimits.truncated(artifact.type, toBytes: 128)
        artifact.label = artifact.label.map { ProtocolLimits.truncated($0, toBytes: ProtocolLimits.shortTextBytes) }
        return artifact
    }

    private static func child(
        of trace: TraceContext, using random: inout SystemRandomNumberGenerator
    ) -> TraceContext {
        let digits = String(random.next() as UInt64, radix: 16)
        let span = String(repeating: "0", count: 16 - digits.count) + digits
        return TraceContext(traceID: trace.traceID, spanID: span, parentSpanID: trace.spanID)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(0, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}
