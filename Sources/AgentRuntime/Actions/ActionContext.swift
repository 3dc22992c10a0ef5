public import AgentProtocol
public import JSONTools

/// Everything that an action knows and may use in one attempt.
public struct ActionContext: Sendable {
    /// The task as it was sent.
    public let envelope: TaskEnvelope
    /// The payload, checked against the action's schema and with its defaults filled in.
    public var input: JSONValue
    /// Absolute path of the fresh clone, checked out at the input commit on a branch `main`; empty for an action without
    /// workspace. Its remote `origin` is the workflow's bare repository.
    public let workspace: String
    /// Runs tools, in the workspace unless told otherwise.
    public let tools: Toolbox
    /// Keeps files for people.
    public let artifacts: ArtifactSink
    /// Tells people what goes on, live.
    public let logger: TaskLogger
    let attempt: AttemptFiles
    let desk: AttemptDesk

    /// An empty directory of this attempt, deleted afterwards.
    public var scratch: String { attempt.scratch() }

    /// `BATON_DATA_DIR`: what all parts of Baton share.
    public var dataDirectory: String { attempt.dataDirectory }

    /// `BATON_SHARE_DIR`: templates, definitions and static files that come with Baton.
    public var shareDirectory: String { attempt.shareDirectory }

    /// A directory that all attempts on this machine share, for caches of package managers.
    ///
    /// - Parameter name: Letters, digits, `.`, `_` and `-`.
    /// - Returns: The absolute path of the directory, which exists.
    /// - Throws: ``ActionFailure`` `CACHE_UNAVAILABLE`.
    public func cacheDirectory(_ name: String) throws -> String { try attempt.cacheDirectory(name) }

    /// The absolute path of something in the workspace that was named from outside.
    ///
    /// - Throws: ``ActionFailure`` `PATH_OUTSIDE_WORKSPACE` when it would leave the workspace, by `..` or by a symbolic link.
    public func resolve(_ relative: String) throws -> String { try Workspace(root: workspace).resolve(relative) }

    /// Tells how far the work has come; it is shown with the next heartbeat.
    ///
    /// - Parameters:
    ///   - progress: 0...1.
    ///   - note: A few words for people.
    public func report(progress: Double, note: String) {
        desk.report(min(max(progress.isNaN ? 0 : progress, 0), 1), note)
    }

    /// Asks for leave to begin the irreversible part of an exclusive action.
    ///
    /// The orchestrator gives it to one attempt only. It is asked again every 10 s until there is an answer.
    ///
    /// - Throws: `CancellationError` when it was refused or the attempt was stopped.
    public func requestGrant() async throws {
        try Task.checkCancellation()
        try await desk.requestGrant()
    }

    /// What people answered to the questions of earlier attempts, oldest first; empty if none was asked.
    public var answers: [Answer] { envelope.answers }

    /// What people answered to a question of an earlier attempt; nil if it was not asked or not answered.
    public func answer(to question: String) -> JSONValue? {
        envelope.answers.last { $0.id == question }?.value
    }

    /// The output of a stage that this one needs or reads in its `with`.
    ///
    /// - Parameter stage: The stage's name.
    /// - Returns: nil when the stage isn't among them or had no output.
    public func stageOutput(_ stage: String) -> JSONValue? { envelope.workflowContext.stageOutputs[stage] }
}

/// How an attempt speaks to the loop that runs it.
struct AttemptDesk: Sendable {
    var report: @Sendable (_ progress: Double, _ note: String) -> Void
    var requestGrant: @Sendable () async throws -> Void
}
