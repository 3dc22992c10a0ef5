import AgentProtocol

/// The log of one attempt, shown live to the people who wait for it.
///
/// At most 200 lines a second are sent; more are dropped and counted.
public struct TaskLogger: Sendable {
    let log: AttemptLog

    /// Something to know.
    public func info(_ text: String) { log.append(text, level: .info, stream: .agent) }

    /// Something that a person should look at, though work goes on.
    public func warning(_ text: String) { log.append(text, level: .warning, stream: .agent) }

    /// Something that went wrong.
    public func error(_ text: String) { log.append(text, level: .error, stream: .agent) }

    /// Something for those who look for a fault.
    public func debug(_ text: String) { log.append(text, level: .debug, stream: .agent) }

    /// A line that a tool printed.
    func line(_ text: String, of stream: LogLine.Source) { log.append(text, level: .info, stream: stream) }

    /// Lines of what a tool printed, as many as the log takes.
    func feed(_ bytes: UnsafeRawBufferPointer, of stream: LogLine.Source, through splitter: inout LineSplitter) {
        let dropped = splitter.feed(bytes, room: log.room()) { line($0, of: stream) }
        log.drop(dropped)
    }
}
