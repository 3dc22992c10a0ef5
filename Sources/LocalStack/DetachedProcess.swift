import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// How a process ended.
public enum ExitReason: Sendable, Hashable, CustomStringConvertible {
    /// It returned this exit status (0…255).
    case exited(Int32)
    /// This signal ended it.
    case signaled(Int32)

    init(_ status: TerminationStatus) {
        self =
            switch status {
            case .exited(let code): .exited(code)
            case .signaled(let signal): .signaled(signal)
            }
    }

    /// `exit status 1`, `signal 9 (Killed)`.
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signaled(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }
}

/// A program to start as a daemon: a session and process group of its own, no terminal, no inherited descriptors.
public struct DaemonCommand: Sendable, Hashable {
    /// Absolute path of the program.
    public var executable: String
    /// Its arguments, without the program's name.
    public var arguments: [String]
    /// Its whole environment.
    public var environment: [String: String]
    /// The directory to start in.
    public var workingDirectory: String
    /// Output and errors are appended to this file (mode 0600).
    public var logFile: String

    /// Describes a daemon.
    public init(
        executable: String,
        arguments: [String] = [],
        environment: [String: String],
        workingDirectory: String = "/",
        logFile: String
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.logFile = logFile
    }
}

/// A child process in a session of its own that outlives whoever started it.
///
/// swift-subprocess ties a child to the task that runs it and ends it when that task is cancelled; the servers of a
/// stack, and the supervisor behind `up --detach`, must stay. So each runs in an unstructured task that nobody cancels:
/// the child lives on when this process ends, and while this process lives, the task collects its exit status.
public struct DetachedProcess: Sendable {
    /// The process.
    public let identity: ProcessIdentity
    private let exit: ExitCell

    /// Starts a daemon.
    ///
    /// - Throws: `StackError` `.system` or `.missingProgram` if the program can't be started.
    public static func spawn(_ command: DaemonCommand) async throws(StackError) -> DetachedProcess {
        let exit = ExitCell()
        let started: Result<ProcessIdentity, StackError> = await withCheckedContinuation { continuation in
            Task.detached {
                var isStarted = false
                do {
                    let status = try await run(command) { identity in
                        isStarted = true
                        continuation.resume(returning: .success(identity))
                    }
                    exit.set(ExitReason(status))
                } catch {
                    if isStarted {
                        // The status is lost, the end of the process isn't.
                        exit.set(.exited(-1))
                    } else {
                        continuation.resume(returning: .failure(failure(of: command, error)))
                    }
                }
            }
        }
        return DetachedProcess(identity: try started.get(), exit: exit)
    }

    private static func run(
        _ command: DaemonCommand, onStart: (ProcessIdentity) -> Void
    ) async throws
        -> TerminationStatus
    {
        var options = PlatformOptions()
        options.createSession = true
        let environment = command.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        let log = try FileDescriptor.open(
            FilePath(command.logFile), .writeOnly, options: [.create, .append, .closeOnExec],
            permissions: [.ownerReadWrite])
        return try await Subprocess.run(
            .path(FilePath(command.executable)),
            arguments: Arguments(command.arguments),
            environment: .custom(Dictionary(uniqueKeysWithValues: environment)),
            workingDirectory: FilePath(command.workingDirectory),
            platformOptions: options,
            input: .none,
            output: .fileDescriptor(log, closeAfterSpawningProcess: true),
            error: .combinedWithOutput
        ) { execution in
            // Its exit status isn't collected before this closure has returned, so /proc still has it.
            let pid = Int32(execution.processIdentifier.value)
            onStart(ProcessIdentity(pid: pid) ?? ProcessIdentity(pid: pid, startTime: 0))
        }.terminationStatus
    }

    private static func failure(of command: DaemonCommand, _ error: any Error) -> StackError {
        let isMissing = (error as? SubprocessError)?.code == .executableNotFound
        return StackError(isMissing ? .missingProgram : .system, "cannot start \(command.executable): \(error)")
    }

    /// Waits until the process has ended.
    public func waitForExit() async -> ExitReason { await exit.value() }

    /// How the process ended; nil while it runs.
    public var exitReason: ExitReason? { exit.current }
}

/// A value that is set once, and its waiters.
private final class ExitCell: Sendable {
    private struct State {
        var reason: ExitReason?
        var waiters: [CheckedContinuation<ExitReason, Never>] = []
    }

    private let state = Mutex(State())

    var current: ExitReason? { state.withLock { $0.reason } }

    func set(_ reason: ExitReason) {
        let waiters = state.withLock { state in
            state.reason = reason
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: reason) }
    }

    func value() async -> ExitReason {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> ExitReason? in
                if state.reason == nil { state.waiters.append(continuation) }
                return state.reason
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}
