import AgentProtocol
import WorkflowStorage

/// The agents that the record is known to know, as a value. A heartbeat that lists nothing needs no answer but "known",
/// so it is answered at once and noted; what is noted goes to the record together, every few seconds.
package struct AgentRegistry: Sendable {
    /// The longest that a heartbeat waits to be recorded, in milliseconds.
    static let longestPatience: Int64 = 4000
    /// Most agents that are remembered; beyond that all are asked about again.
    static let limit = 10_000

    private var types: [String: String] = [:]
    private var noted: [String: AgentBeat] = [:]
    /// When the oldest heartbeat that waits was noted.
    private(set) var notedSince: Int64?
    private let patience: Int64

    /// A registry that knows nobody.
    ///
    /// - Parameter leaseMilliseconds: how long an agent may be silent: a noted heartbeat waits a fraction of that.
    package init(leaseMilliseconds: Int) {
        patience = min(Self.longestPatience, Int64(leaseMilliseconds) / 4)
    }

    /// Whether heartbeats wait to be recorded.
    package var hasNotes: Bool { notedSince != nil }

    /// In how many milliseconds what is noted has to be recorded, at the earliest 0; nil if nothing is.
    package func isDue(at monotonic: Int64) -> Int64? {
        notedSince.map { max(0, $0 + patience - monotonic) }
    }

    /// Notes a heartbeat if it lists nothing and its agent is known.
    ///
    /// - Returns: the agent's type; nil if the record has to be asked.
    mutating func note(_ beat: HeartbeatSignal, at monotonic: Int64) -> String? {
        guard beat.running.isEmpty, beat.held.isEmpty, let type = types[beat.agentID] else { return nil }
        noted[beat.agentID] = AgentBeat(agentID: beat.agentID, freeSlots: beat.freeSlots, running: 0)
        if notedSince == nil { notedSince = monotonic }
        return type
    }

    /// Takes out what is noted, to record it.
    mutating func takeNotes() -> [AgentBeat] {
        defer {
            noted = [:]
            notedSince = nil
        }
        return Array(noted.values)
    }

    /// Takes over what the record said to heartbeats. Of agents that drain it is asked each time.
    mutating func learn(_ known: [String: String], draining: Set<String> = [], of asked: [AgentBeat]) {
        let known = known.filter { !draining.contains($0.key) }
        for beat in asked { types[beat.agentID] = known[beat.agentID] }
        if types.count > Self.limit { types = known }
    }

    /// Forgets agents: they are gone, or say anew who they are.
    mutating func forget(_ agentID: String) {
        types[agentID] = nil
        noted[agentID] = nil
        if noted.isEmpty { notedSince = nil }
    }
}
