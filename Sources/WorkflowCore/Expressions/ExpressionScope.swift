public import JSONTools

/// What an expression can see.
public struct ExpressionScope: Sendable, Hashable {
    /// What an expression can see of a stage of its workflow.
    public struct StageView: Sendable, Hashable {
        /// The stage's state: `completed`, `failed`, `skipped`, …; output, commit and artifacts can be read only if the
        /// stage is `completed` or `failed`.
        public var status: String
        /// What the stage gave back; null for the expression if nil.
        public var output: JSONValue?
        /// The commit that the stage left behind; null for the expression if nil.
        public var commit: String?
        /// The stage's artifacts, one object each.
        public var artifacts: [JSONValue]

        /// Makes a view of a stage.
        public init(status: String, output: JSONValue? = nil, commit: String? = nil, artifacts: [JSONValue] = []) {
            self.status = status
            self.output = output
            self.commit = commit
            self.artifacts = artifacts
        }

        /// Whether the stage has run, well or badly.
        var hasRun: Bool { status == "completed" || status == "failed" }
    }

    /// The workflow's `input_data`.
    public var input: JSONValue
    /// The workflow itself: id, type, name, description, requirements, priority.
    public var workflow: JSONObject
    /// The stages that have started, by name. One that is missing here has not run.
    public var stages: [String: StageView]
    /// The environment variables that expressions may read; no others can be seen.
    public var env: [String: String]

    /// Makes a scope.
    public init(
        input: JSONValue = .object([:]),
        workflow: JSONObject = [:],
        stages: [String: StageView] = [:],
        env: [String: String] = [:]
    ) {
        self.input = input
        self.workflow = workflow
        self.stages = stages
        self.env = env
    }
}
