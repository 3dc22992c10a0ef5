/// A command to run: an executable and its arguments, never a shell line.
public struct ToolCommand: Sendable {
    /// A name looked up in `PATH`, or a path with a slash.
    public var executable: String
    /// The arguments, each passed as it is.
    public var arguments: [String]
    /// Where it runs; nil for the workspace (the scratch directory when the action has no workspace).
    public var directory: String?
    /// Variables beside those of the allow-list; an empty value unsets one.
    public var environment: [String: String]
    /// After so many seconds it is stopped and `TOOL_TIMEOUT` thrown; nil for the attempt's own limit.
    public var timeoutSeconds: Double?
    /// How much of each of the two output streams is kept; the rest is counted and dropped.
    public var maxOutputBytes: Int
    /// Whether its lines go to the task's log.
    public var logsOutput: Bool
    /// What it reads on standard input; nil for nothing (`/dev/null`).
    public var standardInput: [UInt8]?

    /// A command.
    ///
    /// - Parameters:
    ///   - executable: A name looked up in `PATH`, or a path with a slash.
    ///   - arguments: The arguments, each passed as it is.
    ///   - directory: Where it runs; nil for the workspace (else the scratch directory).
    ///   - environment: Variables beside those of the allow-list; an empty value unsets one.
    ///   - timeoutSeconds: After so many seconds it is stopped.
    ///   - maxOutputBytes: How much of each output stream is kept, 8 MiB unless told.
    ///   - logsOutput: Whether its lines go to the task's log.
    ///   - standardInput: What it reads on standard input.
    public init(
        _ executable: String,
        _ arguments: [String] = [],
        in directory: String? = nil,
        environment: [String: String] = [:],
        timeoutSeconds: Double? = nil,
        maxOutputBytes: Int = 8 << 20,
        logsOutput: Bool = true,
        standardInput: [UInt8]? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.directory = directory
        self.environment = environment
        self.timeoutSeconds = timeoutSeconds
        self.maxOutputBytes = maxOutputBytes
        self.logsOutput = logsOutput
        self.standardInput = standardInput
    }
}

extension ToolCommand: CustomStringConvertible {
    /// Executable and arguments for people, cut at 200 characters; not meant for a shell.
    public var description: String {
        let line = ([executable] + arguments).joined(separator: " ")
        return line.count > 200 ? line.prefix(200) + "…" : line
    }
}

/// What a command left behind.
public struct ToolOutput: Sendable {
    /// The exit code; 128 + signal when it was ended by one, as shells say it.
    public var exitCode: Int32
    /// The signal that ended it; nil when it exited by itself.
    public var signal: Int32?
    /// What is kept of standard output: its beginning and its end if it was longer than the limit.
    public var standardOutput: [UInt8]
    /// What is kept of standard error, likewise.
    public var standardError: [UInt8]
    /// Whether something of either stream was dropped.
    public var truncated: Bool
    /// From start to exit.
    public var duration: Duration

    /// Standard output as text; bytes that are no UTF-8 become U+FFFD.
    public var text: String { String(decoding: standardOutput, as: UTF8.self) }

    /// Standard error as text; bytes that are no UTF-8 become U+FFFD.
    public var errorText: String { String(decoding: standardError, as: UTF8.self) }

    /// Whether it exited with code 0.
    public var succeeded: Bool { exitCode == 0 && signal == nil }

    /// The last lines of both streams, standard error last, for messages.
    ///
    /// - Parameter count: How many lines at most.
    /// - Returns: Lines joined by newlines, without trailing white space.
    public func lastLines(_ count: Int = 12) -> String {
        let lines = (text + "\n" + errorText).split(separator: "\n", omittingEmptySubsequences: true)
        return lines.suffix(count).map { $0.count > 400 ? $0.prefix(400) + "…" : $0 }.joined(separator: "\n")
    }
}
