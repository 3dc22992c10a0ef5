import AgentProtocol
public import JSONTools
import WorkflowCore

/// Makes wire messages of attempts: the one place where the machine's words become the protocol's.
public struct EnvelopeFactory: Sendable {
    /// Name of this orchestrator, for `metadata.created_by`.
    public let orchestrator: String
    /// Absolute path of the data directory that all processes share.
    public let dataDirectory: String
    /// How often agents say that they live, in milliseconds.
    public let heartbeatMilliseconds: Int
    /// After how long a silence an agent counts as lost, in milliseconds.
    public let leaseMilliseconds: Int
    /// The data directory as the beginning of a URL.
    private let baseURL: String

    /// A factory for one orchestrator.
    public init(
        orchestrator: String, dataDirectory: String, heartbeatMilliseconds: Int = 5000, leaseMilliseconds: Int = 15_000
    ) {
        self.orchestrator = orchestrator
        self.dataDirectory = dataDirectory
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        baseURL = "file://" + Self.escaped(dataDirectory)
    }

    /// Path of a workflow's bare repository.
    public func repositoryPath(of workflowID: UniqueID) -> String {
        dataDirectory + Self.repositoryName(of: workflowID)
    }

    /// What comes after the data directory, in paths and in URLs.
    private static func repositoryName(of workflowID: UniqueID) -> String { "/workspaces/\(workflowID).git" }

    /// A path as it stands in a URL (RFC 3986, section 3.3).
    private static func escaped(_ path: String) -> String {
        let plain = Set("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            if plain.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The envelope of an attempt but for the marks of one send: encoded once, kept in the attempt's row, sent as it is.
    func body(for order: AttemptOrder, of machine: WorkflowMachine, at now: Timestamp, spanID: UInt64) -> [UInt8] {
        let stage = machine.definition.stages[order.stage]
        let facts = machine.facts
        let envelope = TaskEnvelope(
            messageID: order.reference.taskID, taskID: order.reference.taskID, workflowID: facts.id,
            attempt: order.reference.attempt, dispatchID: DispatchID(rawValue: order.reference.dispatchID),
            generation: order.generation, agentType: stage.agent, action: stage.action, stage: stage.name,
            priority: lane(of: facts.priority),
            constraints: TaskConstraints(
                timeoutMilliseconds: max(1, Int(stage.timeout.wholeMilliseconds)), maxAttempts: stage.retry.maxAttempts,
                heartbeatMilliseconds: heartbeatMilliseconds, leaseMilliseconds: leaseMilliseconds),
            payload: order.payload,
            workflowContext: WorkflowContext(
                workflowType: facts.type, workflowName: facts.name, currentStage: stage.name,
                requirements: facts.requirements, input: facts.input,
                stageOutputs: shortened(order.stageOutputs)),
            answers: order.answers.map { Answer(id: $0.id, value: $0.value) },
            workspace: workspace(of: stage, order, machine),
            artifactsURL: "\(baseURL)/artifacts",
            trace: TraceContext(traceID: facts.traceID, spanID: DispatchID(rawValue: spanID).description),
            createdAt: now, createdBy: orchestrator)
        return envelope.encodedBody()
    }

    /// A whole message for one send.
    func message(for send: BatchEffects.Send, messageID: UniqueID) -> [UInt8] {
        TaskEnvelope.assemble(
            messageID: messageID, dispatchID: DispatchID(rawValue: send.reference.dispatchID), body: send.payload)
    }

    private func workspace(
        of stage: StageDefinition, _ order: AttemptOrder, _ machine: WorkflowMachine
    ) -> WorkspaceReference {
        let url = baseURL + Self.repositoryName(of: machine.facts.id)
        switch stage.workspace {
        case .none: return WorkspaceReference(mode: .none)
        case .read: return WorkspaceReference(mode: .read, url: url, commit: order.inputCommit)
        case .write: return WorkspaceReference(mode: .write, url: url, commit: order.inputCommit)
        }
    }

    /// Outputs for the envelope: together at most 128 KiB; the largest ones are named by hash and size instead.
    private func shortened(_ outputs: [String: JSONValue]) -> JSONObject {
        var encoded = outputs.map { (stage: $0.key, value: $0.value, bytes: $0.value.encoded()) }
        encoded.sort { ($0.bytes.count, $0.stage) < ($1.bytes.count, $1.stage) }
        var object = JSONObject()
        var total = 0
        for entry in encoded {
            total += entry.bytes.count
            if total <= ProtocolLimits.stageOutputsBytes * 3 / 4 {
                object[entry.stage] = entry.value
            } else {
                object[entry.stage] = [
                    "sha256": .string(SHA256Digest.hex(of: entry.bytes)), "size": .integer(Int64(entry.bytes.count)),
                ]
            }
        }
        return object
    }
}

/// The lane of a priority.
func lane(of priority: WorkflowPriority) -> TaskLane {
    switch priority {
    case .critical: .critical
    case .high: .high
    case .medium: .medium
    case .low: .low
    }
}
