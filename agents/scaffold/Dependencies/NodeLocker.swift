import AgentRuntime
import JSONTools
import ProjectTools

/// Sees to it that a Node project has its lock file.
struct NodeLocker {
    /// Who wrote the lock file.
    enum Writer: String {
        case project, npm, baton
    }

    struct Outcome {
        var writer: Writer
        var dependencies: Int
        var tools: JSONObject
        var warning: String?

        /// What happened, in a few words.
        var fact: String {
            let count = dependencies == 0 ? "no dependencies" : "\(dependencies) dependencies"
            return switch writer {
            case .project: "\(count), lock file was there"
            case .npm: "\(count), lock file by npm"
            case .baton: "\(count), lock file by Baton"
            }
        }
    }

    private let context: ActionContext
    private let runner: ProjectRunner

    init(_ context: ActionContext, _ runner: ProjectRunner) {
        self.context = context
        self.runner = runner
    }

    /// Writes the lock file if it is missing.
    ///
    /// npm writes it; where node comes without npm, that of a project without dependencies is written here.
    ///
    /// - Returns: nil when the project is none of Node's.
    /// - Throws: ``ActionFailure`` `INVALID_PACKAGE_JSON`; `TOOL_MISSING` when there are dependencies and no npm;
    ///   `LOCK_FAILED` when npm fails.
    func run() async throws -> Outcome? {
        let writer = try WorkspaceWriter(context.workspace)
        guard let bytes = SmallFile.read(try writer.workspace.resolve(NodePackage.fileName)) else { return nil }
        guard let json = try? JSONValue(parsing: bytes, limits: JSONLimits(depth: 64, maxBytes: 16 << 20)),
            let package = NodePackage(json: json)
        else {
            throw ActionFailure(code: "INVALID_PACKAGE_JSON", message: "\(NodePackage.fileName) is not a JSON object.")
        }
        let npm = await context.tools.npm
        var outcome = Outcome(writer: .project, dependencies: package.dependencies.count, tools: [:])
        if let node = await context.tools.node, let version = await context.tools.version(of: node) {
            outcome.tools["node"] = .string(version)
        }
        if SmallFile.read(try writer.workspace.resolve(NodePackage.lockFileName)) != nil { return outcome }

        if let npm {
            outcome.tools["npm"] = await context.tools.version(of: npm).map { .string($0) }
            outcome.writer = .npm
            try await lock(with: npm, offline: package.dependencies.isEmpty)
        } else if let lock = package.lockFileWithoutDependencies {
            outcome.writer = .baton
            outcome.warning = "npm is not installed; the project has no dependencies, so Baton wrote its lock file."
            try writer.write(lock, to: NodePackage.lockFileName)
        } else {
            throw ActionFailure(
                code: "TOOL_MISSING",
                message: "The project has \(package.dependencies.count) dependencies and no lock file, and npm is not "
                    + "installed; install npm (on Debian: apt-get install npm) or commit \(NodePackage.lockFileName).",
                detail: ["tool": "npm"]
            )
        }
        return outcome
    }

    private func lock(with npm: String, offline: Bool) async throws {
        var arguments = ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
        if offline { arguments.append("--offline") }
        let output = try await context.tools.run(try runner.tool([npm] + arguments))
        guard output.succeeded else {
            throw ActionFailure(
                code: "LOCK_FAILED",
                message: "npm could not write the lock file:\n\(output.lastLines())",
                retryable: !offline
            )
        }
    }
}
