import AgentProtocol
import Logging
import Synchronization

/// The level from which on an agent logs, which the orchestrator may change while it runs.
final class LogLevelBox: Sendable {
    private let box: Mutex<Logger.Level>

    init(_ level: Logger.Level) { box = Mutex(level) }

    var level: Logger.Level {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }

    func set(_ level: LogLevel) {
        switch level {
        case .trace: self.level = .trace
        case .debug: self.level = .debug
        case .info: self.level = .info
        case .notice: self.level = .notice
        case .warning: self.level = .warning
        case .error: self.level = .error
        case .critical: self.level = .critical
        }
    }
}
