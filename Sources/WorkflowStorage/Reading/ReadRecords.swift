public import JSONTools
public import WorkflowCore

/// A workflow's searchable row.
public struct WorkflowRow: Sendable {
    /// Its id.
    public var id: UniqueID
    /// The workflow type: its definition's name.
    public var type: String
    /// Version of the definition that it is pinned to.
    public var definitionVersion: Int
    /// The name that its creator gave it.
    public var name: String
    /// What its creator said about it.
    public var description: String
    /// What is wanted, in plain words.
    public var requirements: String
    /// `critical`, `high`, `medium` or `low`.
    public var priority: String
    /// The `input_data`, with the defaults of the definition's schema.
    public var input: JSONValue
    /// 32 hex digits (W3C Trace Context).
    public var traceID: String
    /// Name of the token that asked for it.
    public var createdBy: String
    /// As the API calls it; `waiting_for_agent` is derived from tasks and living agents.
    public var status: String
    /// The stage that it is at; nil before the first and after the last.
    public var currentStage: String?
    /// In percent.
    public var progress: Int
    /// Why it failed or was cancelled.
    public var fault: WorkflowFault?
    /// The stage at fault.
    public var faultStage: String?
    /// When it was recorded.
    public var createdAt: Timestamp
    /// When the row last changed.
    public var updatedAt: Timestamp
    /// When it began.
    public var startedAt: Timestamp?
    /// When it ended.
    public var completedAt: Timestamp?
}

/// All that the record says about one workflow, read in one round trip.
public struct WorkflowDetail: Sendable {
    /// The searchable row.
    public var row: WorkflowRow
    /// Content hash of the definition that it is pinned to.
    public var definitionHash: String
    /// The machine's state.
    public var state: WorkflowState
    /// Outputs of completed stages, every generation.
    public var outputs: [OutputRow]
    /// The newest attempt of each stage, by the stage's name.
    public var newestAttempts: [String: TaskRow]
    /// How many tasks of its type wait since longer than the task of a stage, by the stage's name, where that has waited
    /// for a while; at most ``PostgresReadStore/mostTasksAhead``.
    public var tasksAhead: [String: Int] = [:]
    /// The questions that wait for people, in the order of asking.
    public var questions: [QuestionRow] = []
    /// How many agents of each type live.
    public var livingAgents: [String: Int]
    /// Database time of the reading.
    public var now: Timestamp
}

/// What a stage handed on.
public struct OutputRow: Sendable {
    /// The stage's name.
    public var stage: String
    /// The stage's generation, counted from 1.
    public var generation: Int
    /// What the agent reported.
    public var output: JSONValue
    /// `{name, type, sha256, size_bytes, label}` of each stored file.
    public var artifacts: [JSONValue]
    /// The commit that the stage made; nil if it made none.
    public var commit: String?
}

/// An attempt.
public struct TaskRow: Sendable {
    /// The workflow that it belongs to.
    public var workflowID: UniqueID
    /// The task that it belongs to.
    public var taskID: UniqueID
    /// Number of the attempt, counted from 1.
    public var attempt: Int
    /// The stage's name.
    public var stage: String
    /// The stage's generation, counted from 1.
    public var generation: Int
    /// The type of agent.
    public var agentType: String
    /// What the agent is asked to do.
    public var action: String
    /// Where it is.
    public var status: TaskStatus
    /// The mark of its newest send.
    public var dispatchID: UInt64
    /// The agent's id.
    public var agentID: String?
    /// Why it failed.
    public var faultCode: String?
    /// When it was recorded.
    public var createdAt: Timestamp
    /// When it began.
    public var startedAt: Timestamp?
    /// When it ended.
    public var completedAt: Timestamp?
    /// When it has to be over; nil until an agent has taken it.
    public var deadline: Timestamp?
}

/// An entry of the audit trail.
public struct EventRow: Sendable {
    /// Position in the workflow's trail, from 1, without gaps.
    public var sequence: Int64
    /// What kind it is.
    public var kind: String
    /// `info`, `warning` or `critical`.
    public var severity: String
    /// Who did it.
    public var actor: String
    /// When.
    public var at: Timestamp
    /// What else is known.
    public var data: JSONValue
}

/// A line of a task's log.
public struct LogLineRow: Sendable {
    /// Position in the workflow's log.
    public var id: Int64
    /// The stage's name.
    public var stage: String
    /// The task that it belongs to.
    public var taskID: UniqueID
    /// Number of the attempt, counted from 1.
    public var attempt: Int
    /// Number of the line within its attempt.
    public var line: Int
    /// When.
    public var at: Timestamp
    /// How important it is.
    public var level: String
    /// `stdout`, `stderr` or `agent`.
    public var stream: String
    /// The text.
    public var text: String
}

/// A file that a stage kept.
public struct ArtifactRow: Sendable {
    /// The stage's name.
    public var stage: String
    /// The stage's generation, counted from 1.
    public var generation: Int
    /// The file's name.
    public var name: String
    /// Its media type, as the agent said.
    public var type: String
    /// SHA-256 of the content in lower-case hex, which is its address.
    public var sha256: String
    /// Size in bytes.
    public var sizeBytes: Int64
    /// What it is, for people.
    public var label: String?
    /// When it was recorded.
    public var createdAt: Timestamp
}

/// An agent that was heard.
public struct AgentRow: Sendable {
    /// The agent's id.
    public var agentID: String
    /// The type of agent.
    public var agentType: String
    /// Version of the agent's program.
    public var version: String
    /// Its actions, as it registered them.
    public var actions: JSONValue
    /// How many tasks it runs at a time.
    public var slots: Int
    /// How many more it would take now.
    public var freeSlots: Int
    /// How many it runs.
    public var running: Int
    /// The machine that it runs on.
    public var host: String
    /// Its process id on that machine.
    public var pid: Int64
    /// When it was first heard.
    public var registeredAt: Timestamp
    /// When it was last heard.
    public var lastHeartbeatAt: Timestamp
    /// When it said goodbye.
    public var goneAt: Timestamp?
    /// Whether it was heard within the lease and has not said goodbye.
    public var isLiving: Bool
    /// Whether it is to take no more tasks.
    public var isDraining = false
}

/// A message or task that was set aside.
public struct DeadLetterRow: Sendable {
    /// Its id.
    public var id: UniqueID
    /// `message` or `task`.
    public var kind: String
    /// Where it was found.
    public var source: String
    /// Why it was set aside: a code.
    public var cause: String
    /// What kind of cause that is, in one word.
    public var causeClass: String
    /// Why, in words.
    public var detail: String
    /// The workflow that it belongs to.
    public var workflowID: UniqueID?
    /// The name of that workflow.
    public var workflowName: String?
    /// The stage of a task.
    public var stage: String?
    /// Generation of a task's stage.
    public var generation: Int?
    /// The task.
    public var taskID: UniqueID?
    /// Number of a task's last attempt.
    public var attempt: Int?
    /// Size in bytes, before it was cut.
    public var sizeBytes: Int
    /// What became of it.
    public var state: DeadLetterState
    /// When it was recorded.
    public var createdAt: Timestamp
    /// When somebody decided about it.
    public var resolvedAt: Timestamp?
    /// Who decided about it.
    public var resolvedBy: String?
}

/// A dead letter with what is in it.
public struct DeadLetterContent: Sendable {
    /// What is known about it.
    public var row: DeadLetterRow
    /// The message, or the envelope of the task's last attempt; of long ones the beginning.
    public var bytes: [UInt8]

    /// Whether all of it was kept.
    public var isWhole: Bool { bytes.count >= row.sizeBytes }
}

/// A question that waits for people.
public struct QuestionRow: Sendable {
    /// Name of the stage that asks.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Round of questions within the generation, from 1.
    public var round: Int
    /// The question's id, unique in its round.
    public var id: String
    /// What is asked.
    public var text: String
    /// The answers to choose from; empty for a free answer.
    public var options: [String]
    /// When it was asked.
    public var askedAt: Timestamp
    /// When the stage fails for want of an answer.
    public var expiresAt: Timestamp
}

/// An access token, by the hash of its secret.
public struct TokenRow: Sendable, Hashable {
    /// SHA-256 in lower-case hex.
    public var hash: String
    /// Whose name stands in the trail.
    public var name: String
    /// What it may do: `viewer`, `operator`, `approver`, `admin` or `agent`.
    public var role: String
    /// Whose it is.
    public var tenant: String
    /// Its id; a random one is given to a new token.
    public var id: UniqueID?
    /// The names that a client may give itself by this token; nil for any.
    public var workers: [String]?
    /// Who made it.
    public var createdBy = "baton"
    /// When it was made, by the database's clock.
    public var createdAt: Timestamp?
    /// From when on it is of no use; nil for never.
    public var expiresAt: Timestamp?
    /// When it was revoked.
    public var revokedAt: Timestamp?
    /// Who revoked it.
    public var revokedBy: String?
    /// The token that a browser presented to get this one; nil if it is no session.
    public var sessionOf: UniqueID?
    /// Whether it is the token that lies in the data directory.
    public var isAdminFile = false

    /// A token.
    public init(hash: String, name: String, role: String, tenant: String) {
        self.hash = hash
        self.name = name
        self.role = role
        self.tenant = tenant
    }
}
