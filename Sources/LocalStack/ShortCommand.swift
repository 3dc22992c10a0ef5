import Foundation
import Subprocess
import SystemPackage

/// A command that ends by itself soon: initdb, psql, pip, a version query.
public struct ShortCommand: Sendable {
    /// Name or absolute path of the program.
    public var executable: String
    /// Its arguments.
    public var arguments: [String]
    /// Its whole environment; nil passes on our own.
    public var environment: [String: String]?
    /// Where it runs; nil is our own directory.
    public var workingDirectory: String?
    /// After this time it is killed.
    public var timeout: Duration

    /// Describes a command.
    public init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String]? = nil,
        in workingDirectory: String? = nil,
        timeout: Duration = .seconds(60)
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.timeout = timeout
    }

    /// What a command printed and how it ended.
    public struct Outcome: Sendable {
        /// Exit status; 128 + signal if a signal ended it.
        public var status: Int32
        /// Standard output.
        public var output: String
        /// Standard error.
        public var errors: String

        /// Whether the exit status was 0.
        public var succeeded: Bool { status == 0 }
    }

    /// Runs the command to its end.
    ///
    /// - Throws: `StackError` `.missingProgram` if it can't be started, `.commandFailed` if it takes too long or prints
    ///   more than 4 MiB.
    public func run() async throws(StackError) -> Outcome {
        do {
            return try await withThrowingTaskGroup(of: Outcome?.self) { group in
                group.addTask { try await execute() }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return nil
                }
                defer { group.cancelAll() }
                guard let outcome = try await group.next() ?? nil else {
                    throw StackError(.commandFailed, "\(executable) did not end within \(timeout)")
                }
                return outcome
            }
        } catch let error as StackError {
            throw error
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw StackError(.missingProgram, "the program \(executable) was not found")
        } catch is CancellationError {
            throw StackError(.stopped, "\(executable) was stopped")
        } catch {
            throw StackError(.commandFailed, "\(executable) could not be run: \(error)")
        }
    }

    /// Runs the command and throws `.commandFailed` with its last lines unless it exits with 0.
    @discardableResult
    public func runChecked() async throws(StackError) -> Outcome {
        let outcome = try await run()
        guard outcome.succeeded else {
            let lines = (outcome.output + "\n" + outcome.errors).split(separator: "\n").suffix(15).map(String.init)
            let name = executable.split(separator: "/").last.map(String.init) ?? executable
            throw StackError(.commandFailed, "\(name) failed with exit status \(outcome.status)", logTail: lines)
        }
        return outcome
    }

    private func execute() async throws -> Outcome {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
        ]
        let result = try await Subprocess.run(
            executable.contains("/") ? .path(FilePath(executable)) : .name(executable),
            arguments: Arguments(arguments),
            environment: environment.map { values in
                .custom(
                    Dictionary(uniqueKeysWithValues: values.map { (Environment.Key(stringLiteral: $0.key), $0.value) }))
            } ?? .inherit,
            workingDirectory: workingDirectory.map { FilePath($0) },
            platformOptions: options,
            output: .string(limit: 4 << 20),
            error: .string(limit: 4 << 20)
        )
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            }
        return Outcome(status: status, output: result.standardOutput, errors: result.standardError)
    }
}
