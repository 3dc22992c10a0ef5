/// What the stack tells while it starts, runs and stops.
public enum StackNews: Sendable {
    /// Something that may take a while begins; the text says what.
    case preparing(String)
    /// It is done, after so long.
    case prepared(String, after: Duration)
    /// A process was started (or, with `restarts` over 0, started again).
    case started(name: String, process: ProcessIdentity, restarts: Int)
    /// A process can be used, so long after it was started.
    case ready(name: String, after: Duration)
    /// A process ended without being told to, and will be started again.
    case died(name: String, reason: ExitReason, restartIn: Duration)
    /// A process that was told to end has ended.
    case stopped(name: String)
    /// Something a person should know.
    case note(String)
}
