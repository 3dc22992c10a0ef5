public import JSONTools

/// A question that an agent has for people.
public struct AskedQuestion: Sendable, Hashable {
    /// Unique in its round.
    public var id: String
    /// What is asked.
    public var text: String
    /// The answers to choose from; empty for a free answer.
    public var options: [String]

    /// A question.
    public init(id: String, text: String, options: [String] = []) {
        self.id = id
        self.text = text
        self.options = options
    }
}

/// What somebody answered.
public struct GivenAnswer: Sendable, Hashable {
    /// The question's id.
    public var id: String
    /// The answer.
    public var value: JSONValue

    /// An answer.
    public init(id: String, value: JSONValue) {
        self.id = id
        self.value = value
    }
}

/// Answers to all the questions that a stage waits for.
public struct AnswerSet: Sendable, Hashable {
    /// Who answers.
    public var actor: String
    /// The stage that asked; may be nil if only one waits for answers.
    public var stage: String?
    /// The round that is answered; nil for whichever is open. A later round may use the same ids.
    public var round: Int?
    /// One answer for each question of the round.
    public var values: [GivenAnswer]
    /// Why, for the trail; empty if nobody said.
    public var reason: String

    /// Answers.
    public init(
        actor: String, stage: String? = nil, round: Int? = nil, values: [GivenAnswer], reason: String = ""
    ) {
        self.actor = actor
        self.stage = stage
        self.round = round
        self.values = values
        self.reason = reason
    }
}

/// The questions that a stage waits for.
public struct OpenQuestions: Sendable, Hashable {
    /// Rounds that a stage may ask in one generation.
    public static let maximumRounds = 3
    /// Questions of one round.
    public static let maximumCount = 20
    /// The ids of a round together, in bytes of JSON.
    public static let maximumIDBytes = 1024
    /// The ids of all open rounds of a workflow together, in bytes of JSON.
    public static let maximumOpenIDBytes = 4 * 1024
    /// The answers that a workflow keeps for its next attempts, encoded, in bytes.
    public static let maximumAnswerBytes = 8 * 1024
    /// How long people may take.
    public static let patience: Swift.Duration = .seconds(7 * 86_400)

    /// Counted from 1 in each generation.
    public var round: Int
    /// The questions' ids, in the order of asking. Their texts are in the record.
    public var ids: [String]
    /// When they were asked (database time).
    public var askedAt: Timestamp
    /// When the stage fails for want of an answer.
    public var expiresAt: Timestamp

    /// Questions of a round.
    public init(round: Int, ids: [String], askedAt: Timestamp, expiresAt: Timestamp) {
        self.round = round
        self.ids = ids
        self.askedAt = askedAt
        self.expiresAt = expiresAt
    }
}
