import AgentProtocol

/// What all attempts of an agent process share: directories, environment of tools, stores.
struct AttemptHost: Sendable {
    let dataDirectory: String
    let shareDirectory: String
    /// This agent's own directory below `work`, deleted when it ends.
    let directory: String
    let toolEnvironment: ToolEnvironment
    let finder: ToolFinder
    private let owner: ProcessMark
    private let ownership = DirectoryOwner()
    private let setUp = OnceThrowing()

    /// - Parameter agentID: Names this agent's directory.
    init(_ configuration: AgentConfiguration, agentID: String) {
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

    func artifactSink(for envelope: TaskEnvelope, files: AttemptFiles) -> ArtifactSink {
        let named = envelope.artifactsURL.flatMap(GitWorkspace.path(ofFileURL:))
        return ArtifactSink(
            store: ArtifactStore(directory: named ?? dataDirectory + "/artifacts"), roots: [files.root])
    }

    /// The tools of an attempt, with home and temporary directory of its own, made when the first tool runs.
    func toolbox(files: AttemptFiles, logger: TaskLogger, background: BackgroundTools) -> Toolbox {
        var environment = toolEnvironment
        environment.enter(files.toolsPath, gitConfiguration: gitConfiguration, owner: owner)
        return Toolbox(
            environment: environment,
            directory: files.scratchPath,
            logger: logger,
            background: background,
            finder: finder,
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
