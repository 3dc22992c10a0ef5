package import WorkflowStorage

/// What people should know of the agents' coming and going.
package enum SignalReport: Sendable, Hashable {
    /// An agent says who it is.
    case registered(agentID: String, slots: Int)
    /// An agent was stopped and said goodbye.
    case left(agentID: String)
}

/// What the record said to heartbeats.
package struct BeatAnswer: Sendable {
    /// The type of each agent among them that is registered.
    package var types: [String: String]
    /// The open attempts that are bound to them.
    package var bound: [OpenAttemptRow]

    /// An answer.
    package init(types: [String: String] = [:], bound: [OpenAttemptRow] = []) {
        self.types = types
        self.bound = bound
    }
}
