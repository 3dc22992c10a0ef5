import JSONTools

/// Runs the tools of an attempt: git, compilers, test runners, browsers.
///
/// Each runs in a process group of its own, with an environment by allow-list and its output bounded, and is ended as a
/// whole group on cancellation and timeout: SIGTERM, and SIGKILL two seconds later.
public struct Toolbox: Sendable {
    let environment: ToolEnvironment
    /// Where commands run that name no directory.
    let directory: String
    let logger: TaskLogger
    let background: BackgroundTools
    let finder: ToolFinder
    /// Takes secrets out of what tools print.
    var redactor = Redactor.none
    /// Makes the directories that tools need, once.
    let prepare: @Sendable () throws(FileSystem.Failure) -> Void

    /// Runs a command to its end.
    ///
    /// - Parameter command: What to run.
    /// - Returns: Exit status and output, whatever the status is.
    /// - Throws: ``ActionFailure`` `TOOL_MISSING` when there is no such executable, `TOOL_TIMEOUT` after the command's own
    ///   limit, `TOOL_NOT_STARTED` when the system refused; `CancellationError` when the attempt was stopped.
    public func run(_ command: ToolCommand) async throws -> ToolOutput {
        try Task.checkCancellation()
        let order = try await order(for: command)
        if command.logsOutput { logger.debug("$ \(command)") }
        let process = ToolProcess.start(order)
        let result = await withTaskCancellationHandler {
            await process.ending.result
        } onCancel: {
            process.group.stop(.cancelled)
        }
        let output: ToolOutput
        do { output = try result.get() } catch { throw notStarted(command, error) }
        switch process.group.stopReason {
        case .cancelled, .asked:
            throw CancellationError()
        case .timedOut:
            throw ActionFailure(
                code: "TOOL_TIMEOUT",
                message: "\(command) was stopped after \(command.timeoutSeconds ?? 0) s.",
                retryable: true,
                detail: ["last_lines": .string(output.lastLines())]
            )
        case nil:
            return output
        }
    }

    /// Runs a command that has to end well.
    ///
    /// - Parameter command: What to run.
    /// - Returns: The output.
    /// - Throws: What ``run(_:)`` throws, and ``ActionFailure`` `TOOL_FAILED` with the last lines on a non-zero status.
    @discardableResult
    public func runChecked(_ command: ToolCommand) async throws -> ToolOutput {
        let output = try await run(command)
        guard output.succeeded else {
            let how = output.signal.map { "was ended by signal \($0)" } ?? "exited with code \(output.exitCode)"
            let lines = output.lastLines()
            throw ActionFailure(
                code: "TOOL_FAILED",
                message: "\(command) \(how)" + (lines.isEmpty ? "." : ":\n\(lines)"),
                detail: ["exit_code": .integer(Int64(output.exitCode)), "last_lines": .string(lines)]
            )
        }
        return output
    }

    /// Starts a command that runs in the background, such as a server under test.
    ///
    /// - Parameter command: What to run; without `timeoutSeconds` it runs until it is stopped or the attempt ends.
    /// - Returns: The running tool.
    /// - Throws: ``ActionFailure`` `TOOL_MISSING` or `TOOL_NOT_STARTED`.
    public func spawn(_ command: ToolCommand) async throws -> RunningTool {
        try Task.checkCancellation()
        let order = try await order(for: command)
        if command.logsOutput { logger.debug("$ \(command) &") }
        let (starts, continuation) = AsyncStream<Int32?>.makeStream(bufferingPolicy: .bufferingOldest(1))
        let process = ToolProcess.start(order) { processID in
            continuation.yield(processID)
            continuation.finish()
        }
        background.add(process)
        // From an iterator of another task: cancellation would leave it undecided whether the tool was started.
        let started = await Task { () -> Int32? in
            for await processID in starts { return processID }
            return nil
        }.value
        guard started != nil else {
            let problem = await process.ending.result
            switch problem {
            case .failure(let error): throw notStarted(command, error)
            case .success: throw notStarted(command, CancellationError())
            }
        }
        return RunningTool(process)
    }

    /// Where an executable is.
    ///
    /// - Parameter name: A name looked up in `PATH`, or a path with a slash.
    /// - Returns: The absolute path; nil when there is none.
    public func find(_ name: String) -> String? {
        ToolEnvironment.find(name, path: environment.variables["PATH"] ?? "", directory: directory)
    }

    /// What a tool says of its version.
    ///
    /// - Parameters:
    ///   - name: A name looked up in `PATH`, or a path with a slash.
    ///   - arguments: What makes it say so.
    /// - Returns: The first line that it prints; nil when it is missing, fails or takes longer than 10 s.
    public func version(of name: String, arguments: [String] = ["--version"]) async -> String? {
        let command = ToolCommand(name, arguments, timeoutSeconds: 10, maxOutputBytes: 64 << 10, logsOutput: false)
        guard let output = try? await run(command), output.succeeded else { return nil }
        let lines = (output.text + "\n" + output.errorText).split(separator: "\n", omittingEmptySubsequences: true)
        return lines.first.map(String.init)
    }

    /// Node.js 20 or newer: that of `PATH`, else the one in Baton's own Python environment; nil when there is neither.
    public var node: String? {
        get async { await finder.node(using: self) }
    }

    /// The npm that belongs to ``node``.
    public var npm: String? {
        get async {
            guard let node = await node else { return nil }
            let beside = FileSystem.parentDirectory(of: node) + "/npm"
            return FileSystem.isExecutable(beside) ? beside : find("npm")
        }
    }

    /// The Python of Baton's own environment (`BATON_PYTHON`), else `python3`; nil when there is neither.
    public var python: String? {
        if let named = environment.variables["BATON_PYTHON"], !named.isEmpty { return find(named) }
        return find("python3")
    }

    /// A TCP port of the loopback interface that nothing listens on now.
    ///
    /// - Returns: The number; another process may take it before it is used.
    /// - Throws: ``ActionFailure`` `NO_FREE_PORT`.
    public func freePort() throws -> Int {
        guard let port = FreePort.find() else {
            throw ActionFailure(
                code: "NO_FREE_PORT", message: "The system has no free TCP port on 127.0.0.1.", retryable: true)
        }
        return port
    }

    /// The same tools, run in another directory when a command names none.
    func moved(to directory: String) -> Toolbox {
        Toolbox(
            environment: environment, directory: directory, logger: logger, background: background, finder: finder,
            redactor: redactor, prepare: prepare)
    }

    private func order(for command: ToolCommand) async throws -> ToolProcess.Order {
        do throws(FileSystem.Failure) {
            try prepare()
        } catch {
            throw ActionFailure(code: "SCRATCH_UNAVAILABLE", message: "\(error)", retryable: error.isPassing)
        }
        var environment = environment
        if let directory = await finder.nodeDirectory(ifNeededFor: command.executable, using: self) {
            environment.prependPath(directory)
        }
        let variables = environment.merging(command.environment)
        let directory = command.directory.map { $0.hasPrefix("/") ? $0 : self.directory + "/" + $0 } ?? self.directory
        guard FileSystem.isDirectory(directory) else {
            throw ActionFailure(
                code: "TOOL_NOT_STARTED", message: "\(command) was to run in \(directory), which is no directory.")
        }
        let path = ToolEnvironment.find(command.executable, path: variables["PATH"] ?? "", directory: directory)
        guard let path else {
            throw ActionFailure(
                code: "TOOL_MISSING",
                message: "There is no executable \(command.executable.debugDescription) "
                    + (command.executable.contains("/") ? "at that path." : "in PATH; install it and try again."),
                detail: ["tool": .string(command.executable)]
            )
        }
        return ToolProcess.Order(
            path: path,
            arguments: command.arguments,
            environment: variables,
            directory: directory,
            maxOutputBytes: command.maxOutputBytes,
            timeout: command.timeoutSeconds.map { .seconds($0) },
            standardInput: command.standardInput,
            logger: command.logsOutput ? logger : nil,
            redactor: redactor
        )
    }

    private func notStarted(_ command: ToolCommand, _ error: any Error) -> any Error {
        if error is CancellationError { return error }
        return ActionFailure(
            code: "TOOL_NOT_STARTED",
            message: "\(command) could not be run: \(error)",
            retryable: true
        )
    }
}
