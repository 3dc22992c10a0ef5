public import AgentProtocol

/// A stream that messages which were set aside can be put back onto.
public enum RestorableStream: Sendable, Hashable {
    /// Results for the orchestrators.
    case results
    /// Signals of agents.
    case signals
    /// Log lines of agents.
    case logs
    /// Tasks of a type, in one lane.
    case tasks(agentType: String, TaskLane)

    /// The stream of a name; nil if it is none that messages are put back onto.
    ///
    /// - Parameters:
    ///   - name: as dead letters bear it: with or without the namespace. It may come from an agent, so it is not trusted.
    ///   - names: the names of this stack.
    public init?(named name: String, in names: ChannelNames) {
        let bare = ChannelNames()
        switch name {
        case names.results, bare.results: self = .results
        case names.signals, bare.signals: self = .signals
        case names.logs, bare.logs: self = .logs
        default:
            let prefix = names.namespace.isEmpty ? "" : names.namespace + ":"
            let parts = name.dropFirst(name.hasPrefix(prefix) ? prefix.count : 0).split(
                separator: ":", omittingEmptySubsequences: false)
            guard (3...4).contains(parts.count), parts[0] == "agent", parts[2] == "tasks", Self.isType(parts[1]) else {
                return nil
            }
            guard parts.count == 4 else {
                self = .tasks(agentType: String(parts[1]), .medium)
                return
            }
            guard let lane = TaskLane(rawValue: String(parts[3])) else { return nil }
            self = .tasks(agentType: String(parts[1]), lane)
        }
    }

    private static func isType(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, 0x61...0x7a ~= first, text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy {
            0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
    }
}
