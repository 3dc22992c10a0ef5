/// How important a log line is, with the names of swift-log.
public enum LogLevel: String, Sendable, Hashable, CaseIterable {
    /// Every step.
    case trace
    /// What helps to find a fault.
    case debug
    /// What goes on.
    case info
    /// What deserves a look when something else is wrong.
    case notice
    /// What may become a fault.
    case warning
    /// What went wrong.
    case error
    /// What must be looked at now.
    case critical
}
