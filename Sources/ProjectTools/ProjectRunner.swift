public import AgentRuntime
internal import Glibc
internal import JSONTools

/// Runs the commands of a project's manifest in its directory.
public struct ProjectRunner: Sendable {
    /// How a command of the manifest ended.
    public struct Run: Sendable {
        /// Name of the command, such as `test`.
        public var name: String
        /// The output of each argument list that ran, in order; those after one that failed did not run.
        public var outputs: [ToolOutput]
        /// The argument list that failed; nil when all went well.
        public var failedCommand: [String]?
        /// What its tests were, as far as a report or its output says so.
        public var tests: TestSummary?

        /// Whether every argument list exited with 0.
        public var succeeded: Bool { failedCommand == nil }
    }

    private let context: ActionContext
    private let manifest: ProjectManifest
    private let directory: String
    /// Where the project builds if it is one of Swift's; taken for as long as this runner is there.
    private let swiftCache: SwiftBuildCache?

    /// Absolute path of the directory that SwiftPM builds in; nil where it is the project's own.
    public var swiftBuildDirectory: String? { swiftCache?.path }

    /// - Parameters:
    ///   - context: the attempt whose tools and caches are used.
    ///   - manifest: what the project says of itself.
    ///   - directory: absolute path of the project.
    public init(context: ActionContext, manifest: ProjectManifest, directory: String) {
        self.context = context
        self.manifest = manifest
        self.directory = directory
        do {
            swiftCache = try SwiftBuildCache.take(for: directory, in: context.cacheDirectory("swift"))
        } catch {
            // It builds in its own directory then, which only takes longer.
            context.logger.warning("no shared build directory: \(error)")
            swiftCache = nil
        }
    }

    /// Runs a command of the manifest, one argument list after the other, until one fails.
    ///
    /// - Parameters:
    ///   - name: name of the command.
    ///   - environment: variables beside those that every tool gets.
    /// - Returns: nil when the manifest has no such command.
    /// - Throws: ``ActionFailure`` `TOOL_MISSING` or `TOOL_TIMEOUT`; a command that fails doesn't throw.
    public func run(_ name: String, environment: [String: String] = [:]) async throws -> Run? {
        guard let commands = manifest.commands(name) else { return nil }
        if name == "test" || name == "coverage" { try makeRoomForReports() }
        let reportBefore = reportMark()
        var run = Run(name: name, outputs: [], failedCommand: nil)
        for command in commands {
            let output = try await context.tools.run(try tool(command, environment: environment))
            run.outputs.append(output)
            if !output.succeeded {
                run.failedCommand = command
                break
            }
        }
        if name == "test" || name == "coverage" { run.tests = tests(in: run.outputs, reportBefore: reportBefore) }
        return run
    }

    /// Runs a command that has to go well; a manifest without it is fine.
    ///
    /// - Parameters:
    ///   - name: name of the command.
    ///   - failureCode: code of the failure when it doesn't go well.
    /// - Throws: ``ActionFailure`` with that code and the last lines of what was printed.
    @discardableResult
    public func runChecked(_ name: String, failureCode: String) async throws -> Run? {
        guard let run = try await run(name) else { return nil }
        if let failure = run.failure(code: failureCode) { throw failure }
        return run
    }

    /// A command of the manifest as a tool, with the shared caches of the package managers.
    ///
    /// - Throws: what making the cache directories throws.
    public func tool(_ command: [String], environment: [String: String] = [:]) throws -> ToolCommand {
        var caches = [
            "npm_config_cache": try context.cacheDirectory("npm"), "PIP_CACHE_DIR": try context.cacheDirectory("pip"),
            "npm_config_update_notifier": "false", "npm_config_fund": "false", "PYTHONDONTWRITEBYTECODE": "1",
            // Package managers fetch by git as the machine's owner has set it up: from a mirror, through a proxy.
            "GIT_CONFIG_NOSYSTEM": "",
        ]
        if let swiftCache {
            caches[SwiftBuildCache.variable] = swiftCache.path
            caches["XDG_CACHE_HOME"] = try context.cacheDirectory("swiftpm")
        }
        if ["eslint", "tsc"].contains(command[0]) {
            // Debian's own node looks there by itself for what its packages share, every other has to be told.
            caches["NODE_PATH"] = "/usr/share/nodejs:/usr/lib/nodejs"
        }
        return ToolCommand(
            command[0],
            Array(command.dropFirst()),
            in: directory,
            environment: caches.merging(environment) { _, given in given }
        )
    }

    /// Sees to it that the directories are there that reports are written into: a repository keeps no empty ones.
    private func makeRoomForReports() throws {
        for name in manifest.reports.values {
            let path = try Workspace(root: directory).resolve(name)
            do throws(FileError) {
                if let slash = path.lastIndex(of: "/") { try SmallFile.makeDirectories(String(path[..<slash])) }
            } catch {
                throw ActionFailure(code: "FILE_NOT_WRITTEN", message: "\(error)", retryable: true)
            }
        }
    }

    /// The report if this run wrote it, otherwise the totals that were printed.
    private func tests(in outputs: [ToolOutput], reportBefore: ReportMark?) -> TestSummary? {
        if let after = reportMark(), after != reportBefore, let bytes = SmallFile.read(after.path),
            let cases = try? JUnitReport.parse(bytes)
        {
            return TestSummary(cases)
        }
        return outputs.lazy.reversed().compactMap { output in
            // Python's unittest prints where errors go.
            TestSummary(console: output.text) ?? TestSummary(console: output.errorText)
        }.first
    }

    /// Enough of a report file to tell a new one from one that lay there before.
    private struct ReportMark: Equatable {
        var path: String
        var inode: UInt64
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    private func reportMark() -> ReportMark? {
        guard let name = manifest.reports["junit"], let path = try? Workspace(root: directory).resolve(name) else {
            return nil
        }
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return ReportMark(
            path: path,
            inode: UInt64(status.st_ino),
            size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec
        )
    }
}

extension ProjectRunner.Run {
    /// What an action reports when this command had to go well and didn't; nil when it did.
    ///
    /// - Parameter code: code of the failure.
    public func failure(code: String) -> ActionFailure? {
        guard let failedCommand, let last = outputs.last else { return nil }
        var message = "\(name): \(failedCommand.joined(separator: " ")) "
        message += last.signal.map { "was ended by signal \($0)" } ?? "exited with \(last.exitCode)"
        if let tests, tests.failed > 0 {
            message += "; \(tests.sentence)"
            if let first = tests.failures.first { message += "; first: \(first.name): \(first.message)" }
        } else {
            message += ":\n" + last.lastLines()
        }
        var detail: JSONObject = [
            "command": .array(failedCommand.map { .string($0) }), "exit_code": .integer(Int64(last.exitCode)),
            "last_lines": .string(last.lastLines()),
        ]
        if let tests { detail["tests"] = .object(tests.json) }
        return ActionFailure(code: code, message: message, detail: detail)
    }
}
