public import AgentProtocol
public import AgentRuntime
import FoundationEssentials
import Glibc
public import JSONTools
import Subprocess
import SystemPackage

/// A temporary directory for one test, with real git repositories and a data directory for an agent.
public struct Sandbox: Sendable {
    /// Something that a test's arrangement needed didn't work.
    public struct Failure: Error, CustomStringConvertible {
        /// What didn't work.
        public var description: String

        /// - Parameter description: what didn't work.
        public init(description: String) { self.description = description }
    }

    /// How a command ended.
    public struct Output: Sendable {
        /// Whether it exited with 0.
        public var succeeded: Bool
        /// Standard output.
        public var text: String
        /// Standard error.
        public var errorText: String
    }

    /// Absolute path without links.
    public let path: String

    /// The checkout's `share`, found from this file's place in it.
    public static let shareDirectory: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/share"
    }()

    /// Makes the directory, runs a test in it, and deletes it.
    public static func with<Value>(_ body: (Sandbox) async throws -> Value) async throws -> Value {
        var template = Array("/tmp/baton-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp failed") }
        let sandbox = Sandbox(path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        defer { try? FileManager.default.removeItem(atPath: sandbox.path) }
        return try await body(sandbox)
    }

    /// The agent's data directory.
    public var data: String { path + "/data" }

    /// The variables that an agent is started with here.
    public var environment: [String: String] {
        var result = ["BATON_DATA_DIR": data, "BATON_SHARE_DIR": Self.shareDirectory]
        for name in ["PATH", "HOME", "LANG", "BATON_PYTHON"] {
            if let value = getenv(name) { result[name] = String(cString: value) }
        }
        return result
    }

    // MARK: Files

    /// Writes a file, below the sandbox unless the path is absolute, and makes its directories.
    public func write(_ text: String, to file: String) throws {
        let target = file.hasPrefix("/") ? file : path + "/" + file
        let parent = target.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: target))
    }

    /// The text of a file; nil when there is none.
    public func read(_ file: String) -> String? {
        let target = file.hasPrefix("/") ? file : path + "/" + file
        return (try? Data(contentsOf: URL(filePath: target))).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether there is such a file or directory.
    public func exists(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: file.hasPrefix("/") ? file : path + "/" + file)
    }

    // MARK: Commands

    /// Runs a command, whatever its exit code.
    public func run(
        _ name: String, _ arguments: [String], environment more: [String: String] = [:]
    ) async throws -> Output {
        var variables: [Environment.Key: String] = [:]
        let identity = [
            "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@localhost", "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "test@localhost", "GIT_CONFIG_NOSYSTEM": "1", "HOME": path, "LC_ALL": "C",
        ]
        for (key, value) in environment.merging(identity, uniquingKeysWith: { $1 }).merging(
            more, uniquingKeysWith: { $1 })
        {
            if let key = Environment.Key(rawValue: key) { variables[key] = value }
        }
        let result = try await Subprocess.run(
            name.contains("/") ? .path(FilePath(name)) : .name(name), arguments: Arguments(arguments),
            environment: .custom(variables),
            workingDirectory: FilePath(path), output: .string(limit: 4 << 20), error: .string(limit: 4 << 20))
        return Output(
            succeeded: result.terminationStatus.isSuccess,
            text: result.standardOutput,
            errorText: result.standardError
        )
    }

    /// Runs git where it has to go well.
    ///
    /// - Returns: What it prints, without the white space around it.
    @discardableResult
    public func git(_ arguments: String...) async throws -> String {
        let output = try await run("git", arguments)
        guard output.succeeded else { throw Failure(description: "git \(arguments): \(output.errorText)") }
        return output.text.split(whereSeparator: \.isNewline).joined(separator: "\n")
    }

    /// Commits files on top of a branch of a bare repository, which are made as needed.
    ///
    /// - Parameters:
    ///   - files: text by path in the project; nil deletes.
    ///   - branch: the branch that gets the commit.
    ///   - start: where the branch begins if it isn't there; nil for a commit without parent.
    ///   - repository: path of the bare repository.
    /// - Returns: The commit.
    @discardableResult
    public func commit(
        _ files: [String: String?],
        to branch: String,
        from start: String? = nil,
        in repository: String,
        message: String = "change"
    ) async throws -> String {
        if !exists(repository) { try await git("init", "--quiet", "--bare", "--initial-branch=main", repository) }
        let clone = path + "/clone-\(UInt32.random(in: .min ... .max))"
        try await git("clone", "--quiet", repository, clone)
        let isThere = try await run("git", ["-C", clone, "rev-parse", "--verify", "--quiet", "origin/\(branch)"])
            .succeeded
        if isThere {
            try await git("-C", clone, "checkout", "--quiet", "-B", "work", "origin/\(branch)")
        } else if let start {
            try await git("-C", clone, "checkout", "--quiet", "-B", "work", start)
        } else {
            try await git("-C", clone, "checkout", "--quiet", "--orphan", "work")
        }
        for (file, text) in files {
            if let text {
                try write(text, to: clone + "/" + file)
            } else {
                try await git("-C", clone, "rm", "--quiet", file)
            }
        }
        try await git("-C", clone, "add", "--all")
        try await git("-C", clone, "commit", "--quiet", "-m", message)
        try await git("-C", clone, "push", "--quiet", "origin", "work:refs/heads/\(branch)")
        let commit = try await git("-C", clone, "rev-parse", "HEAD")
        try FileManager.default.removeItem(atPath: clone)
        return commit
    }

    // MARK: Tasks

    /// A task file in the short form.
    public func task(
        _ action: String,
        payload: JSONObject = [:],
        workflow: String = "tiny-app",
        repository: String? = nil,
        commit: String? = nil,
        mode: String = "write",
        taskID: UniqueID? = nil,
        timeoutMilliseconds: Int = 120_000
    ) -> JSONObject {
        var task: JSONObject = [
            "action": .string(action), "payload": .object(payload),
            "workflow_context": ["workflow_name": .string(workflow)],
            "constraints": ["timeout_ms": .integer(Int64(timeoutMilliseconds))],
        ]
        if let repository, let commit {
            task["workspace"] = [
                "mode": .string(mode), "url": .string("file:" + repository), "commit": .string(commit),
            ]
        }
        if let taskID { task["task_id"] = .string(taskID.description) }
        return task
    }

    /// Runs a task with an agent's actions, in this process.
    public func run(
        _ task: JSONObject,
        type: String,
        actions: [any AgentAction],
        environment: [String: String] = [:]
    ) async throws -> TaskResult {
        let trial = try TaskTrial(
            type: type, actions: actions, environment: self.environment.merging(environment) { _, given in given })
        return try await trial.run(JSONValue.object(task).encoded())
    }

    /// Bytes of an artifact of a result.
    public func artifact(_ name: String, of result: TaskResult) -> [UInt8]? {
        guard let reference = result.artifacts.first(where: { $0.name == name }) else { return nil }
        let file = "\(data)/artifacts/\(reference.sha256.prefix(2))/\(reference.sha256)"
        return (try? Data(contentsOf: URL(filePath: file))).map(Array.init)
    }

    /// Body of a GET request; nil when there is no answer or no 2xx.
    public func get(_ url: String) async throws -> String? {
        let output = try await run("curl", ["--silent", "--fail", "--noproxy", "*", "--max-time", "5", url])
        return output.succeeded ? output.text : nil
    }

    /// Waits until something is true, looking every 20 ms.
    ///
    /// - Returns: Whether it came true within `seconds`.
    public func eventually(within seconds: Double = 20, _ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}
