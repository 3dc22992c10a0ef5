public import JSONTools

/// A question to people, to be recorded. It is asked at the time of its batch.
public struct NewQuestion: Sendable, Hashable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// Name of the stage whose attempt asked.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Round of questions within the generation, from 1.
    public var round: Int
    /// UUID of the task that asked.
    public var taskID: UniqueID
    /// Number of the attempt that asked, from 1.
    public var attempt: Int
    /// The question's id, unique within its round.
    public var id: String
    /// What is asked.
    public var text: String
    /// The answers to choose from; empty if any will do.
    public var options: [String]
    /// Database time at which the question expires.
    public var expiresAt: Timestamp

    /// A question to be recorded.
    public init(
        workflowID: UniqueID, stage: String, generation: Int, round: Int, taskID: UniqueID, attempt: Int, id: String,
        text: String, options: [String], expiresAt: Timestamp
    ) {
        self.workflowID = workflowID
        self.stage = stage
        self.generation = generation
        self.round = round
        self.taskID = taskID
        self.attempt = attempt
        self.id = id
        self.text = text
        self.options = options
        self.expiresAt = expiresAt
    }
}

/// A round of questions that is over: answered, or, without values, expired.
public struct AnsweredRound: Sendable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// Name of the stage whose attempt asked.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// Round of questions within the generation, from 1.
    public var round: Int
    /// The answers, by the question's id. Questions without one stay unanswered.
    public var values: [(id: String, value: JSONValue)]
    /// Who answered.
    public var actor: String

    /// A round that is over.
    public init(
        workflowID: UniqueID, stage: String, generation: Int, round: Int, values: [(id: String, value: JSONValue)],
        actor: String
    ) {
        self.workflowID = workflowID
        self.stage = stage
        self.generation = generation
        self.round = round
        self.values = values
        self.actor = actor
    }
}

/// A task whose attempts are spent, to be kept for people. What it was asked to do is copied from its newest attempt.
public struct NewParkedTask: Sendable, Hashable {
    /// UUIDv7 of the workflow.
    public var workflowID: UniqueID
    /// Name of the stage in the definition.
    public var stage: String
    /// Generation of the stage, from 1.
    public var generation: Int
    /// UUID of the task.
    public var taskID: UniqueID
    /// Number of the last attempt, from 1.
    public var attempt: Int
    /// The code of the fault: `TOOL_FAILED`, `AGENT_LOST`, …
    public var faultCode: String
    /// The fault, for people to read.
    public var faultMessage: String
    /// What kind of cause it was, in one word that lists can be filtered by.
    public var causeClass: String

    /// A task whose attempts are spent.
    public init(
        workflowID: UniqueID, stage: String, generation: Int, taskID: UniqueID, attempt: Int, faultCode: String,
        faultMessage: String, causeClass: String
    ) {
        self.workflowID = workflowID
        self.stage = stage
        self.generation = generation
        self.taskID = taskID
        self.attempt = attempt
        self.faultCode = faultCode
        self.faultMessage = faultMessage
        self.causeClass = causeClass
    }
}
