/// What went wrong with the local stack, for a person: what was found, why, and the next command to try.
public struct StackError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; callers switch on it to choose an exit status.
    public enum Code: String, Sendable, Hashable {
        /// Another supervisor already runs a stack in this data directory.
        case alreadyRunning
        /// A program that the stack needs isn't installed or wasn't built.
        case missingProgram
        /// A port that was asked for by name is taken.
        case portBusy
        /// A process died while it was starting, or didn't become ready in time.
        case notReady
        /// A command that prepares the stack (initdb, pip, …) failed.
        case commandFailed
        /// A file or directory of the stack can't be read, written or understood.
        case badFile
        /// The component that was named isn't part of this stack.
        case unknownComponent
        /// The operating system refused a call.
        case system
        /// The stack was stopped while it was starting.
        case stopped
    }

    /// The kind of failure.
    public var code: Code
    /// What was found and what was expected, in one sentence.
    public var message: String
    /// The next thing to try, if one is known.
    public var hint: String?
    /// The last lines of the log of the process that failed, oldest first.
    public var logTail: [String]

    /// Describes a failure.
    public init(_ code: Code, _ message: String, hint: String? = nil, logTail: [String] = []) {
        self.code = code
        self.message = message
        self.hint = hint
        self.logTail = logTail
    }

    /// Message, log lines and hint, one after another.
    public var description: String {
        ([message] + logTail.map { "  | " + $0 } + (hint.map { [$0] } ?? [])).joined(separator: "\n")
    }

    static func errno(_ call: String, _ number: Int32) -> StackError {
        StackError(.system, "\(call) failed: \(errorText(number))")
    }
}
