public import JSONTools
public import WorkflowCore

/// A workflow's searchable row.
public struct WorkflowRow: Sendable {
    public var id: UniqueID
    public var type: String
    public var definitionVersion: Int
    public var name: String
    public var description: String
    public var requirements: String
    public var priority: String
    public var input: JSONValue
    public var traceID: String
    public var createdBy: String
    /// As the API calls it; `waiting_for_agent` is derived from tasks and living agents.
    public var status: String
    public var currentStage: String?
    /// In percent.
    public var progress: Int
    public var fault: WorkflowFault?
    public var faultStage: String?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var startedAt: Timestamp?
    public var completedAt: Timestamp?
}

/// All that the record says about one workflow, read in one round trip.
public struct WorkflowDetail: Sendable {
    public var row: WorkflowRow
    public var definitionHash: String
    public var state: WorkflowState
    /// Outputs of completed stages, every generation.
    public var outputs: [OutputRow]
    /// The newest attempt of each stage, by the stage's name.
    public var newestAttempts: [String: TaskRow]
    /// How many agents of each type live.
    public var livingAgents: [String: Int]
    /// Database time of the reading.
    public var now: Timestamp
}

/// What a stage handed on.
public struct OutputRow: Sendable {
    public var stage: String
    public var generation: Int
    public var output: JSONValue
    public var artifacts: [JSONValue]
    public var commit: String?
}

/// An attempt.
public struct TaskRow: Sendable {
    public var workflowID: UniqueID
    public var taskID: UniqueID
    public var attempt: Int
    public var stage: String
    public var generation: Int
    public var agentType: String
    public var action: String
    public var status: TaskStatus
    public var dispatchID: UInt64
    public var agentID: String?
    public var faultCode: String?
    public var createdAt: Timestamp
    public var startedAt: Timestamp?
    public var completedAt: Timestamp?
    public var deadline: Timestamp?
}

/// An entry of the audit trail.
public struct EventRow: Sendable {
    public var sequence: Int64
    public var kind: String
    public var severity: String
    public var actor: String
    public var at: Timestamp
    public var data: JSONValue
}

/// A line of a task's log.
public struct LogLineRow: Sendable {
    /// Position in the workflow's log.
    public var id: Int64
    public var stage: String
    public var taskID: UniqueID
    public var attempt: Int
    /// Number of the line within its attempt.
    public var line: Int
    public var at: Timestamp
    public var level: String
    public var stream: String
    public var text: String
}

/// A file that a stage kept.
public struct ArtifactRow: Sendable {
    public var stage: String
    public var generation: Int
    public var name: String
    public var type: String
    public var sha256: String
    public var sizeBytes: Int64
    public var label: String?
    public var createdAt: Timestamp
}

/// An agent that was heard.
public struct AgentRow: Sendable {
    public var agentID: String
    public var agentType: String
    public var version: String
    /// Its actions, as it registered them.
    public var actions: JSONValue
    public var slots: Int
    public var freeSlots: Int
    public var running: Int
    public var host: String
    public var pid: Int64
    public var registeredAt: Timestamp
    public var lastHeartbeatAt: Timestamp
    public var goneAt: Timestamp?
    /// Whether it was heard within the lease and has not said goodbye.
    public var isLiving: Bool
}

/// A message or task that was set aside.
public struct DeadLetterRow: Sendable {
    public var id: UniqueID
    public var kind: String
    public var source: String
    public var cause: String
    public var detail: String
    public var workflowID: UniqueID?
    public var sizeBytes: Int
    public var createdAt: Timestamp
}

/// An access token, by the hash of its secret.
public struct TokenRow: Sendable, Hashable {
    /// SHA-256 in lower-case hex.
    public var hash: String
    public var name: String
    public var role: String
    public var tenant: String

    /// A token.
    public init(hash: String, name: String, role: String, tenant: String) {
        self.hash = hash
        self.name = name
        self.role = role
        self.tenant = tenant
    }
}
