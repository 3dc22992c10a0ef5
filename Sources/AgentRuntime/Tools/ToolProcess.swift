import AgentProtocol
import Glibc
import JSONTools
import Subprocess
import SystemPackage

/// One started tool: its process group, and the task that reads its output until it has ended.
struct ToolProcess: Sendable {
    /// A command with everything looked up.
    struct Order: Sendable {
        var path: String
        var arguments: [String]
        var environment: [String: String]
        var directory: String
        var maxOutputBytes: Int
        var timeout: Duration?
        var standardInput: [UInt8]?
        /// Takes the lines; nil when they aren't logged.
        var logger: TaskLogger?
        /// Takes secrets out of both streams, before anything else is done with them.
        var redactor = Redactor.none
    }

    let group: ProcessGroup
    /// Ends when the tool, and every process of its group, has ended.
    let ending: Task<ToolOutput, any Error>

    /// Starts a tool in a process group of its own.
    ///
    /// - Parameter onStart: Told the process id, or that it couldn't be started (nil), exactly once.
    static func start(
        _ order: Order,
        onStart: @escaping @Sendable (Int32?) -> Void = { _ in }
    ) -> ToolProcess {
        let group = ProcessGroup()
        let ending = Task {
            do {
                return try await run(order, in: group, onStart: onStart)
            } catch {
                group.finish()
                onStart(nil)
                throw error
            }
        }
        return ToolProcess(group: group, ending: ending)
    }

    private static func run(
        _ order: Order,
        in group: ProcessGroup,
        onStart: @Sendable (Int32?) -> Void
    ) async throws -> ToolOutput {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: ProcessGroup.grace)
        ]
        let configuration = Configuration(
            executable: .path(FilePath(order.path)),
            arguments: Arguments(order.arguments),
            environment: .custom(
                Dictionary(uniqueKeysWithValues: order.environment.map { (Environment.Key(stringLiteral: $0), $1) })
            ),
            workingDirectory: FilePath(order.directory),
            platformOptions: options
        )
        let clock = ContinuousClock()
        let start = clock.now
        let timer = order.timeout.map { timeout in
            Task {
                try await Task.sleep(for: timeout)
                group.stop(.timedOut)
            }
        }
        defer { timer?.cancel() }
        let status: TerminationStatus
        let kept: Kept
        if let input = order.standardInput {
            // As a file: a tool that doesn't read it can neither block us nor break a pipe.
            let result = try await Subprocess.run(
                configuration,
                input: .fileDescriptor(
                    try namelessFile(input, in: order.environment["TMPDIR"] ?? "/tmp"), closeAfterSpawningProcess: true),
                output: .sequence, error: .sequence
            ) { execution in
                await attend(
                    execution.processIdentifier.value, execution.standardOutput, execution.standardError,
                    order, group, onStart)
            }
            (status, kept) = (result.terminationStatus, result.closureResult)
        } else {
            let result = try await Subprocess.run(
                configuration, input: .none, output: .sequence, error: .sequence
            ) { execution in
                await attend(
                    execution.processIdentifier.value, execution.standardOutput, execution.standardError,
                    order, group, onStart)
            }
            (status, kept) = (result.terminationStatus, result.closureResult)
        }
        return output(status, kept, duration: start.duration(to: clock.now))
    }

    /// An open file without a name that holds `bytes`, to be read from its beginning.
    private static func namelessFile(
        _ bytes: [UInt8], in directory: String
    ) throws(FileSystem.Failure) -> FileDescriptor {
        let path = "\(directory)/standard-input-\(UInt64.random(in: .min ... .max))"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileSystem.Failure(operation: "write", path: path, code: errno) }
        unlink(path)
        do throws(FileSystem.Failure) {
            try FileSystem.writeAll(bytes, to: descriptor, path: "standard input")
        } catch {
            close(descriptor)
            throw error
        }
        lseek(descriptor, 0, SEEK_SET)
        return FileDescriptor(rawValue: descriptor)
    }

    private struct Kept: Sendable {
        var output: BoundedOutput
        var error: BoundedOutput
    }

    /// Reads both streams to their ends, waits for the exit and ends what is left of the group.
    private static func attend(
        _ processID: Int32,
        _ output: SubprocessOutputSequence,
        _ error: SubprocessOutputSequence,
        _ order: Order,
        _ group: ProcessGroup,
        _ onStart: @Sendable (Int32?) -> Void
    ) async -> Kept {
        group.started(processID)
        onStart(processID)
        async let outputBytes = read(output, as: .stdout, order)
        async let errorBytes = read(error, as: .stderr, order)
        let kept = await Kept(output: outputBytes, error: errorBytes)
        await group.waitForExit()
        group.finish()
        return kept
    }

    private static func read(
        _ stream: SubprocessOutputSequence,
        as name: LogLine.Source,
        _ order: Order
    ) async -> BoundedOutput {
        var kept = BoundedOutput(limit: order.maxOutputBytes)
        var splitter = LineSplitter()
        var clean = RedactingStream(order.redactor)
        func take(_ bytes: UnsafeRawBufferPointer) {
            kept.append(bytes)
            order.logger?.feed(bytes, of: name, through: &splitter)
        }
        do {
            for try await buffer in stream {
                buffer.withUnsafeBytes { bytes in
                    if clean.isTransparent { take(bytes) } else { clean.feed(bytes).withUnsafeBytes(take) }
                }
            }
        } catch {
            // A stream that can't be read any more is at its end; the exit status tells how the tool fared.
        }
        clean.finish().withUnsafeBytes(take)
        if let line = splitter.finish() { order.logger?.line(line, of: name) }
        return kept
    }

    private static func output(_ status: TerminationStatus, _ kept: Kept, duration: Duration) -> ToolOutput {
        let exitCode: Int32
        let signal: Int32?
        switch status {
        case .exited(let code): (exitCode, signal) = (code, nil)
        case .signaled(let number): (exitCode, signal) = (128 + number, number)
        }
        return ToolOutput(
            exitCode: exitCode,
            signal: signal,
            standardOutput: kept.output.collected(),
            standardError: kept.error.collected(),
            truncated: kept.output.truncated || kept.error.truncated,
            duration: duration
        )
    }
}
