public import JSONTools

/// A workflow type: a named graph of stages. A value; storing and versioning it is done elsewhere.
public struct WorkflowDefinition: Sendable, Hashable {
    /// The most stages: the state of a workflow has to fit into ``WorkflowState/maximumEncodedBytes``.
    public static let maximumStages = 100

    /// The name by which the API calls the workflow type; the same rule as for the names of stages.
    public let name: String
    /// One line for people. May be empty.
    public let description: String
    /// The JSON Schema of a workflow's `input_data`, or nil if anything is accepted.
    public let input: JSONValue?
    /// The only limit that covers waiting: how long a workflow may take from its start to its end. Nil: no limit.
    public let totalTimeout: Swift.Duration?
    /// The stages in the order of the file, which is an order in which they may run.
    public let stages: [StageDefinition]

    private let indexes: [String: Int]
    /// Nearest writing ancestors by stage, worked out once because every dispatch asks.
    private var inputCommitStages: [String: String] = [:]

    /// Makes a definition. Nothing is checked here; `WorkflowDefinitions` reads files and checks all rules.
    public init(
        name: String,
        description: String = "",
        input: JSONValue? = nil,
        totalTimeout: Swift.Duration? = nil,
        stages: [StageDefinition]
    ) {
        self.name = name
        self.description = description
        self.input = input
        self.totalTimeout = totalTimeout
        self.stages = stages
        self.indexes = Dictionary(stages.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        for stage in stages { inputCommitStages[stage.name] = nearestWriter(before: stage.name) }
    }

    /// The stage of that name, or nil if there is none.
    public func stage(named name: String) -> StageDefinition? {
        indexes[name].map { stages[$0] }
    }

    /// The position of the stage of that name in `stages`, or nil if there is none.
    public func index(of name: String) -> Int? {
        indexes[name]
    }

    /// The stage whose commit a stage starts from: its nearest ancestor with `workspace: write`.
    ///
    /// Writers are ordered by `needs` (the reader of definitions refuses anything else), so exactly one of a stage's
    /// writing ancestors has all the others among its own.
    ///
    /// - Parameter stage: the name of a stage.
    /// - Returns: the name of a stage, or nil if the stage starts from the commit that the workflow began with.
    public func inputCommitStage(of stage: String) -> String? {
        inputCommitStages[stage]
    }
}
