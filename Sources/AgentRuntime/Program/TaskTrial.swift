public import AgentProtocol
import Glibc
import JSONTools

/// Runs one task without Redis and orchestrator, with the real workspace, tools and artifacts.
///
/// For `<agent> --task file.json`, and for tests of actions.
public struct TaskTrial: Sendable {
    /// More log lines in a second are dropped; ten times what an agent sends, for people look at these directly.
    static let linesPerSecond = 10 * LogThrottle.linesPerSecond

    private let agentType: String
    private let catalog: ActionCatalog
    private let host: AttemptHost

    /// A place to try actions.
    ///
    /// From now on this process ignores SIGPIPE: a tool that doesn't read its input must not end it.
    ///
    /// - Parameters:
    ///   - type: The agent's type.
    ///   - actions: What it can do; `noop` is added.
    ///   - environment: Names and values as an agent finds them (`BATON_DATA_DIR`, `BATON_SHARE_DIR`, `PATH`, …).
    /// - Throws: A description of what is wrong with the environment or the actions.
    public init(
        type: String,
        actions: [any AgentAction],
        environment: [String: String] = TaskTrial.processEnvironment()
    ) throws {
        let configuration = try AgentConfiguration(
            environment: environment, executable: CommandLine.arguments.first ?? "agent")
        try self.init(type: type, actions: actions, configuration: configuration)
    }

    init(type: String, actions: [any AgentAction], configuration: AgentConfiguration) throws {
        signal(SIGPIPE, SIG_IGN)
        agentType = type
        catalog = try ActionCatalog(actions)
        var random = SystemRandomNumberGenerator()
        host = AttemptHost(configuration, agentID: Self.agentID(type: type, using: &random))
    }

    /// Runs the task of a file's text.
    ///
    /// - Parameters:
    ///   - text: An envelope, or the short form that ``envelope(from:agentType:)`` completes.
    ///   - log: Takes the lines of the log, in order.
    /// - Returns: What would have been reported.
    /// - Throws: ``ActionFailure`` `INVALID_ENVELOPE` when `text` is neither.
    public func run(_ text: [UInt8], log: @escaping @Sendable (LogLine) -> Void = { _ in }) async throws -> TaskResult {
        await run(try Self.envelope(from: text, agentType: agentType), log: log)
    }

    /// Runs a task. Cancelling the calling task stops the attempt.
    ///
    /// - Parameters:
    ///   - envelope: What is to be done; its time limit holds.
    ///   - log: Takes the lines of the log, in order.
    /// - Returns: What would have been reported.
    public func run(
        _ envelope: TaskEnvelope, log: @escaping @Sendable (LogLine) -> Void = { _ in }
    ) async -> TaskResult {
        defer { host.remove() }
        let builder = ResultBuilder(agentID: FileSystem.lastComponent(of: host.directory), agentType: agentType)
        let runner = AttemptRunner(catalog: catalog, builder: builder, host: host)
        if let result = runner.immediateResult(of: envelope) { return result }
        let stop = StopBox()
        let lines = AttemptLog(linesPerSecond: Self.linesPerSecond, batchSize: 1) { lines, dropped in
            if dropped > 0 {
                log(
                    LogLine(
                        number: max(1, (lines.first?.number ?? 1) - 1), at: .now(), level: .notice, stream: .agent,
                        text: "… \(dropped) lines left out: more than \(Self.linesPerSecond) in a second"))
            }
            for line in lines { log(line) }
        }
        let desk = AttemptDesk(
            report: { progress, note in
                let percent = Int((progress * 100).rounded())
                lines.append("\(percent) %: \(note)", level: .info, stream: .agent)
            },
            // Whoever starts a task by hand has granted it.
            requestGrant: {}
        )
        let delivered = Delivered()
        let work = Task {
            await runner.run(envelope, log: lines, desk: desk, stop: stop) { delivered.result = $0 }
        }
        let timer = Task {
            try await Task.sleep(for: .milliseconds(envelope.constraints.timeoutMilliseconds))
            stop.set(.timedOut)
            work.cancel()
        }
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            stop.set(.cancelled)
            work.cancel()
        }
        timer.cancel()
        return delivered.result
            ?? builder.result(
                of: envelope, ActionOutcome(status: .cancelled),
                at: .init(started: .now(), completed: .now(), duration: .zero))
    }

    /// The variables of this process.
    public static func processEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var cursor = environ
        while let entry = cursor.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            cursor += 1
        }
        return result
    }

    /// An agent's name, drawn at its start: its type and eight random hexadecimal digits.
    static func agentID(type: String, using random: inout some RandomNumberGenerator) -> String {
        let digits = String(random.next() as UInt32, radix: 16)
        return type + "-" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
