/// What people should know of the agents' coming and going.
package enum SignalReport: Sendable, Hashable {
    /// An agent says who it is.
    case registered(agentID: String, slots: Int)
    /// An agent was stopped and said goodbye.
    case left(agentID: String)
}
