public import JSONTools

/// What is true of a workflow from its creation to its end: never changed by an event.
public struct WorkflowFacts: Sendable, Hashable {
    /// UUIDv7, made from database time.
    public var id: UniqueID
    /// The definition's name (`app`, `feature`, …).
    public var type: String
    /// The name that its creator gave it.
    public var name: String
    /// What it is about, for people; empty if nothing was said.
    public var description: String
    /// What is wanted, in plain words.
    public var requirements: String
    /// Lane that all its tasks take.
    public var priority: WorkflowPriority
    /// The `input_data` of the API, with the defaults of the definition's schema applied.
    public var input: JSONValue
    /// 32 lower-case hex digits (W3C Trace Context).
    public var traceID: String

    /// Facts of a new workflow.
    public init(
        id: UniqueID,
        type: String,
        name: String,
        description: String = "",
        requirements: String = "",
        priority: WorkflowPriority = .medium,
        input: JSONValue = .object([:]),
        traceID: String
    ) {
        self.id = id
        self.type = type
        self.name = name
        self.description = description
        self.requirements = requirements
        self.priority = priority
        self.input = input
        self.traceID = traceID
    }
}

/// Which lane of a channel a workflow's tasks take.
public enum WorkflowPriority: String, Sendable, Hashable, CaseIterable {
    case critical, high, medium, low
}
