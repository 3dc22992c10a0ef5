package import JSONTools
package import WorkflowCore

/// The record as one value: the twin of the PostgreSQL schema, for the simulator and for tests.
///
/// Each operation does what the statements in `Postgres/` do, and refuses what the schema refuses. Time comes in with
/// each call (`at`), as `clock_timestamp()` does. Tests run the same cases on both and compare.
package struct InMemoryRecord: Sendable {
    /// A row of `workflow_state`.
    package struct StateRow: Sendable, Hashable {
        package var definitionHash: String
        package var version: Int64
        package var isTerminal: Bool
        package var bytes: [UInt8]
        package var nextWake: Timestamp
    }

    /// A row of `workflows`.
    package struct WorkflowRow: Sendable, Hashable {
        package var facts: WorkflowFacts
        package var definitionVersion: Int
        package var tenant: String
        package var createdBy: String
        package var idempotencyKey: String?
        package var bodyHash: String?
        /// What lists show; `version` is `state_version`.
        package var summary: WorkflowSummary
        package var createdAt: Timestamp
        package var updatedAt: Timestamp
    }

    /// The primary key of `tasks`.
    package struct TaskKey: Sendable, Hashable, Comparable {
        package var workflowID: UniqueID
        package var taskID: UniqueID
        package var attempt: Int

        /// A key.
        package init(workflowID: UniqueID, taskID: UniqueID, attempt: Int) {
            self.workflowID = workflowID
            self.taskID = taskID
            self.attempt = attempt
        }

        package static func < (left: TaskKey, right: TaskKey) -> Bool {
            (left.workflowID, left.taskID, left.attempt) < (right.workflowID, right.taskID, right.attempt)
        }
    }

    /// A row of `tasks`.
    package struct TaskRow: Sendable, Hashable {
        package var key: TaskKey
        package var stage: String
        package var generation: Int
        package var agentType: String
        package var action: String
        package var priority: WorkflowPriority
        package var dispatchID: UInt64
        package var status: TaskStatus
        package var isStopping = false
        /// Whether it stays queued for now: its workflow is paused.
        package var isHeld = false
        package var agentID: String?
        package var payload: [UInt8]
        package var result: [UInt8]?
        package var faultCode: String?
        package var isPublished = false
        package var publishBy: Timestamp
        package var entryID: String?
        package var deadline: Timestamp?
        package var createdAt: Timestamp
        package var startedAt: Timestamp?
        package var completedAt: Timestamp?

        /// Whether the attempt is open.
        package var isOpen: Bool { status.rawValue < TaskStatus.firstClosed }

        /// The attempt and the mark of its newest send.
        package var reference: AttemptReference {
            AttemptReference(taskID: key.taskID, attempt: key.attempt, dispatchID: dispatchID)
        }
    }

    /// A row of `questions`.
    package struct QuestionRow: Sendable, Hashable {
        package var question: NewQuestion
        package var answer: JSONValue?
        package var answeredBy: String?
        package var closedAt: Timestamp?
    }

    /// A row of `dead_letters` of kind task.
    package struct ParkedRow: Sendable, Hashable {
        package var task: NewParkedTask
        package var bytes: [UInt8]
        /// Who had it run again; nil while open.
        package var redrivenBy: String?
    }

    /// A row of `outputs`.
    package struct OutputRow: Sendable, Hashable {
        package var acceptance: StageAcceptance
        package var createdAt: Timestamp
    }

    /// A row of `events`.
    package struct EventRow: Sendable, Hashable {
        package var record: AuditRecord
        package var at: Timestamp
    }

    /// A row of `agents`.
    package struct AgentRow: Sendable {
        package var registration: AgentRegistration
        package var freeSlots: Int
        package var running: Int
        package var registeredAt: Timestamp
        package var lastHeartbeat: Timestamp
        package var goneAt: Timestamp?
    }

    /// The primary key of `logs`.
    package struct LogKey: Sendable, Hashable {
        package var task: TaskKey
        package var line: Int
    }

    /// A row of `definitions`.
    package struct DefinitionRow: Sendable, Hashable {
        package var name: String
        package var version: Int
        package var hash: String
        package var source: String
        package var createdAt: Timestamp
    }

    package internal(set) var states: [UniqueID: StateRow] = [:]
    package internal(set) var workflows: [UniqueID: WorkflowRow] = [:]
    package internal(set) var tasks: [TaskKey: TaskRow] = [:]
    package internal(set) var outputs: [OutputKey: OutputRow] = [:]
    /// The trail of each workflow, in order of its sequence numbers.
    package internal(set) var events: [UniqueID: [EventRow]] = [:]
    package internal(set) var timers: [UniqueID: Timestamp] = [:]
    package internal(set) var batches: Set<UniqueID> = []
    package internal(set) var agents: [String: AgentRow] = [:]
    package internal(set) var deadLetters: [DeadLetter] = []
    package internal(set) var questions: [QuestionRow] = []
    package internal(set) var parked: [ParkedRow] = []
    package internal(set) var logs: [LogKey: LogRow] = [:]
    package internal(set) var definitions: [DefinitionRow] = []
    package internal(set) var blobs: [String: [UInt8]] = [:]
    package internal(set) var artifactNames: Set<[String]> = []

    /// The unique index on (tenant, idempotency key).
    var keys: [IdempotencyKey: UniqueID] = [:]
    /// The partial index of open attempts.
    var openTasks: Set<TaskKey> = []
    /// Row locks: which session holds which workflow.
    var locks: [UniqueID: Int] = [:]

    /// An empty database.
    package init() {}

    /// The open attempts, by key.
    package var openAttempts: [TaskRow] {
        openTasks.sorted().compactMap { tasks[$0] }
    }

    /// Stores a definition as the next version of its name, if its content differs from the newest one.
    ///
    /// - Returns: the version that holds it.
    @discardableResult
    package mutating func store(_ definition: WorkflowDefinition, source: String, at now: Timestamp) -> Int {
        let hash = definition.contentHash
        if blobs[hash] == nil { blobs[hash] = definition.canonicalJSON().canonicalBytes() }
        let newest = definitions.filter { $0.name == definition.name }.max { $0.version < $1.version }
        if let newest, newest.hash == hash { return newest.version }
        let version = (newest?.version ?? 0) + 1
        definitions.append(
            DefinitionRow(name: definition.name, version: version, hash: hash, source: source, createdAt: now))
        return version
    }
}
