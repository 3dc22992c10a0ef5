import AgentProtocol
import JSONTools

/// What all attempts of an agent process share: directories, environment of tools, stores.
struct AttemptHost: Sendable {
    let dataDirectory: String
    let shareDirectory: String
    /// This agent's own directory below `work`, deleted when it ends.
    let directory: String
    let toolEnvironment: ToolEnvironment
    let finder: ToolFinder
    /// What no attempt may tell.
    let secrets: SecretStore
    private let owner: ProcessMark
    private let ownership = DirectoryOwner()
    private let setUp = OnceThrowing()

    /// - Parameters:
    ///   - configuration: The agent's settings.
    ///   - agentID: Names this agent's directory.
    ///   - secrets: Those of the settings, if they were made already.
    init(_ configuration: AgentConfiguration, agentID: String, secrets: SecretStore? = nil) {
        self.secrets = secrets ?? SecretStore(configuration)
        dataDirectory = configuration.dataDirectory
        shareDirectory = configuration.shareDirectory
        directory = configuration.workDirectory + "/" + agentID
        toolEnvironment = configuration.toolEnvironment
        finder = ToolFinder(dataDirectory: configuration.dataDirectory)
        owner = .own
    }

    /// git's settings for all tools: any repository may be worked in, whoever owns it.
    var gitConfiguration: String { directory + "/gitconfig" }

    func files(for reference: TaskReference) -> AttemptFiles {
        let name = "\(reference.taskID)-\(reference.attempt)-\(reference.dispatchID)"
        return AttemptFiles(
            dataDirectory: dataDirectory, shareDirectory: shareDirectory, root: directory + "/" + name)
    }

    /// The payload of a task with secrets in place of their names. The agent's secrets are read anew.
    ///
    /// - Returns: A failure `SECRET_UNKNOWN` or `SECRET_UNUSABLE` if it can't be had.
    func payload(of envelope: TaskEnvelope) -> Result<JSONValue, ActionFailure> {
        secrets.refresh()
        return Result { () throws(ActionFailure) in try SecretReference.resolved(envelope.payload, from: secrets) }
    }

    func artifactSink(for envelope: TaskEnvelope, files: AttemptFiles, redactor: Redactor) -> ArtifactSink {
        let named = envelope.artifactsURL.flatMap(GitWorkspace.path(ofFileURL:))
        return ArtifactSink(
            store: ArtifactStore(directory: named ?? dataDirectory + "/artifacts"), roots: [files.root],
            redactor: redactor)
    }

    /// The tools of an attempt, with home and temporary directory of its own, made when the first tool runs.
    func toolbox(
        files: AttemptFiles, logger: TaskLogger, background: BackgroundTools, redactor: Redactor
    ) -> Toolbox {
        var environment = toolEnvironment
        environment.enter(files.toolsPath, gitConfiguration: gitConfiguration, owner: owner)
        return Toolbox(
            environment: environment,
            directory: files.scratchPath,
            logger: logger,
            background: background,
            finder: finder,
            redactor: redactor,
            prepare: { () throws(FileSystem.Failure) in
                try prepare()
                try files.makeForTools()
            }
        )
    }

    /// Makes this agent's directory, once.
    private func prepare() throws(FileSystem.Failure) {
        try setUp.run { () throws(FileSystem.Failure) in
            try FileSystem.makeDirectories(directory, permissions: 0o700)
            try ownership.claim(directory, as: owner)
            let settings = """
                [safe]
                \tdirectory = *
                [init]
                \tdefaultBranch = main
                [gc]
                \tauto = 0
                [advice]
                \tdetachedHead = false
                [user]
                \tname = Baton
                \temail = baton@localhost

                """
            try FileSystem.write(Array(settings.utf8), to: gitConfiguration)
        }
    }

    /// Deletes this agent's directory.
    func remove() {
        if FileSystem.exists(directory) { FileSystem.removeTree(directory) }
    }
}
