/// One node of a workflow definition, with every default already filled in.
public struct StageDefinition: Sendable, Hashable {
    /// The time an attempt may run when the definition names none.
    public static let defaultTimeout: Swift.Duration = .seconds(600)

    /// The name, unique in the definition: a lower-case letter, then letters, digits, `_` and `-`; at most 64.
    public let name: String
    /// The type of agent that does the work.
    public let agent: String
    /// What the agent is asked to do.
    public let action: String
    /// What the stage does with the files of the workflow.
    public let workspace: WorkspaceUse
    /// The stages that must have ended well before this one starts, as written in the file.
    public let needs: [String]
    /// What the agent gets as its payload: a JSON object whose strings may hold `{{ expressions }}`.
    public let with: CompiledTemplate
    /// The stage is skipped unless this is true. Without a condition it always runs.
    public let condition: CompiledExpression?
    /// Whether the workflow can be completed only if this stage is.
    public let required: Bool
    /// How long one attempt may run, counted from the moment an agent has taken it.
    public let timeout: Swift.Duration
    /// How often the stage's task is tried.
    public let retry: RetryPolicy
    /// What happens when the last attempt has failed.
    public let onFailure: UnmetReaction
    /// What happens when an attempt ends with the status `partial`.
    public let onPartial: UnmetReaction
    /// The stages whose outputs an attempt needs: those named in `with` and `if`, and the direct needs.
    public let readsOutputs: Set<String>

    /// Makes a stage. Nothing is checked here; `WorkflowDefinitions` reads files and checks all rules.
    public init(
        name: String,
        agent: String,
        action: String? = nil,
        workspace: WorkspaceUse = .read,
        needs: [String] = [],
        with: CompiledTemplate = .empty,
        condition: CompiledExpression? = nil,
        required: Bool = true,
        timeout: Swift.Duration = StageDefinition.defaultTimeout,
        retry: RetryPolicy = RetryPolicy(),
        onFailure: UnmetReaction = .fail,
        onPartial: UnmetReaction = .fail
    ) {
        self.name = name
        self.agent = agent
        self.action = action ?? name
        self.workspace = workspace
        self.needs = needs
        self.with = with
        self.condition = condition
        self.required = required
        self.timeout = timeout
        self.retry = retry
        self.onFailure = onFailure
        self.onPartial = onPartial
        self.readsOutputs = with.stagesRead.union(condition?.stagesRead ?? []).union(needs)
    }
}
